"""Fast finetuning (AdaQuant): each layer's float weights move until its output is nearer to the float one.

Positions stay; only weights and biases change. One layer after the other, in order, each with the inputs
that the quantized network really gives it. As in vai_q_tensorflow2 (vitis_fast_finetune.py): mean squared
error, Adam with 1e-5 for kernels and 1e-3 for biases, at most ten epochs, the first one that does not
improve is undone and ends the layer. Unlike there, the images that judge an epoch are not those it was
trained on: a dense layer of a million weights learns five hundred images by heart.
Source of the method: Hubara et al., Improving Post Training Neural Quantization, arXiv:2006.10518.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterator

import numpy as np

from host.dpu.emulator import Emulator
from host.dpu.ops.call import Call
from host.dpu.ops.table import OPS
from host.graph.graph import Graph, Op
from host.quantizer.annotate import CONV_LIKE
from host.quantizer.layer_math import LayerMath
from host.quantizer.places import get, weight_fix
from target.vision.fixed_point import INT8_MAX, INT8_MIN, dequantize, quantize

_ADAM = (0.9, 0.999, 1e-7)
_MAX_ELEMENTS = 1 << 27  # of a layer's inputs that are held in memory
_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class FinetuneConfig:
    """Options of fast finetuning, defaults as vai_q_tensorflow2's.

    Attributes:
        epochs: At most, of each layer.
        batch_size: Images a step.
        held_out: Share of the images that judge.
        kernel_rate: Adam's learning rate for kernels.
        bias_rate: Adam's learning rate for biases.
    """

    epochs: int = 10
    batch_size: int = 32
    held_out: float = 0.2
    kernel_rate: float = 1e-5
    bias_rate: float = 1e-3


@dataclasses.dataclass(frozen=True)
class Finetuned:
    """What became of a layer: its error before and after, and the epochs that were kept."""

    layer: str
    before: float
    after: float
    epochs: int


class _Layer:
    """A convolution or dense layer, what stands behind it, and the state of Adam."""

    def __init__(self, graph: Graph, op: Op, config: FinetuneConfig) -> None:
        self.op, self._graph, self._config = op, graph, config
        self._math = LayerMath(graph, op)
        self.fixes = {arg: weight_fix(graph, op, arg) for arg in ("weights", "bias")}
        self.values = {arg: self._data(fix) for arg, fix in self.fixes.items() if fix is not None}
        self._moments = {
            arg: (np.zeros_like(v), np.zeros_like(v)) for arg, v in self.values.items()
        }
        self._steps = 0

    def _data(self, fix: Op) -> np.ndarray:
        data = self._graph.input(fix).data
        assert data is not None
        return data.astype(np.float32)

    def _quantized(self) -> dict[str, np.ndarray]:
        made = {}
        for arg, value in self.values.items():
            fix = self.fixes[arg]
            assert fix is not None
            made[arg] = dequantize(quantize(value, get(fix), "PY3_ROUND"), get(fix))
        return made

    def error(self, x: np.ndarray, target: np.ndarray) -> float:
        """Return the sum of squared differences to the float network's output."""
        out = self._math.forward(x, self._quantized())[0]
        return float(np.square(out - target, dtype=np.float64).sum())

    def step(self, x: np.ndarray, target: np.ndarray) -> None:
        """Take one step of Adam on a batch; rounding passes gradients on, saturation does not."""
        out, sums = self._math.forward(x, self._quantized())
        slope = self._math.slope(sums) * np.float32(2 / out.size)
        gradients = self._math.gradients(x, (out - target) * slope)
        self._steps += 1
        rates = {"weights": self._config.kernel_rate, "bias": self._config.bias_rate}
        for arg, value in self.values.items():
            fix = self.fixes[arg]
            assert fix is not None
            scaled = np.ldexp(value, get(fix))
            inside = (scaled <= INT8_MAX) & (scaled >= INT8_MIN)
            self._adam(arg, gradients[arg] * inside, rates[arg])
            limits = [np.ldexp(np.float32(limit), -get(fix)) for limit in (INT8_MIN, INT8_MAX)]
            self.values[arg] = np.clip(self.values[arg], *limits)  # else it could not come back

    def _adam(self, arg: str, gradient: np.ndarray, rate: float) -> None:
        first, second, small = _ADAM
        mean, square = self._moments[arg]
        mean += (1 - first) * (gradient - mean)
        square += (1 - second) * (gradient * gradient - square)
        size = rate * np.sqrt(1 - second**self._steps) / (1 - first**self._steps)
        self.values[arg] = self.values[arg] - (size * mean / (np.sqrt(square) + small)).astype(
            np.float32
        )

    def store(self) -> None:
        """Put the weights into the graph."""
        for arg, value in self.values.items():
            fix = self.fixes[arg]
            assert fix is not None
            self._graph.input(fix).data = value


