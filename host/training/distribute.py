"""Training on several devices or machines: TensorFlow's strategies, with a step of our own.

Keras 3's `fit` refuses MultiWorkerMirroredStrategy, so the step is written with `strategy.run`; what an epoch
is, validation, the best epoch and early stopping stay those of host.training.fit. The model that is
validated and stored is the ordinary one: the model in the strategy's scope takes its state at the start
and gives it back after every epoch, so a training can go on with more, fewer or no other workers.

Every worker draws the same whole batch and computes its share of the rows. The sum over all of them is
the step of one worker, but for dropout, where each replica draws masks of its own, and for float rounding.
Measured with batch normalization, three replicas against one: updates agree to 2e-13 in float64; in float32
the loss agrees to 2e-6, yet a gradient may differ by percents where rounding turns a ReLU over.
"""

from __future__ import annotations

import contextlib
import dataclasses
import faulthandler
import json
import logging
import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from host.training.batches import Batches
from host.training.checkpoint import Progress
from host.training.cluster import MULTI_WORKER, Cluster, wait_for_peers
from host.training.show import EpochProgress
from target.errors import BackendError, DataError, one_line

_JOIN_S = 120  # of TensorFlow's own start, once every worker has answered
_SEED_STRIDE = 0x9E3779B9
_LOST = (
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.FailedPreconditionError,
    tf.errors.InternalError,
    tf.errors.UnavailableError,
    tf.errors.UnknownError,
)
_log = logging.getLogger(__name__)


def connect(cluster: Cluster) -> Distributed:
    """Return the steps of a training on every GPU of this machine, or of all workers.

    With several workers this must come before TensorFlow's first computation.

    Raises:
        BackendError: If a worker cannot be reached.
    """
    gpus = tf.config.list_physical_devices("GPU")
    tf.get_logger().setLevel(logging.WARNING)  # it tells of every collective it traces
    if cluster.strategy != MULTI_WORKER:
        # Devices by name: otherwise TF_CONFIG, if set, changes what "all of them" means.
        names = [f"/gpu:{index}" for index in range(len(gpus))] or ["/cpu:0"]
        return Distributed(tf.distribute.MirroredStrategy(names), cluster)
    wait_for_peers(cluster)
    resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
        tf.train.ClusterSpec({"worker": list(cluster.addresses)}),
        task_type="worker",
        task_id=cluster.rank,
        rpc_layer="grpc",
        num_accelerators={"GPU": len(gpus)},
    )
    with _peers(), _handlers_kept(), _ended_after(_JOIN_S):
        strategy = tf.distribute.MultiWorkerMirroredStrategy(cluster_resolver=resolver)
    return Distributed(strategy, cluster)


