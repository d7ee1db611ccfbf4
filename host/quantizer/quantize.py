"""Float graph + calibration images -> int8 graph: every quantized tensor has a `fix` op with its position.

The result is what XIR calls a quantized graph: float constants and ops with fix ops behind them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from host.graph.from_keras import SEPARABLE, SEQUENTIAL
from host.graph.graph import Graph
from host.graph.passes.batchnorm_to_depthwise import batchnorm_to_depthwise
from host.graph.passes.equalize import equalize
from host.graph.passes.fold_batchnorm import fold_batchnorm
from host.graph.passes.relu6_to_relu import relu6_to_relu
from host.graph.passes.remove_dropout import remove_dropout
from host.quantizer.adjust import adjust
from host.quantizer.annotate import annotate
from host.quantizer.calibrate import Votes, calibrate
from host.quantizer.config import QuantConfig
from host.quantizer.to_dpu_functions import to_dpu_functions
from target.errors import DataError, ModelError


class Quantized(NamedTuple):
    """A quantized graph and how it came about.

    Attributes:
        graph: With fix points.
        votes: Of every fix op, batch by batch.
        before: Position of every fix op before the adjustments.
        changed: Number of changes the adjustments made.
    """

    graph: Graph
    votes: Votes
    before: dict[str, int]
    changed: int


def optimize(graph: Graph, config: QuantConfig, for_dpu: bool = True) -> Graph:
    """Return the float graph that is quantized: batch norms folded or converted, channels equalized.

    Args:
        graph: Float; it is not changed.
        config: Options.
        for_dpu: With the DPU's own functions for sigmoids, averages and so on.
    """
    optimized = graph.copy()
    remove_dropout(optimized)
    if config.match_vai_q:
        if graph.attrs.get(SEQUENTIAL):
            raise ModelError(
                f"model '{graph.name}' must be functional to be quantized as AMD's tool does it, got a"
                " Sequential one, whose layers the tool mixes up; leave out --match-vai-q"
            )
        _drop_separable_activations(optimized)
    if config.relu6_to_relu:
        relu6_to_relu(optimized)
    fold_batchnorm(optimized)
    batchnorm_to_depthwise(optimized)
    if config.equalize:
        equalize(optimized, config.match_vai_q)
    if for_dpu:
        to_dpu_functions(optimized, config.match_vai_q)
    return optimized


def _drop_separable_activations(graph: Graph) -> None:
    """Lose the activation of every SeparableConv2D, as the tool does by mistake."""
    for op in graph:
        if op.attrs.get(SEPARABLE):
            graph.redirect(op.name, graph.input(op).name)
            graph.remove(op.name)


def quantize_graph(graph: Graph, images: np.ndarray, config: QuantConfig) -> Quantized:
    """Quantize a float graph.

    Args:
        graph: From host.graph.from_keras; it is not changed.
        images: float32 (n, h, w, c); the first `config.count` are used, in order.
        config: Options.

    Raises:
        DataError: If there are fewer images than asked for, or they do not fit the network.
    """
    if len(images) < config.count:
        raise DataError(
            f"calibration images must be at least {config.count}, got {len(images)}; lower --count"
        )
    annotated = optimize(graph, config)
    annotate(annotated)
    votes = calibrate(annotated, images[: config.count], config.batch_size)
    before = {op.name: int(op.attrs["fix_point"]) for op in annotated.of_type("fix")}
    changed = adjust(annotated, config.match_vai_q)
    for op in annotated.of_type("fix"):
        op.tensor.attrs.update(
            {key: op.attrs[key] for key in ("fix_point", "bit_width", "if_signed", "round_mode")}
        )
    return Quantized(annotated, votes, before, changed)
