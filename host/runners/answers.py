"""What a model's float and int8 forms answer to gray images: the scores of every output."""

from __future__ import annotations

import dataclasses

import numpy as np

from host.data.calibration import treat_all
from host.graph.keras_file import load_keras_model
from host.runners.emulator import EmulatorRunner
from target.manifest import Manifest
from target.vision.preprocess import Preprocessor, input_table

_BATCH = 256


class Answers:
    """Both forms of one model, loaded once.

    Args:
        manifest: Of the model.
        engine: Of the emulator.
        with_float: Also load the float model, with Keras.

    Raises:
        ModelError: If a file of the model is missing or differs from the manifest.
    """

    def __init__(self, manifest: Manifest, engine: str = "auto", with_float: bool = True) -> None:
        self._manifest = manifest
        self._runner = EmulatorRunner(manifest, engine)
        self._preprocess = Preprocessor(manifest, self._runner.input)
        self._float = None
        if with_float:
            manifest.verify("float")
            self._float = load_keras_model(manifest.file("float"))

    @property
    def kinds(self) -> tuple[str, ...]:
        """`int8`, and `float` if it was asked for."""
        return ("int8",) if self._float is None else ("int8", "float")

    def logits(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """Return the scores before the softmax by kind, float32 (n, outputs).

        Args:
            images: uint8 (n, h, w) gray; brought to the network's size by the manifest's crop rule.
        """
        size = (self._manifest.input_size, self._manifest.input_size)
        if images.shape[1:] != size:
            images = np.stack([self._preprocess.gray(image) for image in images])
        treated = treat_all(images, self._manifest.treatment)
        given = {"int8": self._int8(treated)}
        if self._float is not None:
            spec = dataclasses.replace(self._runner.input, dtype="float32")
            real = input_table(self._manifest.input_scale, spec)[treated][..., None]
            probabilities = self._float.predict(real, batch_size=_BATCH, verbose=0)
            given["float"] = np.log(np.maximum(probabilities, np.float32(1e-12)))
        return given

    def _int8(self, treated: np.ndarray) -> np.ndarray:
        table = input_table(self._manifest.input_scale, self._runner.input)
        codes = [
            self._runner.infer_batch(table[treated[start : start + _BATCH]][..., None])
            for start in range(0, len(treated), _BATCH)
        ]
        flat = np.concatenate(codes).reshape(len(treated), -1)
        return flat.astype(np.float32) * np.float32(self._runner.output.scale)
