"""What quantization does to each layer: positions, ranges, saturation, noise, and what it costs alone.

The float network it is held against is the one that was quantized: batch norms folded, channels
equalized, the DPU's own functions in place.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from host.dpu.emulator import Emulator
from host.dpu.ops.call import Call
from host.dpu.ops.table import OPS
from host.graph.graph import Graph, Op
from host.graph.workload import macs_of
from host.quantizer.annotate import LAYER, ROLE
from target.errors import DataError
from target.vision.fixed_point import INT8_MAX, INT8_MIN

MAX_IMAGES = 128
_BUDGET_MACS = 4e11  # of the whole analysis; bounds the images of a large network
_BATCH = 32
_LEAST_DB = -99.0  # nothing but noise
_Fix = Callable[[Call], np.ndarray]


@dataclasses.dataclass
class _Place:
    """What is seen at one fix op, summed over batches."""

    low: float = math.inf
    high: float = -math.inf
    saturated: int = 0
    values: int = 0
    signal: float = 0.0
    noise: float = 0.0

    def see(self, exact: np.ndarray, before: np.ndarray, after: np.ndarray, fix_point: int) -> None:
        """Take in a batch: values of the float network, and before and after the fix op."""
        self.low = min(self.low, float(exact.min()))
        self.high = max(self.high, float(exact.max()))
        scaled = np.ldexp(before, fix_point)
        self.saturated += int(((scaled >= INT8_MAX + 0.5) | (scaled < INT8_MIN - 0.5)).sum())
        self.values += before.size
        self.signal += float(np.square(exact, dtype=np.float64).sum())
        self.noise += float(np.square(after.astype(np.float64) - exact).sum())


def choose_count(graph: Graph, available: int) -> int:
    """Return how many images the analysis takes, so that a large network does not take for ever."""
    work = sum(macs_of(graph, op) for op in graph) * (len(_layers(graph)) + 2)
    return max(1, min(available, MAX_IMAGES, int(_BUDGET_MACS / max(work, 1))))


def analyse_layers(
    graph: Graph,
    images: np.ndarray,
    labels: np.ndarray | None = None,
    exact_graph: Graph | None = None,
) -> dict[str, Any]:
    """Hold the quantized network against the float one, layer by layer.

    Args:
        graph: Quantized.
        images: float32 (n, h, w, c); the first `choose_count` are used.
        labels: Class of each image, int (n,); None if unknown.
        exact_graph: A copy of the graph with the float network's weights, if the graph's own have been
            changed since.

    Returns:
        images, output_snr_db, agreement (share of images with the float network's top class), accuracy
        {float, int8} or None, and `layers`: for each its name, type, `places` by role (position,
        lowest and highest value, limits of its codes, share of saturated codes, snr_db), and `alone`:
        output_snr_db, agreement and accuracy with only this layer quantized. A signal-to-noise ratio
        is None where there is no noise, and never below -99.
    """
    count = choose_count(graph, len(images))
    images, labels = images[:count], labels[:count] if labels is not None else None
    places: dict[str, _Place] = {op.name: _Place() for op in graph.of_type("fix")}
    reference = exact_graph or graph
    exact = _outputs(reference, images, _skip)
    inexact = _observe(graph, reference, images, places)
    layers = []
    for layer, fixes in _layers(graph).items():
        alone = _outputs(reference, images, _only({fix.name for fix in fixes}, graph))
        layers.append(
            {
                "layer": layer,
                "type": graph.op(layer).type,
                "places": {fix.attrs[ROLE]: _describe(fix, places[fix.name]) for fix in fixes},
                "alone": _cost(exact, alone, labels),
            }
        )
    return {
        "images": count,
        **_cost(exact, inexact, labels),
        "float_accuracy": _accuracy(exact, labels),
        "layers": layers,
    }


def cost_of(
    graph: Graph, images: np.ndarray, labels: np.ndarray | None, exact_graph: Graph
) -> dict[str, Any]:
    """Return output_snr_db, agreement and accuracy of a quantized network against the float one.

    Args:
        graph: Quantized.
        images: float32 (n, h, w, c).
        labels: Class of each image, int (n,); None if unknown.
        exact_graph: A graph with the float network's weights.
    """
    exact = _outputs(exact_graph, images, _skip)
    return _cost(exact, _outputs(graph, images, OPS["fix"]), labels)


def costliest(analysis: dict[str, Any], count: int = 5) -> list[dict[str, Any]]:
    """Return the layers that cost most when quantized alone, the worst first."""

    def badness(layer: dict[str, Any]) -> tuple[float, float]:
        alone = layer["alone"]
        snr = alone["output_snr_db"]
        return (alone["agreement"], math.inf if snr is None else snr)

    return sorted(analysis["layers"], key=badness)[:count]


def _layers(graph: Graph) -> dict[str, list[Op]]:
    layers: dict[str, list[Op]] = {}
    for fix in graph.of_type("fix"):
        layers.setdefault(str(fix.attrs[LAYER]), []).append(fix)
    order = {op.name: place for place, op in enumerate(graph)}
    return dict(sorted(layers.items(), key=lambda item: order[item[0]]))


def _skip(call: Call) -> np.ndarray:
    return call.value()


def _only(names: set[str], graph: Graph) -> _Fix:
    constants = {fix.name for fix in graph.of_type("fix") if graph.input(fix).data is not None}

    def fix(call: Call) -> np.ndarray:
        if call.op.name not in names:
            return call.value()
        once = call.op.name in constants
        return np.asarray(
            call.once("fixed", lambda: OPS["fix"](call)) if once else OPS["fix"](call)
        )

    return fix


def _outputs(graph: Graph, images: np.ndarray, fix: _Fix) -> np.ndarray:
    """Return the network's (first) output, (n, ...), with another meaning of fix."""
    emulator = Emulator(graph, ops={**OPS, "fix": fix})
    last, source = graph.outputs()[0], emulator.inputs[0].name
    parts = [
        emulator.run({source: images[i : i + _BATCH]}, keep=(last.name,))[last.tensor.name]
        for i in range(0, len(images), _BATCH)
    ]
    return np.concatenate(parts)


def _observe(
    graph: Graph, reference: Graph, images: np.ndarray, places: dict[str, _Place]
) -> np.ndarray:
    """Run float and quantized network side by side; returns the quantized one's output."""
    exact: dict[str, np.ndarray] = {}

    def remember(call: Call) -> np.ndarray:
        exact[call.op.name] = call.value()
        return call.value()

    def see(call: Call) -> np.ndarray:
        place, before, fix_point = places[call.op.name], call.value(), call.fix_point()
        if "fixed" in call.cache:
            return np.asarray(call.cache["fixed"])
        after = OPS["fix"](call)
        place.see(exact[call.op.name], before, after, fix_point)
        if graph.input(call.op).data is not None:
            call.cache["fixed"] = after
        return after

    first = Emulator(reference, ops={**OPS, "fix": remember})
    second = Emulator(graph, ops={**OPS, "fix": see})
    last, source = graph.outputs()[0], first.inputs[0].name
    parts = []
    for i in range(0, len(images), _BATCH):
        first.run({source: images[i : i + _BATCH]}, keep=())
        values = second.run({source: images[i : i + _BATCH]}, keep=(last.name,))
        parts.append(values[last.tensor.name])
    return np.concatenate(parts)


def _describe(fix: Op, place: _Place) -> dict[str, Any]:
    position = int(fix.attrs["fix_point"])
    return {
        "position": position,
        "low": place.low,
        "high": place.high,
        "code_low": math.ldexp(INT8_MIN, -position),
        "code_high": math.ldexp(INT8_MAX, -position),
        "saturated": place.saturated / max(place.values, 1),
        "snr_db": _decibels(place.signal, place.noise),
    }


def _cost(exact: np.ndarray, inexact: np.ndarray, labels: np.ndarray | None) -> dict[str, Any]:
    wide = exact.astype(np.float64)
    noise = float(np.square(inexact - wide).sum())
    return {
        "output_snr_db": _decibels(float(np.square(wide).sum()), noise),
        "agreement": float((_top(exact) == _top(inexact)).mean()),
        "accuracy": _accuracy(inexact, labels),
    }


def _accuracy(outputs: np.ndarray, labels: np.ndarray | None) -> float | None:
    """Return the share of right classes; None where there is not one class an image."""
    flat = _without_map(outputs)
    if labels is None or flat.ndim != 2:
        return None
    classes = max(flat.shape[1], 2)
    if labels.min(initial=0) < 0 or labels.max(initial=0) >= classes:
        raise DataError(
            f"classes must be 0 to {classes - 1}, got {labels.min()} to {labels.max()} in array 'y'"
        )
    return float((_top(flat) == labels).mean())


def _top(outputs: np.ndarray) -> np.ndarray:
    """Return the class of each image, or of each place of a map; of a single value whether it is high.

    A single value between 0 and 1 in all images is a probability.
    """
    flat = _without_map(outputs)
    if flat.shape[-1] > 1:
        return np.asarray(flat.argmax(axis=-1))
    middle = 0.5 if flat.min() >= 0 and flat.max() <= 1 else 0.0
    return np.asarray(flat[..., 0] > middle)


def _without_map(outputs: np.ndarray) -> np.ndarray:
    """Return (n, c) for a map of one place."""
    count, channels = len(outputs), outputs.shape[-1]
    return outputs.reshape(count, channels) if outputs.size == count * channels else outputs


def _decibels(signal: float, noise: float) -> float | None:
    return None if noise == 0 else max(10 * math.log10(max(signal, 1e-30) / noise), _LEAST_DB)
