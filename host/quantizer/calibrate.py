"""Calibration: each batch votes on the position of every tensor, the most frequent position wins.

In each batch a tensor's position is found from that batch and used at once, so later tensors see
quantized inputs. Source: vai_q_tensorflow2, vitis_quantize.py.
"""

from __future__ import annotations

import numpy as np

from host.dpu.emulator import Emulator
from host.dpu.ops.call import Call
from host.dpu.ops.table import OPS
from host.graph.graph import Graph
from host.quantizer.annotate import METHOD
from host.quantizer.positions import min_mse, non_overflow
from target.errors import ModelError
from target.vision.fixed_point import dequantize, quantize

Votes = dict[str, list[int]]


def calibrate(graph: Graph, images: np.ndarray, batch_size: int) -> Votes:
    """Give every fix op of an annotated graph its position.

    Args:
        graph: Annotated; its fix ops get `fix_point`.
        images: float32 (n, h, w, c), what the network takes; the last batch may be smaller.
        batch_size: Images a vote.

    Returns:
        The votes of every fix op, by its name, in the order of the batches.

    Raises:
        ModelError: If there are no images or they do not fit the network, or a tensor is not
            finite.
    """
    if not len(images) or batch_size < 1:
        raise ModelError(
            f"calibration must have at least one image and batch, got {len(images)} images"
            f" in batches of {batch_size}"
        )
    votes: Votes = {}

    def vote_and_fix(call: Call) -> np.ndarray:
        return _vote_and_fix(call, graph, votes)

    emulator = Emulator(graph, ops={**OPS, "fix": vote_and_fix})
    source = emulator.inputs[0].name
    for start in range(0, len(images), batch_size):
        emulator.run({source: images[start : start + batch_size]}, keep=())
    for name, positions in votes.items():
        graph.op(name).attrs["fix_point"] = most_frequent(positions)
    return votes


def most_frequent(positions: list[int]) -> int:
    """Return the most frequent position; of equals the one seen first."""
    return max(positions, key=positions.count)


def _vote_and_fix(call: Call, graph: Graph, votes: Votes) -> np.ndarray:
    constant = graph.input(call.op).data is not None
    if constant and "fixed" in call.cache:
        votes[call.op.name].append(votes[call.op.name][0])
        return np.asarray(call.cache["fixed"])
    values, mode = call.value(), str(call.attr("round_mode"))
    if not np.isfinite(values).all():
        raise ModelError(
            f"tensor '{graph.input(call.op).name}' must be finite to be quantized, got inf or nan"
        )
    search_free = call.attr(METHOD) == "non-overflow"
    position = non_overflow(values) if search_free else min_mse(values, mode)
    votes.setdefault(call.op.name, []).append(position)
    fixed = dequantize(quantize(values, position, mode), position)
    if constant:
        call.cache["fixed"] = fixed
    return fixed
