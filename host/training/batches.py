"""Batches of training images: drawn, shuffled, augmented, each epoch a pure function of (seed, epoch)."""

from __future__ import annotations

import collections
import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np

from host.data.augment import augment
from host.data.background import replace_background
from host.data.calibration import network_input
from host.data.mixture import RENDERED, shows_both_hands
from host.data.samples import Samples
from host.training.config import TrainConfig


def one_hot(labels: np.ndarray, outputs: int) -> np.ndarray:
    """Return float32 (n, outputs) with a 1 at each label value."""
    return np.asarray(np.eye(outputs, dtype=np.float32)[labels])


class Batches(keras.utils.PyDataset):
    """One epoch of training batches; `select_epoch` says which one.

    A run that is resumed at epoch 7 sees the same images in the same order as one that never
    stopped. Of a mixture each epoch draws as many images of each set as the configuration says; none comes
    again before all of its set have come.
    """

    def __init__(self, samples: Samples, outputs: int, config: TrainConfig) -> None:
        super().__init__(workers=2, max_queue_size=8)  # drawn beside the training
        self.samples = samples
        self._outputs = outputs
        self._config = config
        self._parts = self._rows_of_parts()
        self._rendered = np.isin(samples.part_names(), RENDERED)
        self._both_hands = shows_both_hands(samples.part_names())
        self._length = sum(count for _, count in self._parts)
        self.select_epoch(0)

    def _rows_of_parts(self) -> list[tuple[np.ndarray, int]]:
        """Return the rows of each set, and how many of them an epoch draws."""
        rows = np.arange(len(self.samples))
        mix = self._config.mix
        if mix is None:
            return [(rows, len(rows))]
        parts = self.samples.part_names()
        return [(rows[parts == name], count) for name, count in mix.items() if name in parts]

    def label_counts(self) -> np.ndarray:
        """Return how many images of each label an epoch draws, on average, float (outputs,)."""
        counts = np.zeros(self._outputs)
        for rows, drawn in self._parts:
            of_label = np.bincount(self.samples.labels[rows], minlength=self._outputs)
            counts += of_label * drawn / len(rows)
        return counts

    def select_epoch(self, epoch: int) -> None:
        """Draw the rows of an epoch and their order (0 = first)."""
        self._epoch = epoch
        seed = self._config.seed
        if self._config.mix is None:
            order = self._parts[0][0]
        else:
            order = np.concatenate([_draw(*part, seed, epoch) for part in self._parts])
        if self._config.shuffle:
            order = np.random.default_rng([seed, epoch]).permutation(order)
        self._order = order

    def __len__(self) -> int:
        return -(-self._length // self._config.batch_size)

    def __getitem__(self, index: int) -> tuple[np.ndarray, ...]:
        size = self._config.batch_size
        rows = self._order[index * size : (index + 1) * size]
        images = self._augmented(
            rows, np.random.default_rng([self._config.seed, self._epoch, index])
        )
        targets = one_hot(self.samples.labels[rows], self._outputs)
        return network_input(images, self._config.treatment), targets

    def drawn_ahead(self) -> Iterator[tuple[np.ndarray, ...]]:
        """Yield the epoch's batches in order, drawn beside the training as Keras's fit does it."""
        with ThreadPoolExecutor(self.workers) as pool:
            waiting = collections.deque(
                pool.submit(self.__getitem__, index)
                for index in range(min(self.max_queue_size, len(self)))
            )
            for index in itertools.count(len(waiting)):
                if not waiting:
                    return
                batch = waiting.popleft().result()
                if index < len(self):
                    waiting.append(pool.submit(self.__getitem__, index))
                yield batch

    def _augmented(self, rows: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        images = self._before_other_walls(rows, generator)
        rendered = self._rendered[rows] & (self._config.augment_hands is not None)
        changed: np.ndarray = images.copy()
        for chosen, how in (
            (~rendered, self._config.augment),
            (rendered, self._config.augment_hands),
        ):
            if how is not None and chosen.any():
                changed[chosen] = augment(images[chosen], how, generator)
        if self._config.augment is not None:
            mirrored = self._both_hands[rows] & (generator.random(len(rows)) < 0.5)
            changed[mirrored] = changed[mirrored, :, ::-1]
        return changed

    def _before_other_walls(self, rows: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """Return the images, a share of those whose hand is known before another background."""
        how, masks = self._config.augment, self.samples.masks
        images: np.ndarray = self.samples.images[rows]
        if how is None or not how.background or masks is None:
            return images
        wanted = generator.random(len(rows)) < how.background
        others = generator.integers(0, len(self.samples), len(rows))
        for place in np.flatnonzero(wanted & masks[rows].any(axis=(1, 2))):
            other = self.samples.images[others[place]]
            mask = masks[rows[place]]
            images[place] = replace_background(images[place], mask, other, generator)
        return images


def _draw(rows: np.ndarray, count: int, seed: int, epoch: int) -> np.ndarray:
    """Return the epoch's `count` rows out of an endless row of permutations of `rows`."""
    drawn: list[np.ndarray] = []
    start = epoch * count
    while count > 0:
        turn, place = divmod(start, len(rows))
        order = np.random.default_rng([seed, turn, len(rows)]).permutation(rows)
        taken = order[place : place + count]
        drawn.append(taken)
        start, count = start + len(taken), count - len(taken)
    return np.concatenate(drawn)
