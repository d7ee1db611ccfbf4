"""Quantized graph -> ops on int8 codes: convolution, activation and fix become one conv2d-fix, and so on.

What has no counterpart on the DPU stays a float op, with fix2float before and float2fix behind it.
A dense layer becomes a convolution whose kernel is the whole map, so that conv - flatten - dense
stays on the DPU.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from host.dpu.ops.average import average_factor
from host.dpu.ops.hard_sigmoid_fix import FACTOR, FACTOR_BITS
from host.graph.graph import Graph, Op, Tensor, const
from host.graph.passes.fold_padding import fold_padding
from target.errors import ModelError
from target.vision.fixed_point import dequantize, quantize

NONLINEAR = {"identity": "NONE", "relu": "RELU", "relu6": "RELU6", "leaky-relu": "LEAKYRELU"}
PASS_THROUGH = ("reshape", "flatten")


def lower(quantized: Graph) -> Graph:
    """Return a new graph of `-fix` ops and, where it must be, float ops.

    Args:
        quantized: With a fix op behind every quantized tensor, as the quantizer or a file gives it.

    Raises:
        ModelError: If a fix op has no fix point or a layer's shapes make no sense.
    """
    folded = quantized.copy()
    try:
        fold_padding(folded)
        return _Lowering(folded).run()
    except (KeyError, IndexError) as error:  # a damaged file: ops without what their type needs
        raise ModelError(
            f"ops of graph '{quantized.name}' must have the attributes and inputs of their types, got one"
            f" without {error}; run make quantize"
        ) from error


class _Lowering:
    """The new graph and where each old tensor now comes from."""

    def __init__(self, old: Graph) -> None:
        self._old = old
        self._new = Graph(old.name)
        self._codes: dict[str, str] = {}  # old op -> new op that makes its int8 codes
        self._floats: dict[str, str] = {}  # old op -> new op that makes its float values
        self._fused: set[str] = set()

    def run(self) -> Graph:
        for op in self._old:
            if op.data is not None or op.name in self._fused or self._is_weight_fix(op):
                continue
            if op.type == "fix":
                self._requantize(op)
                continue
            pattern = self._pattern(op) if self._inputs_are_codes(op) else None
            if pattern is not None:
                nonlinear, fix, fused = pattern
                self._fused.update(fused)
                _MAKERS[op.type](self, op, nonlinear, fix)
            elif op.type in PASS_THROUGH and self._inputs_are_codes(op):
                self._reshape(op)
            elif op.type == "pad" and self._inputs_are_codes(op):
                self._pad(op)
            elif op.type == "identity" and self._inputs_are_codes(op):
                self._codes[op.name] = self._codes[op.args["input"][0]]
            else:
                self._keep_float(op)
        for op in self._old.outputs():
            if op.name in self._codes:
                self._logical(op.name)
        return self._new

    def _is_weight_fix(self, op: Op) -> bool:
        return op.type == "fix" and self._old.input(op).data is not None

    def _pattern(self, op: Op) -> tuple[str, Op, list[str]] | None:
        """Match op [- activation] - fix with nothing else using the parts.

        Returns:
            nonlinear, the fix op, names of the old ops that are taken in; None for no match.
        """
        if op.type not in _MAKERS or not _has_dpu_version(op):
            return None
        user = self._only_user(op)
        nonlinear, fused = "NONE", []
        if user is not None and op.type in _FUSING and user.type in NONLINEAR:
            if user.type == "leaky-relu" and abs(user.attrs["alpha"] - 26 / 256) > 1e-7:
                return None
            nonlinear = NONLINEAR[user.type]
            fused.append(user.name)
            user = self._only_user(user)
        if user is None or user.type != "fix":
            return None
        return nonlinear, user, [*fused, user.name]

    def _only_user(self, op: Op) -> Op | None:
        users = self._old.consumers(op.name)
        return users[0] if len(users) == 1 else None

    def _inputs_are_codes(self, op: Op) -> bool:
        return all(name in self._codes for name in op.args.get("input", []))

    def _emit(self, op: Op, kind: str, dims: tuple[int, ...], fix: Op, attrs: dict[str, Any]) -> Op:
        """Add a code-making op that stands for old op `op` and its fix op."""
        args = {"input": [self._codes[name] for name in op.args.get("input", [])]}
        made = self._new.add(
            Op(
                op.name,
                kind,
                _code_tensor(fix.name, dims, fix),
                args if args["input"] else {},
                attrs,
            )
        )
        self._codes[op.name] = self._codes[fix.name] = made.name
        return made

    def data(self, op: Op, nonlinear: str, fix: Op) -> None:
        """Data + fix -> data-fix."""
        attrs = {"shape": list(op.tensor.dims), "data_type": "XINT8"}
        self._emit(op, "data-fix", op.tensor.dims, fix, attrs)

    def convolution(self, op: Op, nonlinear: str, fix: Op) -> None:
        """conv2d or depthwise-conv2d [+ activation] + fix."""
        attrs = _conv_attrs(op, nonlinear)
        if op.attrs.get("group", 1) != 1:
            attrs["group"] = op.attrs["group"]
        made = self._emit(op, f"{op.type}-fix", op.tensor.dims, fix, attrs)
        self._add_weights(op, made, None)

    def inner_product(self, op: Op, nonlinear: str, fix: Op) -> None:
        """inner-product [+ activation] + fix -> a convolution over the whole map."""
        source, outputs = op.args["input"][0], op.tensor.dims[-1]
        if len(op.tensor.dims) == 4:  # over the channels of each pixel
            height, width, channels = 1, 1, self._old.op(source).tensor.dims[-1]
            out = op.tensor.dims
        else:
            source, out = self._map_before(source), (1, 1, 1, outputs)
            dims = self._new.op(self._codes[source]).tensor.dims
            _, height, width, channels = dims if len(dims) == 4 else (1, 1, 1, int(np.prod(dims)))
            if len(dims) != 4:
                self._reshape_to(source, (1, height, width, channels))
        window = Op("", "", op.tensor, {}, {"kernel": [width, height], "stride": [1, 1]})
        attrs = _conv_attrs(window, nonlinear)
        kept, op.args = op.args, {**op.args, "input": [source]}
        made = self._emit(op, "conv2d-fix", out, fix, attrs)
        op.args = kept
        self._add_weights(op, made, (outputs, height, width, channels))

    def pool(self, op: Op, nonlinear: str, fix: Op) -> None:
        """maxpool2d or avgpool2d + fix -> pool-fix."""
        dims = op.tensor.dims if len(op.tensor.dims) == 4 else (1, 1, 1, op.tensor.dims[-1])
        attrs = _window_attrs(op)
        attrs["type"] = "MAX" if op.type == "maxpool2d" else "AVG"
        self._emit(op, "pool-fix", dims, fix, attrs)

    def eltwise(self, op: Op, nonlinear: str, fix: Op) -> None:
        """Eltwise [+ activation] + fix -> eltwise-fix."""
        attrs = {"type": op.type.upper(), "nonlinear": nonlinear}
        self._emit(op, "eltwise-fix", self._as_maps(op), fix, attrs)

    def hard_sigmoid(self, op: Op, nonlinear: str, fix: Op) -> None:
        """hard-sigmoid + fix -> hard-sigmoid-fix."""
        before = self._new.op(self._codes[op.args["input"][0]]).tensor.fix_point
        attrs = {
            "hsigmoid_in": before,
            "shift_hsigmoid": FACTOR_BITS + before - _fix_point(fix),
        }
        self._emit(op, "hard-sigmoid-fix", op.tensor.dims, fix, attrs)

    def resize(self, op: Op, nonlinear: str, fix: Op) -> None:
        """Resize + fix -> upsample-fix."""
        attrs = {
            "mode": op.attrs["mode"],
            "align_corners": bool(op.attrs.get("align_corners", False)),
            "half_pixel_centers": bool(op.attrs.get("half_pixel_centers", False)),
            "scale": list(op.attrs["scale"]),
        }
        self._emit(op, "upsample-fix", op.tensor.dims, fix, attrs)

    def _pad(self, op: Op) -> None:
        """Pad on codes -> pad-fix: the codes stay what they are."""
        source = self._new.op(self._codes[op.args["input"][0]])
        tensor = Tensor(op.tensor.name, op.tensor.dims, "xint8", dict(source.tensor.attrs))
        attrs = {key: op.attrs[key] for key in ("paddings", "mode")}
        self._new.add(Op(op.name, "pad-fix", tensor, {"input": [source.name]}, attrs))
        self._codes[op.name] = op.name

    def concat(self, op: Op, nonlinear: str, fix: Op) -> None:
        """Concat + fix -> concat-fix."""
        dims = self._as_maps(op)
        axis = op.attrs["axis"] % len(op.tensor.dims) + len(dims) - len(op.tensor.dims)
        self._emit(op, "concat-fix", dims, fix, {"axis": axis})

    def _as_maps(self, op: Op) -> tuple[int, ...]:
        """Bring flat inputs (1, c) into the one form (1, 1, 1, c); returns the op's dims in it."""
        for name in op.args["input"]:
            dims = _as_map(self._old.op(name).tensor.dims)
            if self._new.op(self._codes[name]).tensor.dims != dims:
                self._reshape_to(name, dims)
        return _as_map(op.tensor.dims)

    def _map_before(self, name: str) -> str:
        """Return the old op before any chain of reshapes, where the map still has height and width."""
        op = self._old.op(name)
        while op.type in PASS_THROUGH and op.name in self._codes:
            name = op.args["input"][0]
            op = self._old.op(name)
        return name

    def _reshape(self, op: Op) -> None:
        source = op.args["input"][0]
        self._codes[op.name] = self._codes[source]
        users = self._old.consumers(op.name)
        if not users or any(user.type != "inner-product" for user in users):
            self._reshape_to(op.name, op.tensor.dims)

    def _reshape_to(self, old_name: str, dims: tuple[int, ...]) -> None:
        before = self._new.op(self._codes[old_name])
        name = f"{before.name}_reshaped"
        while name in self._new:
            name += "_"
        tensor = Tensor(
            f"{before.tensor.name}_{name[len(before.name) + 1 :]}",
            dims,
            "xint8",
            dict(before.tensor.attrs),
        )
        attrs = {"shape": list(dims)}
        self._new.add(Op(name, "reshape-fix", tensor, {"input": [before.name]}, attrs))
        self._codes[old_name] = name

    def _add_weights(self, op: Op, made: Op, dims: tuple[int, ...] | None) -> None:
        for arg in ("weights", "bias"):
            if arg not in op.args:
                continue
            fix = self._old.input(op, arg)
            source = self._old.input(fix) if fix.type == "fix" else fix
            if fix.type != "fix" or source.data is None:
                raise ModelError(
                    f"'{arg}' of op '{op.name}' must be a quantized constant, got {fix.type}"
                )
            codes = quantize(source.data, _fix_point(fix), str(fix.attrs["round_mode"]))
            if arg == "weights" and dims is not None:
                codes = codes.reshape(dims)
            tensor = _code_tensor(fix.name, codes.shape, fix)
            attrs = {"shape": list(codes.shape), "data_type": "XINT8", "data": b""}
            constant = Op(source.name, "const-fix", tensor, {}, attrs, codes)
            self._new.add(constant, before=made.name)
            made.args[arg] = [constant.name]

    def _keep_float(self, op: Op) -> None:
        """A float op on the CPU; its inputs become real values, its constants come along."""
        args = {}
        for arg, names in op.args.items():
            args[arg] = [self._float_of(name) for name in names]
        attrs = {key: value for key, value in op.attrs.items() if not key.startswith("__")}
        tensor = Tensor(op.tensor.name, op.tensor.dims)
        self._new.add(Op(op.name, op.type, tensor, args, attrs))
        self._floats[op.name] = op.name

    def _float_of(self, name: str) -> str:
        if name in self._floats:
            return self._floats[name]
        if name not in self._codes:
            self._new.add(self._constant(self._old.op(name)))
            self._floats[name] = name
            return name
        source = self._logical(name)
        fix_point = source.tensor.fix_point
        made = Op(
            f"{source.name}_fix2float",
            "fix2float",
            Tensor(f"{source.tensor.name}_float", source.tensor.dims),
            {"input": [source.name]},
            {"fix_point": fix_point, "bit_width": 8, "if_signed": True, "round_mode": "DPU_ROUND"},
        )
        if made.name not in self._new:
            self._new.add(made)
        self._floats[name] = made.name
        return made.name

    def _constant(self, op: Op) -> Op:
        """Return a float constant for a constant or for the fix op behind one."""
        values = self._old.input(op).data if op.type == "fix" else op.data
        if values is None:
            raise ModelError(f"op '{op.name}' must be reached by the graph's input, got a dead end")
        if op.type == "fix":
            fix_point = _fix_point(op)
            values = dequantize(quantize(values, fix_point, str(op.attrs["round_mode"])), fix_point)
        return const(op.name, values)

    def _logical(self, name: str) -> Op:
        """Return the code-making op in the float graph's dims, e.g. (1, 25) for (1, 1, 1, 25)."""
        dims = self._old.op(name).tensor.dims
        if self._new.op(self._codes[name]).tensor.dims != dims:
            self._reshape_to(name, dims)
        return self._new.op(self._codes[name])

    def _requantize(self, fix: Op) -> None:
        """A fix op behind a float op -> float2fix; behind codes of another fix point it is a copy."""
        source = self._old.input(fix)
        if source.name in self._codes:
            codes = self._new.op(self._codes[source.name])
            if codes.tensor.fix_point == _fix_point(fix):
                self._codes[fix.name] = codes.name
                return
        attrs = {
            "fix_point": _fix_point(fix),
            "bit_width": 8,
            "if_signed": True,
            "round_mode": str(fix.attrs.get("round_mode", "DPU_ROUND")),
        }
        args = {"input": [self._float_of(source.name)]}
        tensor = _code_tensor(fix.name, source.tensor.dims, fix)
        made = self._new.add(Op(fix.name, "float2fix", tensor, args, attrs))
        self._codes[fix.name] = made.name


