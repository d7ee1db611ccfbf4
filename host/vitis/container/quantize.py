"""Quantize a job with AMD's vai_q_tensorflow2, inside AMD's container.

    python -m host.vitis.container.quantize JOB

JOB is the folder that `python -m host quantize --toolchain vitis` writes: job.json, network.json and .npz,
calibration.npz, evaluation.npz and, for quantization-aware training, training.npz. Leaves JOB/quantized:
quantized.h5 for the compiler, outputs.npz (of the float and the quantized network for the evaluation
images) and report.json; and JOB/dump_results: AMD's golden results for the first of those images.
"""

from __future__ import annotations

import importlib
import os
import platform
import sys
import time
from typing import Any, Dict, Optional

import numpy as np
import tensorflow as tf

from host.vitis.container.aware import train_aware
from host.vitis.container.job import JobError, load_arrays, load_json, results, run, write_json
from host.vitis.container.network import check_rebuilt, compute_in_float32, rebuild

QUANTIZER = "tensorflow_model_optimization.quantization.keras"
BATCH = 256


def main(job: str) -> None:
    """Quantize, evaluate, dump."""
    settings = load_json(job, "job.json")
    options = settings["quantize"]
    compute_in_float32()
    vitis_quantize = import_quantizer()
    np.random.seed(options["seed"])
    tf.random.set_seed(options["seed"])
    model = rebuild(job)
    evaluation = load_arrays(job, "evaluation.npz")
    images, expected = evaluation["x"], evaluation["expected"]
    difference = check_rebuilt(model, images[: len(expected)], expected)
    print(f"rebuilt float network: outputs differ by at most {difference:.2g}", flush=True)
    calibration = load_arrays(job, "calibration.npz")["x"]
    started = time.time()
    history = None
    if options["qat_epochs"]:
        training = load_arrays(job, "training.npz")
        data = (calibration, training)
        more = rewrites(options)
        quantized, history = train_aware(vitis_quantize, model, data, options, more)
    else:
        quantized = quantize(vitis_quantize, model, calibration, options)
    seconds = time.time() - started
    with results(job, "quantized") as folder:
        path = os.path.join(folder, "quantized.h5")
        quantized.save(path)
        with vitis_quantize.quantize_scope():
            stored = tf.keras.models.load_model(path, compile=False)
        outputs = {"float": _predict(model, images), "quantized": _predict(stored, images)}
        np.savez_compressed(
            os.path.join(folder, "outputs.npz"),
            float=outputs["float"],
            quantized=outputs["quantized"],
        )
        report: Dict[str, Any] = {
            "seconds": round(seconds, 3),
            "rebuilt_difference": difference,
            "evaluation": score(outputs, evaluation.get("y")),
            "qat": history,
            "versions": versions(),
        }
        write_json(os.path.join(folder, "report.json"), report)
    print(_describe(report["evaluation"]), flush=True)
    with results(job, "dump_results") as folder:
        vitis_quantize.VitisQuantizer.dump_model(
            model=quantized, dataset=images[:1], output_dir=folder
        )


def import_quantizer() -> Any:
    """Import AMD's module vitis_quantize.

    Raises:
        JobError: If it is not installed here.
    """
    try:
        module = importlib.import_module(QUANTIZER + ".vitis_quantize")
    except ImportError as error:
        raise JobError(
            f"vai_q_tensorflow2 must be installed for {sys.executable}, got '{error}'; run in AMD's"
            " container after conda activate vitis-ai-tensorflow2"
        ) from error
    return module


def quantize(
    vitis_quantize: Any, model: Any, calibration: np.ndarray, options: Dict[str, Any]
) -> Any:
    """Quantize after training, with AMD's defaults but for the options of the job.

    Args:
        vitis_quantize: AMD's module.
        model: Float, functional.
        calibration: float32 (n, h, w, c).
        options: batch_size, equalize, relu6_to_relu, fast_finetune_epochs (0 for none).

    Returns:
        The quantized tf.keras.Model.
    """
    more = rewrites(options)
    if options["fast_finetune_epochs"]:
        more["include_fast_ft"] = True
        more["fast_ft_epochs"] = options["fast_finetune_epochs"]
    quantizer = vitis_quantize.VitisQuantizer(model)
    return quantizer.quantize_model(
        calib_dataset=calibration, calib_batch_size=options["batch_size"], **more
    )


def rewrites(options: Dict[str, Any]) -> Dict[str, Any]:
    """Return AMD's options of what is done to the float network first, where they are not AMD's defaults.

    Args:
        options: equalize, relu6_to_relu.
    """
    more: Dict[str, Any] = {}
    if not options["equalize"]:
        more["include_cle"] = False
    if options["relu6_to_relu"]:
        more["convert_relu6_to_relu"] = True
    return more


def score(outputs: Dict[str, np.ndarray], classes: Optional[np.ndarray]) -> Dict[str, Any]:
    """Return the share of images on which both networks agree, and of right answers of each.

    Args:
        outputs: `float` and `quantized`, (n, outputs).
        classes: The output that should be highest, int (n,); None if unknown.
    """
    best = {kind: values.argmax(axis=-1) for kind, values in outputs.items()}
    found: Dict[str, Any] = {
        "n": len(best["float"]),
        "agreement": float(np.mean(best["float"] == best["quantized"])),
        "accuracy": None,
    }
    if classes is not None:
        found["accuracy"] = {k: float(np.mean(got == classes)) for k, got in best.items()}
    return found


def versions() -> Dict[str, str]:
    """Return the versions of everything that took part."""
    found = {"python": platform.python_version(), "tensorflow": tf.__version__}
    found["numpy"] = np.__version__
    package = importlib.import_module("tensorflow_model_optimization")
    found["vai_q_tensorflow2"] = str(getattr(package, "__version__", "unknown"))
    return found


def _predict(model: Any, images: np.ndarray) -> np.ndarray:
    made = model.predict(images, batch_size=BATCH, verbose=0)
    return np.asarray(made[0] if isinstance(made, list) else made)


def _describe(found: Dict[str, Any]) -> str:
    share, right = found["agreement"], found["accuracy"]
    text = f"quantized network agrees with the float one on {share:.2%} of {found['n']} images"
    if right:
        text += f", accuracy {right['float']:.2%} float, {right['quantized']:.2%} quantized"
    return text


if __name__ == "__main__":
    sys.exit(run(main, __doc__))
