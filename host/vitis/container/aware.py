"""Quantization-aware training with AMD's quantizer: trained thresholds, then a model for the compiler."""

from __future__ import annotations

from typing import Any, Dict, List, Tuple

import numpy as np
import tensorflow as tf

HELD_OUT = 0.1  # share of the training images that chooses the epoch


def train_aware(
    vitis_quantize: Any,
    model: Any,
    data: Tuple[np.ndarray, Dict[str, np.ndarray]],
    options: Dict[str, Any],
    rewrites: Dict[str, Any],
) -> Tuple[Any, List[Dict[str, float]]]:
    """Train a float network on with the rounding of int8 in the forward pass.

    Args:
        vitis_quantize: AMD's module.
        model: Float, functional.
        data: Calibration images float32 (n, h, w, c); x of that form and y, int (n,), to train on.
        options: batch_size, qat_epochs, qat_learning_rate, seed.
        rewrites: Keyword arguments for AMD's tool, what it does to the float network first.

    Returns:
        The quantized model, which the compiler takes, of the best epoch; a record for each epoch, the
        first one of the start.
    """
    calibration, training = data
    quantizer = vitis_quantize.VitisQuantizer(model, quantize_strategy="pof2s_tqt")
    aware = quantizer.get_qat_model(
        init_quant=True,
        calib_dataset=calibration,
        calib_batch_size=options["batch_size"],
        **rewrites,
    )
    aware.compile(
        optimizer=tf.keras.optimizers.Adam(learning_rate=options["qat_learning_rate"]),
        loss=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=not ends_in_softmax(model)),
        metrics=["accuracy"],
    )
    rows = np.random.RandomState(options["seed"]).permutation(len(training["x"]))
    held = max(1, int(len(rows) * HELD_OUT))
    judging, learning = (
        (training["x"][part], training["y"][part]) for part in (rows[:held], rows[held:])
    )
    history = [_judge(aware, judging, 0)]
    best, kept = _rank(history[0]), aware.get_weights()
    for epoch in range(1, options["qat_epochs"] + 1):
        aware.fit(*learning, batch_size=options["batch_size"], epochs=1, verbose=2)
        history.append(_judge(aware, judging, epoch))
        if _rank(history[-1]) > best:
            best, kept = _rank(history[-1]), aware.get_weights()
    aware.set_weights(kept)
    return vitis_quantize.VitisQuantizer.get_deploy_model(aware), history


def ends_in_softmax(model: Any) -> bool:
    """Say whether the outputs are probabilities."""
    last = model.layers[-1]
    function = getattr(last, "activation", None)
    name = getattr(function, "__name__", "")
    return name == "softmax" or type(last).__name__ == "Softmax"


def _judge(model: Any, data: Tuple[np.ndarray, np.ndarray], epoch: int) -> Dict[str, float]:
    found = model.evaluate(*data, batch_size=256, verbose=0, return_dict=True)
    print(f"epoch {epoch}: int8 accuracy {found['accuracy']:.4f}", flush=True)
    return {"epoch": epoch, "loss": float(found["loss"]), "accuracy": float(found["accuracy"])}


def _rank(record: Dict[str, float]) -> Tuple[float, float]:
    return record["accuracy"], -record["loss"]
