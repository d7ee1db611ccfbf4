"""Batches of training images: shuffled, augmented, each epoch a pure function of (seed, epoch)."""

from __future__ import annotations

import keras
import numpy as np

from host.data.augment import AugmentConfig, augment
from host.data.calibration import network_input
from host.data.samples import Samples


def one_hot(labels: np.ndarray, outputs: int) -> np.ndarray:
    """Return float32 (n, outputs) with a 1 at each label value."""
    return np.asarray(np.eye(outputs, dtype=np.float32)[labels])


class Batches(keras.utils.PyDataset):
    """One epoch of training batches; `epoch` selects which one.

    A run that is resumed at epoch 7 sees the same images in the same order as one that never
    stopped.
    """

    def __init__(
        self,
        samples: Samples,
        outputs: int,
        batch_size: int,
        seed: int,
        augmentation: AugmentConfig | None,
    ) -> None:
        super().__init__(workers=1, use_multiprocessing=False)
        self.samples = samples
        self._outputs = outputs
        self._batch_size = batch_size
        self._seed = seed
        self._augmentation = augmentation
        self.select_epoch(0)

    def select_epoch(self, epoch: int) -> None:
        """Draw the order of the rows of an epoch (0 = first)."""
        self._epoch = epoch
        self._order = np.random.default_rng([self._seed, epoch]).permutation(len(self.samples))

    def __len__(self) -> int:
        return -(-len(self.samples) // self._batch_size)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        rows = self._order[index * self._batch_size : (index + 1) * self._batch_size]
        images = self.samples.images[rows]
        if self._augmentation is not None:
            generator = np.random.default_rng([self._seed, self._epoch, index])
            images = augment(images, self._augmentation, generator)
        return network_input(images), one_hot(self.samples.labels[rows], self._outputs)