class Distributed:
    """The steps of a training, shared by the replicas of a strategy (see host.training.fit.Steps).

    Attributes:
        leads: Whether this is worker 0, which validates and writes.
    """

    def __init__(self, strategy: Any, cluster: Cluster) -> None:
        self.leads = cluster.rank == 0
        self._rank = cluster.rank
        self._workers = max(len(cluster.addresses), 1)
        self._strategy = strategy
        self._replicas = int(strategy.num_replicas_in_sync)
        _log.info(
            "worker %d of %d, %d replicas in all%s",
            *(cluster.rank, self._workers, self._replicas),
            "; dropout differs between replicas" if self._replicas > 1 else "",
        )

    def begin(
        self, model: keras.Model, start: tuple[Progress, list[np.ndarray]], identity: dict[str, Any]
    ) -> tuple[Progress, list[np.ndarray]]:
        """Give every worker worker 0's state; returns its progress and best weights.

        Only worker 0 reads a checkpoint, so the others need not see its folder.

        Args:
            model: Compiled; gets worker 0's weights and optimizer state.
            start: Progress and best weights on this worker.
            identity: Configuration and data.

        Raises:
            DataError: If a worker has other options or data than worker 0.
        """
        # Weights begun with are worker 0's, given to all below: unlike processors round them unlike.
        own = {name: value for name, value in identity.items() if name != "start_sha256"}
        others = int(self._sum(np.array([self.decide(lambda: own) != own]))[0])
        if others:
            raise DataError(
                f"all {self._workers} workers must have the same options and data, got others on {others};"
                " give every worker the same command and data"
            )
        progress, best = start
        progress = Progress(**self.decide(lambda: dataclasses.asdict(progress)))
        model.optimizer.build(model.trainable_variables)
        state = _state(model, model.optimizer) + best
        if self._workers > 1:
            flat = np.concatenate([array.reshape(-1).astype(np.float64) for array in state])
            shared = self._sum(flat if self.leads else np.zeros_like(flat))
            ends = np.cumsum([array.size for array in state])[:-1]
            parts = zip(np.split(shared, ends), state)
            state = [part.reshape(old.shape).astype(old.dtype) for part, old in parts]
        many = len(state) - len(best)
        _set_state(model, model.optimizer, state[:many])
        self._build(model, state[:many])
        return progress, state[many:]

    def _build(self, model: keras.Model, state: list[np.ndarray]) -> None:
        with self._strategy.scope():
            self._model = keras.models.clone_model(model)
            self._optimizer = type(model.optimizer).from_config(model.optimizer.get_config())
            self._optimizer.build(self._model.trainable_variables)
            for layer in self._model.layers:
                if isinstance(layer, keras.layers.BatchNormalization):
                    # Statistics over the global batch. One replica keeps the ordinary formula, bit for bit.
                    layer.synchronized = self._replicas > 1
            _set_state(self._model, self._optimizer, state)
        self._step = self._make_step(model.loss)

    def run_epoch(
        self,
        model: keras.Model,
        batches: Batches,
        weights: dict[int, float] | None,
        show: EpochProgress,
    ) -> dict[str, float]:
        """Train one epoch and give the model its new state; returns loss, accuracy and top3."""
        self._seed_dropout(model)
        each = np.ones(batches[0][1].shape[1], np.float32)
        for label, weight in (weights or {}).items():
            each[label] = weight
        sums = np.zeros(4)
        logs: dict[str, float] = {}
        for index, (images, targets) in enumerate(batches.drawn_ahead()):
            with _peers():
                sums += self._step(images, targets, each[targets.argmax(axis=1)]).numpy()
            means = (sums[1:] / sums[0]).tolist()
            logs = dict(zip(("loss", "accuracy", "top3"), means))
            show.on_train_batch_end(index, logs)
        show.on_epoch_end(0, logs)
        _set_state(model, model.optimizer, _state(self._model, self._optimizer))
        return logs

    def _make_step(self, loss: keras.losses.Loss) -> Any:
        """Return a function of a global batch: one update, then rows and sums of loss, right, right among 3.

        The signature leaves the number of rows open: workers that traced anew at different steps would
        number their collectives differently and wait for each other forever.
        """
        model, optimizer, replicas = self._model, self._optimizer, self._replicas

        def replica_step(images: Any, targets: Any, weights: Any) -> Any:
            context = tf.distribute.get_replica_context()
            rank, total = context.replica_id_in_sync_group, tf.shape(images)[0]
            # Of a batch with fewer rows than replicas everyone computes everything, for its part of the
            # sum: a convolution of no rows has a wrong shape on a CPU.
            small = total < replicas
            low = tf.where(small, 0, total * rank // replicas)
            high = tf.where(small, total, total * (rank + 1) // replicas)
            part = tf.where(small, 1.0 / replicas, 1.0)
            x, y, weight = images[low:high], targets[low:high], weights[low:high]
            rows = tf.cast(total, tf.float32)
            with tf.GradientTape() as tape:
                given = model(x, training=True)
                value = part * tf.reduce_sum(weight * loss.call(y, given)) / rows
                # Penalties depend on no row: each replica brings its share, so the sum has them once.
                value += tf.add_n([*model.losses, 0.0]) / replicas
            gradients = tape.gradient(value, model.trainable_variables)
            # Keras 3's optimizer, applied in a replica, sums the gradients over all replicas by itself
            # (TFOptimizer._all_reduce_sum_gradients), so they are not summed here. It clips before it
            # sums; no optimizer of ours clips.
            optimizer.apply_gradients(zip(gradients, model.trainable_variables))
            right = tf.reduce_sum(keras.metrics.categorical_accuracy(y, given))
            top3 = tf.reduce_sum(keras.metrics.top_k_categorical_accuracy(y, given, k=3))
            sums = tf.stack([rows / replicas, value * rows, part * right, part * top3])
            return context.all_reduce(tf.distribute.ReduceOp.SUM, sums)

        def step(images: Any, targets: Any, weights: Any) -> Any:
            sums = self._strategy.run(replica_step, args=(images, targets, weights))
            return self._strategy.experimental_local_results(sums)[0]

        shapes = ((None, *model.input_shape[1:]), (None, *model.output_shape[1:]), (None,))
        signature = [tf.TensorSpec(shape, tf.float32) for shape in shapes]
        return tf.function(step, input_signature=signature, autograph=False)

    def _seed_dropout(self, model: keras.Model) -> None:
        """Give each replica seeds of its own: Keras gives all of them the same masks."""
        for ours, its in zip(self._model.layers, model.layers):
            if not isinstance(ours, keras.layers.Dropout) or not hasattr(ours, "seed_generator"):
                continue
            seed, place = its.seed_generator.state.numpy().tolist()
            states = self._strategy.experimental_local_results(ours.seed_generator.state.value)
            for index, state in enumerate(states):
                replica = self._rank * len(states) + index
                state.assign([(seed + replica * _SEED_STRIDE) % 2**32, place])

    def decide(self, find: Callable[[], Any]) -> Any:
        """Return what `find` gives on worker 0, where alone it is called; anything JSON can hold."""
        if self._workers == 1:
            return find()
        text = json.dumps(find()).encode() if self.leads else b""
        length = int(self._sum(np.array([len(text)]))[0])
        codes = np.zeros(length)
        codes[: len(text)] = list(text)
        return json.loads(bytes(self._sum(codes).astype(np.uint8)))

    def finish(self) -> None:
        """Wait for all workers: only when worker 0 has written everything may the others go."""
        self._sum(np.zeros(1))

    def _sum(self, vector: np.ndarray) -> np.ndarray:
        """Return the sum over all workers; float64, so bytes, counts and float32 stay exact."""
        if self._workers == 1:
            return vector.astype(np.float64)
        locals_ = self._replicas // self._workers

        def one_a_worker(context: Any) -> Any:
            own = context.replica_id_in_sync_group % locals_ == 0
            return tf.constant(vector * own, tf.float64)

        with _peers():
            values = self._strategy.experimental_distribute_values_from_function(one_a_worker)
            total = self._strategy.reduce(tf.distribute.ReduceOp.SUM, values, axis=None)
            return np.asarray(total.numpy())


def _state(model: keras.Model, optimizer: keras.optimizers.Optimizer) -> list[np.ndarray]:
    return [*model.get_weights(), *(np.asarray(v.numpy()) for v in optimizer.variables)]


def _set_state(
    model: keras.Model, optimizer: keras.optimizers.Optimizer, state: list[np.ndarray]
) -> None:
    weights = len(model.weights)
    model.set_weights(state[:weights])
    for variable, value in zip(optimizer.variables, state[weights:]):
        variable.assign(value)


@contextlib.contextmanager
def _peers() -> Iterator[None]:
    """Turn TensorFlow's many errors about a lost worker into one sentence."""
    try:
        yield
    except _LOST as error:
        reason = one_line(str(error).split("aborted by:")[-1])[:160]
        raise BackendError(
            f"every worker must stay reachable, got '{reason}'; start the same command on every worker"
            " again: the training goes on after its last epoch"
        ) from error


@contextlib.contextmanager
def _handlers_kept() -> Iterator[None]:
    """Put Python's SIGTERM handler back: TensorFlow's coordination service replaces it by one that waits."""
    kept = signal.getsignal(signal.SIGTERM)
    yield
    with contextlib.suppress(ValueError):  # only the main thread may
        signal.signal(signal.SIGTERM, kept)


@contextlib.contextmanager
def _ended_after(seconds: float) -> Iterator[None]:
    """End the program with 1 if the body hangs: a worker lost just here leaves its chief in a C call."""
    _log.info("joining; ends with an error if that takes %.0f s", seconds)
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        faulthandler.dump_traceback_later(seconds, exit=True, file=nowhere)
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()
