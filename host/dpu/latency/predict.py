"""Layers -> milliseconds: what each layer takes and why, one image at a time and all cores at once.

For a layer, computing and moving bytes overlap: the longer of the two, part of the shorter, and a
start.
"""

from __future__ import annotations

import dataclasses

from host.dpu.latency.boards import Board, Release, clock_of
from host.dpu.latency.layers import Layer, Workload
from host.dpu.latency.parameters import CALL_MS, PYTHON_CALL_MS, Parameters

_REFERENCE_MHZ = 300.0  # clock at which the start of a layer was found


@dataclasses.dataclass(frozen=True)
class LayerTime:
    """What a layer takes.

    Attributes:
        layer: The layer.
        compute_ms: Of array and ALU.
        weights_ms: To read the weights.
        maps_ms: To read and write the maps.
        overhead_ms: Before anything moves.
        total_ms: Of all, overlapped.
        moved_bytes: Of weights and maps; of maps that fit on the chip only the share that still
            goes to memory.
    """

    layer: Layer
    compute_ms: float
    weights_ms: float
    maps_ms: float
    overhead_ms: float
    total_ms: float
    moved_bytes: float

    @property
    def bound_by(self) -> str:
        """`compute`, `weights`, `maps` or `overhead`: what takes longest."""
        parts = {
            "compute": self.compute_ms,
            "weights": self.weights_ms,
            "maps": self.maps_ms,
            "overhead": self.overhead_ms,
        }
        if self.weights_ms + self.maps_ms > max(self.compute_ms, self.overhead_ms):
            return "weights" if self.weights_ms >= self.maps_ms else "maps"
        return max(parts, key=lambda name: parts[name])


@dataclasses.dataclass(frozen=True)
class Prediction:
    """What a network would take; never a measurement.

    Attributes:
        workload: The network.
        board: The board.
        release: The Vitis AI release.
        parameters: Of the model.
        clock_mhz: Of a DPU core.
        layers: Times of the layers.
        dpu_ms: Of the DPU for one image, one core busy.
        host_ms: Of the ARM cores for one image, in the C++ library.
        busy_dpu_ms: Of the DPU for one image, all cores busy.
    """

    workload: Workload
    board: Board
    release: Release
    parameters: Parameters
    clock_mhz: float
    layers: tuple[LayerTime, ...]
    dpu_ms: float
    host_ms: float
    busy_dpu_ms: float

    @property
    def latency_ms(self) -> float:
        """One thread, one image after the other, from decoded picture to result, C++ library."""
        return self.dpu_ms + self.host_ms

    @property
    def python_ms(self) -> float:
        """One thread, the call of VART from Python on a prepared tensor."""
        return self.dpu_ms + (CALL_MS + PYTHON_CALL_MS) * self.workload.subgraphs

    @property
    def fps_multi_thread(self) -> float:
        """All cores busy: bound by the DPU's cores or by the ARM cores that feed them."""
        return min(
            self.board.cores * 1000 / self.busy_dpu_ms,
            self.board.cpu_cores * 1000 / self.host_ms,
        )

    @property
    def bandwidth_gb_s(self) -> float:
        """Of one busy core."""
        return bandwidth_of(self.board, self.release, self.parameters, cores=1)

    def time_of(self, layer: Layer) -> LayerTime:
        """Return what a layer would take here, one of the network or a changed one."""
        return time_layer(layer, self.bandwidth_gb_s, self.release, self.clock_mhz, self.parameters)

    def shares(self) -> dict[str, float]:
        """Return what share of the DPU's time is bound by what."""
        times: dict[str, float] = {}
        for time in self.layers:
            times[time.bound_by] = times.get(time.bound_by, 0.0) + time.total_ms
        return {name: ms / self.dpu_ms for name, ms in sorted(times.items(), key=lambda i: -i[1])}


def predict(
    workload: Workload, board: Board, release: Release, parameters: Parameters
) -> Prediction:
    """Predict a network's times on a board.

    Args:
        workload: Of the network, taken apart for the same release.
        board: The board.
        release: The Vitis AI release.
        parameters: Fitted.
    """
    alone = bandwidth_of(board, release, parameters, cores=1)
    shared = bandwidth_of(board, release, parameters, cores=board.cores)
    clock = clock_of(board, release)
    facts = (release, clock, parameters)
    layers = tuple(time_layer(layer, alone, *facts) for layer in workload.layers)
    busy = sum(time_layer(layer, shared, *facts).total_ms for layer in workload.layers)
    host = host_ms_of(workload, board, parameters)
    return Prediction(
        workload,
        board,
        release,
        parameters,
        clock,
        layers,
        sum(time.total_ms for time in layers),
        host,
        busy,
    )


def bandwidth_of(board: Board, release: Release, parameters: Parameters, cores: int) -> float:
    """Return the GB/s that each of so many busy cores has."""
    alone = parameters.bandwidth_gb_s
    if board.name == "kv260" and release.isa == 0:
        alone *= parameters.kv260_isa0_bandwidth
    return min(alone, parameters.memory_gb_s / cores)


def host_ms_of(workload: Workload, board: Board, parameters: Parameters) -> float:
    """Return the ARM cores' milliseconds an image in AMD's C++ library, beside the DPU's."""
    ms = parameters.host_ms + parameters.host_ns_per_byte * workload.input_bytes * 1e-6
    if board.name == "zcu104":
        ms += parameters.zcu104_host_ms
    return ms + CALL_MS * (workload.subgraphs - 1)


def time_layer(
    layer: Layer, bandwidth_gb_s: float, release: Release, clock_mhz: float, known: Parameters
) -> LayerTime:
    """Return what one layer takes.

    Args:
        layer: The layer.
        bandwidth_gb_s: That its core has.
        release: The Vitis AI release.
        clock_mhz: Of the core.
        known: Parameters.
    """
    per_ms = clock_mhz * 1e3
    compute = layer.array_cycles / (known.array_efficiency * per_ms)
    slower = 1.0 if release.isa else _isa0_alu(layer, known)
    compute += slower * layer.alu_cycles / (known.alu_efficiency * per_ms)
    bytes_per_ms = bandwidth_gb_s * 1e6
    weights = layer.weight_bytes / bytes_per_ms
    map_bytes = layer.map_bytes * (known.on_chip_maps if layer.on_chip else 1.0)
    maps = map_bytes / bytes_per_ms
    start = known.layer_ms * _REFERENCE_MHZ / clock_mhz
    start *= 1.0 if release.isa else known.isa0_layer
    start *= 1.0 if layer.waits else known.free_layer
    longer, shorter = max(compute, weights + maps), min(compute, weights + maps)
    total = longer + known.overlap * shorter + start
    moved = layer.weight_bytes + map_bytes
    return LayerTime(layer, compute, weights, maps, start, total, moved)


def _isa0_alu(layer: Layer, known: Parameters) -> float:
    if "depthwise-conv2d-fix" in layer.types:
        return known.isa0_depthwise
    return known.isa0_pool if set(layer.types) == {"pool-fix"} else 1.0
