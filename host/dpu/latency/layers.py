"""Compiled graph -> layers with the work of each: cycles of both engines, bytes to and from memory."""

from __future__ import annotations

import dataclasses
import math

from host.dpu.latency.boards import Release
from host.dpu.latency.cycles import CHANNELS, cycles_of, is_augmented, map_of
from host.dpu.latency.fusion import group_layers, producers_of
from host.graph.graph import Graph, Op
from host.graph.workload import macs_of
from target.errors import ModelError

MAP_BUFFER_BYTES = 512 * 1024  # two groups of eight banks of 32 KiB


@dataclasses.dataclass(frozen=True)
class Layer:
    """What one layer asks of the DPU for one image.

    Attributes:
        name: Of its first op.
        types: Of its ops, in order.
        shape: Of its output, (n, h, w, c).
        macs: Multiply-adds as the network means them.
        array_cycles: Of the array of multipliers, padded rows and channels included.
        alu_cycles: Of the ALU.
        weight_bytes: int8 weights, padded to 16 x 16 channels, and biases.
        map_bytes: Inputs, outputs and shortcuts, int8.
        on_chip: Whether all of these fit the buffer for maps at once.
        waits: Whether it needs what the layer before it makes; else the two overlap.
        augmented: Whether channel augmentation works.
        window: Height and width of the first op's kernel.
        channels: Of its input and output.
        batchnorm_cycles: Of the ALU, for batch norms that could not be folded.
    """

    name: str
    types: tuple[str, ...]
    shape: tuple[int, ...]
    macs: int
    array_cycles: int
    alu_cycles: int
    weight_bytes: int
    map_bytes: int
    on_chip: bool
    waits: bool
    augmented: bool
    window: tuple[int, int]
    channels: tuple[int, int]
    batchnorm_cycles: int


@dataclasses.dataclass(frozen=True)
class Workload:
    """What a network asks of the DPU and of the host for one image.

    Attributes:
        name: Of the network.
        layers: In order.
        input_bytes: Of the network's input, int8.
        subgraphs: DPU subgraphs, one call of the runtime each.
        cpu_ops: Types of the ops that run on the CPU; their time is not modelled.
        parameters: Weights and biases.
    """

    name: str
    layers: tuple[Layer, ...]
    input_bytes: int
    subgraphs: int
    cpu_ops: tuple[str, ...]
    parameters: int

    @property
    def macs(self) -> int:
        """Multiply-adds of one image on the DPU."""
        return sum(layer.macs for layer in self.layers)


def workload_of(graph: Graph, release: Release) -> Workload:
    """Return the work of a compiled graph.

    Args:
        graph: With USER, DPU and CPU subgraphs; ours or AMD's.
        release: Whose DPU and compiler are modelled.

    Raises:
        ModelError: If the graph is not compiled, nothing in it takes the DPU any time, or an op
            lacks what its work depends on.
    """
    parts = graph.subgraphs("DPU")
    if not parts:
        raise ModelError(f"model must have a part that runs on the DPU, got none in '{graph.name}'")
    layers: list[Layer] = []
    for part in parts:
        before: set[str] = set()
        for group in group_layers(graph, part, release):
            waits = not before or bool(before & producers_of(graph, group))
            layers.append(_layer(graph, group, release, waits))
            before = {op.name for op in group}
    if not layers:
        raise ModelError(
            "part that runs on the DPU must compute something, got ops that only name bytes anew"
            f" in '{graph.name}'"
        )
    cpu = [graph.op(name).type for part in graph.subgraphs("CPU") for name in part.all_ops()]
    inputs = graph.of_type("data-fix", "data")
    return Workload(
        graph.name,
        tuple(layers),
        sum(math.prod(op.tensor.dims) for op in inputs),
        len(parts),
        tuple(kind for kind in cpu if kind not in _CONVERSIONS),
        sum(math.prod(op.tensor.dims) for op in graph.of_type("const-fix")),
    )