def _has_dpu_version(op: Op) -> bool:
    """Say whether the DPU has just this function, for ops of which it has a version of its own."""
    if op.type == "avgpool2d":  # Keras leaves padding out of an average, the DPU counts it as zeros
        width, height = op.attrs["kernel"]
        factor = list(op.attrs.get("dpu_factor", ()))
        return factor == list(average_factor(height, width)) and not any(op.attrs.get("pad", ()))
    if op.type == "hard-sigmoid":
        return list(op.attrs.get("dpu_factor", ())) == [FACTOR, FACTOR_BITS]
    if op.type == "resize":
        whole = all(float(scale).is_integer() for scale in op.attrs.get("scale", [0.5]))
        return op.attrs["mode"] == "NEAREST" and whole
    return op.type != "inner-product" or len(op.tensor.dims) in (2, 4)


def _as_map(dims: tuple[int, ...]) -> tuple[int, ...]:
    return (1, 1, *dims) if len(dims) == 2 else tuple(dims)


def _fix_point(fix: Op) -> int:
    if "fix_point" not in fix.attrs:
        raise ModelError(f"fix op '{fix.name}' must have a fix_point, got none; run make quantize")
    return int(fix.attrs["fix_point"])


def _code_tensor(name: str, dims: tuple[int, ...], fix: Op) -> Tensor:
    attrs = {
        "fix_point": _fix_point(fix),
        "bit_width": 8,
        "if_signed": True,
        "round_mode": str(fix.attrs.get("round_mode", "DPU_ROUND")),
    }
    return Tensor(name, tuple(dims), "xint8", attrs)


