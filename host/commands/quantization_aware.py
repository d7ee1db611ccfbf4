"""The part of `train` that goes on from a trained model with the rounding of int8 in the forward pass."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from pathlib import Path
from typing import Any

from host.commands.quantize import write_quantization
from host.data.calibration import choose_calibration
from host.data.samples import Samples
from host.graph.from_keras import from_keras
from host.graph.keras_file import load_keras_model
from host.quantizer.config import QuantConfig
from host.quantizer.quantize import optimize, quantize_graph
from host.training.config import TrainConfig
from target import files
from target.errors import ModelError

LEARNING_RATE, EPOCHS = 1e-4, 3


def run_quantization_aware(
    source: Path, config: TrainConfig, samples: Samples, out: Path
) -> dict[str, Any]:
    """Quantize a trained model, train it on, and write the float and the int8 model.

    Args:
        source: Folder with float.keras.
        config: The run; its learning rate is that of the further training.
        samples: The training part.
        out: Folder of the result.

    Returns:
        The content of train.json, with `quantization_aware`: accuracy before and after.
    """
    floating = from_keras(load_keras_model(source / "float.keras"))
    from host.training.from_graph import keras_from_graph, set_weights
    from host.training.quantization_aware import train_quantized

    quant = QuantConfig()
    images = choose_calibration(samples.images, quant.count, config.seed, config.treatment)
    quantized = quantize_graph(floating, images, quant)
    plain = optimize(floating, quant, for_dpu=False)
    model = keras_from_graph(plain)  # what has no way back to Keras is refused before the training
    result = train_quantized(quantized.graph, samples, config)
    set_weights(model, quantized.graph)
    facts = _facts(source, config, samples, result._asdict())
    name = out.resolve().name
    quantized.graph.name = name
    with contextlib.ExitStack() as stack:
        for file, content in (("train.json", facts), ("history.json", _history(result._asdict()))):
            place = stack.enter_context(files.replacing(out / file))
            place.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        saved = stack.enter_context(files.replacing(out / "float.keras"))
        model.save(saved)
        described = {"images": Path(samples.source).name, "float_sha256": files.sha256_of(saved)}
        write_quantization(quantized, quant, out, name, described)
    return facts


def _facts(
    source: Path, config: TrainConfig, samples: Samples, result: dict[str, Any]
) -> dict[str, Any]:
    try:
        base = json.loads((source / "train.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(
            f"model to go on from must have a train.json, got '{error}' in {source}; run make train"
        ) from error
    aware = {
        "accuracy_before": result["before"],
        "accuracy_after": result["after"],
        "best_epoch": result["best_epoch"],
        "config": dataclasses.asdict(config),
        "rows_trained": result["rows"][0],
        "rows_validated": result["rows"][1],
        "data_sha256": samples.sha256,
    }
    return {**base, "temperature": result["temperature"], "quantization_aware": aware}


def _history(result: dict[str, Any]) -> dict[str, Any]:
    return {"history": result["history"], "best_epoch": result["best_epoch"]}