_CONVERSIONS = ("fix2float", "float2fix", "const", "const-fix", "reshape")
# Types of ops and which pairs of sizes [w, h] their cycles depend on.
_PAIRS = {
    **dict.fromkeys(("conv2d-fix", "depthwise-conv2d-fix", "pool-fix"), ("kernel",)),
    "transposed-conv2d-fix": ("kernel", "stride"),
    "transposed-depthwise-conv2d-fix": ("kernel",),
}


def _layer(graph: Graph, group: list[Op], release: Release, waits: bool) -> Layer:
    for op in group:
        _check(graph, op)
    cycles = [cycles_of(graph, op, release.isa) for op in group]
    width, height = group[0].attrs.get("kernel", (1, 1))
    channels_in = map_of(graph.inputs(group[0])[0].tensor.dims)[2]
    map_bytes = _map_bytes(graph, group)
    return Layer(
        group[0].name,
        tuple(op.type for op in group),
        group[-1].tensor.dims,
        sum(macs_of(graph, op) for op in group),
        sum(part.array for part in cycles),
        sum(part.alu for part in cycles),
        sum(_weight_bytes(graph, op) for op in group),
        map_bytes,
        map_bytes <= MAP_BUFFER_BYTES,
        waits,
        any(is_augmented(graph, op, release.isa) for op in group),
        (int(height), int(width)),
        (channels_in, map_of(group[0].tensor.dims)[2]),
        sum(part.alu for op, part in zip(group, cycles) if is_batchnorm(op)),
    )


def _check(graph: Graph, op: Op) -> None:
    """Check that an op of a file has what its work depends on.

    Raises:
        ModelError: If it has not.
    """
    if not op.args.get("input"):
        raise ModelError(f"op '{op.name}' ({op.type}) must have an input, got none")
    for key in ("kernel", "stride"):
        pair = op.attrs.get(key, None if key in _PAIRS.get(op.type, ()) else [1, 1])
        if (
            not isinstance(pair, list)
            or [type(side) for side in pair] != [int, int]
            or min(pair) < 1
        ):
            raise ModelError(f"{key} of op '{op.name}' must be [w, h] of at least 1, got {pair}")
    if op.type in _PAIRS and op.type != "pool-fix":
        dims = graph.input(op, "weights").tensor.dims
        if len(dims) != 4:
            raise ModelError(f"weights of op '{op.name}' must have 4 dims, got {list(dims)}")


def is_batchnorm(op: Op) -> bool:
    """Say whether an op is what becomes of a batch norm that cannot be folded."""
    return op.type == "depthwise-conv2d-fix" and list(op.attrs["kernel"]) == [1, 1]


def _map_bytes(graph: Graph, group: list[Op]) -> int:
    """Return the bytes of all inputs from outside the layer, and of its output."""
    members = {op.name for op in group}
    outside = [
        graph.op(name) for op in group for name in op.args.get("input", []) if name not in members
    ]
    return sum(math.prod(op.tensor.dims) for op in [*outside, group[-1]])


def _weight_bytes(graph: Graph, op: Op) -> int:
    """Return the bytes of weights as the DPU loads them: 16 channels a word, whole groups of 16.

    An input of few channels is packed. Padding was found on LeNet's 50 channels; without it the
    model is 22 % too fast there.
    """
    if "weights" not in op.args:
        return 0
    dims = graph.input(op, "weights").tensor.dims
    bias = math.prod(graph.input(op, "bias").tensor.dims) if "bias" in op.args else 0
    if len(dims) != 4:  # of no convolution
        return math.prod(dims) + bias
    count, height, width, channels = dims
    if op.type.endswith("depthwise-conv2d-fix"):
        return height * width * count * _padded(channels) + bias
    inner = _padded(channels) if channels >= CHANNELS else channels
    return _padded(count) * height * width * inner + bias


def _padded(channels: int) -> int:
    return -(-channels // CHANNELS) * CHANNELS