def _window_attrs(op: Op) -> dict[str, Any]:
    return {
        "kernel": list(op.attrs["kernel"]),
        "stride": list(op.attrs["stride"]),
        "pad": list(op.attrs.get("pad", [0, 0, 0, 0])),
    }


def _conv_attrs(op: Op, nonlinear: str) -> dict[str, Any]:
    return {
        **_window_attrs(op),
        "dilation": list(op.attrs.get("dilation", [1, 1])),
        "pad_mode": "FLOOR",
        "nonlinear": nonlinear,
        "hsigmoid_in": _UNUSED,
        "shift_hsigmoid": _UNUSED,
        "shift_hswish": _UNUSED,
    }


_UNUSED = -128  # as AMD's compiler writes it
_FUSING = ("conv2d", "depthwise-conv2d", "transposed-conv2d", "inner-product", "add", "mul")
_MAKERS: dict[str, Callable[[_Lowering, Op, str, Op], None]] = {
    "add": _Lowering.eltwise,
    "avgpool2d": _Lowering.pool,
    "concat": _Lowering.concat,
    "conv2d": _Lowering.convolution,
    "data": _Lowering.data,
    "depthwise-conv2d": _Lowering.convolution,
    "mul": _Lowering.eltwise,
    "hard-sigmoid": _Lowering.hard_sigmoid,
    "inner-product": _Lowering.inner_product,
    "maxpool2d": _Lowering.pool,
    "resize": _Lowering.resize,
    "transposed-conv2d": _Lowering.convolution,
}
