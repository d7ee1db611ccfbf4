"""What a model's float and int8 forms answer to gray images: the scores of every output."""

from __future__ import annotations

import dataclasses

import numpy as np

from host.data.calibration import treat_all
from host.graph.keras_file import load_keras_model
from host.runners.emulator import EmulatorRunner
from target.manifest import Manifest
from target.vision.postprocess import log_probabilities
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

    def logits(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """Return the scores before the softmax by kind, float32 (n, outputs).

        Args:
            images: uint8 (n, h, w) gray; brought to the network's size by the manifest's crop rule.
        """
        codes = self.codes(images).astype(np.float32)
        given = {"int8": codes * np.float32(self._runner.output.scale)}
        if self._float is not None:
            given["float"] = log_probabilities(self.probabilities(images))
        return given

    def codes(self, images: np.ndarray) -> np.ndarray:
        """Return the codes of the int8 model, int8 (n, outputs), of images as `logits` takes them."""
        treated = self._treated(images)
        table = input_table(self._manifest.input_scale, self._runner.input)
        codes = [
            self._runner.infer_batch(table[treated[start : start + _BATCH]][..., None])
            for start in range(0, len(treated), _BATCH)
        ]
        return np.concatenate(codes).reshape(len(treated), -1)

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Return the float model's output, float32 (n, outputs), of images as `logits` takes them."""
        spec = dataclasses.replace(self._runner.input, dtype="float32")
        real = input_table(self._manifest.input_scale, spec)[self._treated(images)][..., None]
        assert self._float is not None
        return np.asarray(self._float.predict(real, batch_size=_BATCH, verbose=0))

    def _treated(self, images: np.ndarray) -> np.ndarray:
        size = (self._manifest.input_size, self._manifest.input_size)
        if images.shape[1:] != size:
            images = np.stack([self._preprocess.gray(image) for image in images])
        return treat_all(images, self._manifest.treatment)