def fast_finetune(graph: Graph, images: np.ndarray, config: FinetuneConfig) -> list[Finetuned]:
    """Finetune every convolution and dense layer of a quantized graph, in place.

    Args:
        graph: Quantized, with fix points.
        images: float32 (n, h, w, c), as for calibration.
        config: Options.

    Returns:
        What became of each layer, in order.
    """
    results, exact = [], graph.copy()
    for op in graph.of_type(*CONV_LIKE):
        if weight_fix(graph, op, "weights") is None or op.attrs.get("group", 1) != 1:
            continue
        result = _finetune_layer(graph, exact, op.name, (images, config))
        _log.info(
            "finetuned %s: error %.4g to %.4g, %d epochs",
            op.name,
            result.before,
            result.after,
            result.epochs,
        )
        results.append(result)
    return results


def _finetune_layer(
    graph: Graph, exact: Graph, name: str, given: tuple[np.ndarray, FinetuneConfig]
) -> Finetuned:
    """Finetune one layer of `graph`; `exact` has the weights that all layers had at first."""
    op, (images, config) = graph.op(name), given
    source, end = graph.input(op), LayerMath(graph, op).end
    largest = max(int(np.prod(source.tensor.dims)), int(np.prod(end.tensor.dims)))
    images = images[: max(config.batch_size, _MAX_ELEMENTS // largest)]
    x = _tensor(graph, source, images, OPS["fix"], config.batch_size)
    target = _tensor(exact, end, images, _skip, config.batch_size)
    layer = _Layer(graph, op, config)

    split = max(1, round(len(x) * (1 - config.held_out)))
    judging = split if split < len(x) else 0

    def batches(start: int, stop: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for i in range(start, stop, config.batch_size):
            end = min(i + config.batch_size, stop)
            yield x[i:end], target[i:end]

    def judge() -> float:
        errors = [layer.error(*batch) for batch in batches(judging, len(x))]
        return sum(errors) / target[judging:].size

    best = before = judge()
    epochs = 0
    for _ in range(config.epochs):
        kept = dict(layer.values)
        for batch in batches(0, split):
            layer.step(*batch)
        error = judge()
        if error >= best:
            layer.values = kept
            break
        best, epochs = error, epochs + 1
    layer.store()
    return Finetuned(op.name, before, best, epochs)


def _skip(call: Call) -> np.ndarray:
    return call.value()


def _tensor(graph: Graph, op: Op, images: np.ndarray, fix: object, batch: int) -> np.ndarray:
    """Return an op's values for all images, with a meaning of fix: quantized or float network."""
    emulator = Emulator(graph, op.name, ops={**OPS, "fix": fix})  # type: ignore[dict-item]
    source = emulator.inputs[0].name
    parts = [
        emulator.run({source: images[i : i + batch]}, keep=(op.name,))[op.tensor.name]
        for i in range(0, len(images), batch)
    ]
    return np.concatenate(parts)
