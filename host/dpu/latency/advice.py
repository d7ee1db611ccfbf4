"""What would make a network faster on the DPU: changes, and what the model says each would save."""

from __future__ import annotations

import dataclasses

from host.dpu.latency.cycles import CHANNELS
from host.dpu.latency.layers import Layer
from host.dpu.latency.predict import Prediction

_WORTH = 0.03  # of the DPU's time
_BATCHNORM = "depthwise-conv2d-fix"


@dataclasses.dataclass(frozen=True)
class Advice:
    """A change and its effect.

    Attributes:
        text: One sentence.
        saves_ms: Of the DPU's time for one image; None where it saves none of that.
    """

    text: str
    saves_ms: float | None


def advise(prediction: Prediction) -> list[Advice]:
    """Return the changes that are worth it, best first, then what holds for the whole board."""
    found = [
        *_dense_layers(prediction),
        *_batchnorms(prediction),
        *_channels(prediction),
        *_starts(prediction),
    ]
    worth = [item for item in found if (item.saves_ms or 0) >= _WORTH * prediction.dpu_ms]
    worth.sort(key=lambda item: -(item.saves_ms or 0))
    return worth + _whole_board(prediction)


def _dense_layers(prediction: Prediction) -> list[Advice]:
    """A dense layer on a whole map reads every weight from memory for every image."""
    found = []
    for time in prediction.layers:
        layer, area = time.layer, time.layer.window[0] * time.layer.window[1]
        if time.bound_by != "weights" or layer.shape[1:3] != (1, 1) or area == 1:
            continue
        pooled = dataclasses.replace(
            layer,
            array_cycles=layer.array_cycles // area,
            weight_bytes=layer.weight_bytes // area,
            map_bytes=layer.map_bytes // area,
        )
        saved = time.total_ms - 2 * prediction.time_of(pooled).total_ms
        share = time.total_ms / prediction.dpu_ms
        text = (
            f"global average pooling in front of dense layer '{layer.name}': its"
            f" {layer.weight_bytes / 1e6:.1f} MB of weights do not fit on the chip and are read for"
            f" every image, {share:.0%} of the DPU's time"
        )
        found.append(Advice(text, saved))
    return found


def _batchnorms(prediction: Prediction) -> list[Advice]:
    """A batch norm behind the activation is work of its own, and keeps a pool from being taken in."""
    saved, names = 0.0, []
    followers = [*prediction.layers[1:], None]
    for time, follower in zip(prediction.layers, followers):
        layer = time.layer
        if not layer.batchnorm_cycles:
            continue
        names.append(layer.name)
        if layer.types == (_BATCHNORM,):
            saved += time.total_ms
            continue
        lighter = dataclasses.replace(layer, alu_cycles=layer.alu_cycles - layer.batchnorm_cycles)
        if follower is not None and follower.layer.types == ("pool-fix",) and follower.layer.waits:
            pool = follower.layer.alu_cycles
            lighter = dataclasses.replace(lighter, alu_cycles=lighter.alu_cycles + pool)
            saved += follower.total_ms
        saved += time.total_ms - prediction.time_of(lighter).total_ms
    if not names:
        return []
    text = (
        f"convolution - batch norm - ReLU in this order: {len(names)} batch norms cannot be folded, are"
        f" depthwise convolutions of their own, and keep pools apart ({_some(names)})"
    )
    return [Advice(text, saved)]


def _channels(prediction: Prediction) -> list[Advice]:
    """The array takes 16 channels at a time; of 28 it leaves 4 of 32 empty."""
    saved, names = 0.0, []
    for time in prediction.layers:
        full = _without_empty_channels(time.layer)
        if full is not None:
            names.append(time.layer.name)
            saved += time.total_ms - prediction.time_of(full).total_ms
    if not names:
        return []
    text = (
        f"channels in multiples of {CHANNELS}: {len(names)} layers leave part of the array empty"
        f" ({_some(names)}); the saving is that of dropping the padding"
    )
    return [Advice(text, saved)]


def _without_empty_channels(layer: Layer) -> Layer | None:
    used = 1.0
    for position, channels in enumerate(layer.channels):
        if position == 0 and (channels < CHANNELS or not layer.array_cycles):
            continue  # few input channels are the image's own
        used *= channels / (-(-channels // CHANNELS) * CHANNELS)
    if used == 1.0:
        return None
    return dataclasses.replace(
        layer,
        array_cycles=int(layer.array_cycles * used),
        alu_cycles=int(layer.alu_cycles * used),
        weight_bytes=int(layer.weight_bytes * used),
    )


def _starts(prediction: Prediction) -> list[Advice]:
    """A layer has a price whatever it does."""
    small = [time for time in prediction.layers if time.bound_by == "overhead"]
    if not small:
        return []
    start_us = max(time.overhead_ms for time in small) * 1000
    text = (
        f"fewer layers: {len(small)} of {len(prediction.layers)} do less work than it takes to start"
        f" one ({start_us:.0f} us); the saving is that of half of them"
    )
    return [Advice(text, sum(time.overhead_ms for time in small) / 2)]


def _whole_board(prediction: Prediction) -> list[Advice]:
    found = []
    ideal = prediction.board.cores * 1000 / prediction.dpu_ms
    if prediction.host_ms > prediction.dpu_ms:
        found.append(
            Advice(
                f"several threads: the host takes {prediction.host_ms:.2f} ms an image, longer than the"
                f" DPU ({prediction.dpu_ms:.2f} ms); with enough of them"
                f" {prediction.fps_multi_thread:,.0f} instead of"
                f" {1000 / prediction.latency_ms:,.0f} frames/s",
                None,
            )
        )
    if prediction.fps_multi_thread < 0.9 * ideal:
        cause = (
            "the ARM cores hold" if _is_host_bound(prediction) else "memory that all share holds"
        )
        found.append(
            Advice(
                f"nothing on the DPU alone: with all cores busy {cause} throughput at"
                f" {prediction.fps_multi_thread / ideal:.0%} of what the DPU could do",
                None,
            )
        )
    if prediction.workload.subgraphs > 1:
        between = _some(sorted(set(prediction.workload.cpu_ops))) or "conversions alone"
        found.append(
            Advice(
                f"ops the DPU has: {prediction.workload.subgraphs} DPU parts with CPU parts between"
                f" them ({between}); their time is not in this prediction",
                None,
            )
        )
    return found


def _is_host_bound(prediction: Prediction) -> bool:
    cores = prediction.board.cores * 1000 / prediction.busy_dpu_ms
    return prediction.fps_multi_thread < cores


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
