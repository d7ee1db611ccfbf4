"""Forward and backward through one quantized layer: sums, activation, rounding; in numpy, for finetuning."""

from __future__ import annotations

import numpy as np

from host.dpu.ops.call import Call
from host.dpu.ops.windows import Window, columns, padded, spread, taps, window_of
from host.graph.graph import Graph, Op
from host.quantizer.annotate import POST_ACTIVATIONS
from target.vision.fixed_point import INT8_MAX, INT8_MIN, dequantize, quantize


class LayerMath:
    """A convolution or dense layer with the activation and fix op behind it.

    Attributes:
        end: The op whose output is compared: the activation's, or the layer's own.
    """

    def __init__(self, graph: Graph, op: Op) -> None:
        self._graph, self._op = graph, op
        users = graph.consumers(op.name)
        partner = users[0] if len(users) == 1 and users[0].type in POST_ACTIVATIONS else None
        self.end = partner or op
        behind = [user for user in graph.consumers(self.end.name) if user.type == "fix"]
        self._fix_point = int(behind[0].attrs["fix_point"]) if behind else None
        self._activation = partner

    def forward(
        self, x: np.ndarray, values: dict[str, np.ndarray]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the output behind the fix op, and the sums before the activation.

        Args:
            x: float32 (n, ...), the layer's input.
            values: `weights` and perhaps `bias`, quantized, float32, in XIR's layout.
        """
        sums = self._sums(x, values["weights"])
        if "bias" in values:
            sums = sums + values["bias"]
        out = self._activate(sums)
        if self._fix_point is not None:
            out = dequantize(quantize(out, self._fix_point), self._fix_point)
        return out, sums

    def slope(self, sums: np.ndarray) -> np.ndarray:
        """Return the derivative of the output by the sums; 0 where the codes saturate."""
        kind = self._activation.type if self._activation else ""
        slope = np.ones_like(sums)
        if kind in ("relu", "relu6"):
            slope[sums < 0] = 0
        if kind == "relu6":
            slope[sums > 6] = 0
        if kind == "leaky-relu":
            assert self._activation is not None
            slope[sums < 0] = self._activation.attrs["alpha"]
        if self._fix_point is not None:
            scaled = np.ldexp(self._activate(sums), self._fix_point)
            slope[(scaled > INT8_MAX) | (scaled < INT8_MIN)] = 0
        return slope

    def gradients(self, x: np.ndarray, d_sums: np.ndarray) -> dict[str, np.ndarray]:
        """Return the gradients of weights and bias from that of the sums."""
        channels = d_sums.shape[-1]
        flat = d_sums.reshape(-1, channels)
        found = {"bias": flat.sum(axis=0)}
        weights = self._graph.input(self._op, "weights").tensor.dims
        if self._op.type == "depthwise-conv2d":
            moved, window = self._window(x, weights)
            rows = [(tap * d_sums).reshape(-1, channels).sum(axis=0) for tap in taps(moved, window)]
            multiplier, kh, kw, c = weights
            found["weights"] = np.stack(rows).reshape(kh, kw, c, multiplier).transpose(3, 0, 1, 2)
        else:
            found["weights"] = (flat.T @ self._rows(x, weights)).reshape(weights)
        return found

    def _sums(self, x: np.ndarray, weights: np.ndarray) -> np.ndarray:
        if self._op.type == "depthwise-conv2d":
            moved, window = self._window(x, weights.shape)
            multiplier, kh, kw, c = weights.shape
            kernels = weights.transpose(1, 2, 3, 0).reshape(kh * kw, c * multiplier)
            sums = np.zeros((len(x), *window.out, c * multiplier), np.float32)
            for tap, kernel in zip(taps(moved, window), kernels):
                sums += tap * kernel
            return sums
        rows = self._rows(x, weights.shape)
        sums = rows @ weights.reshape(len(weights), -1).T
        return np.asarray(sums.reshape(len(x), *self._op.tensor.dims[1:]))

    def _rows(self, x: np.ndarray, weights: tuple[int, ...]) -> np.ndarray:
        """Return what each sum is made of as rows: (positions, weights of one output channel)."""
        if self._op.type == "inner-product":
            return x.reshape(-1, weights[1])
        return columns(*self._window(x, weights))

    def _window(self, x: np.ndarray, weights: tuple[int, ...]) -> tuple[np.ndarray, Window]:
        tensor = self._graph.input(self._op).tensor
        call = Call(self._op, {"input": [tensor]}, {"input": [x]}, {})
        if self._op.type == "transposed-conv2d":
            return spread(call, x)
        window = window_of(call)
        moved = padded(x, window, 0)
        if self._op.type == "depthwise-conv2d" and weights[0] != 1:
            moved = np.repeat(moved, weights[0], axis=-1)
        return moved, window

    def _activate(self, sums: np.ndarray) -> np.ndarray:
        kind = self._activation.type if self._activation else ""
        if kind == "relu":
            return np.asarray(np.maximum(sums, np.float32(0)))
        if kind == "relu6":
            return np.asarray(np.clip(sums, np.float32(0), np.float32(6)))
        if kind == "leaky-relu":
            assert self._activation is not None
            return np.where(sums < 0, sums * np.float32(self._activation.attrs["alpha"]), sums)
        return sums
