"""A stand-in for AMD's vart 3.5: runs DPU subgraphs on an emulator; aborts the process where VART does.

Of an array it looks at format and writability, as the binding does, and then trusts its pointer: a
strided array is read as raw memory. float32 is truncated toward zero on its way in.
"""

from __future__ import annotations

import ctypes
import os
import signal
import struct
import time
import weakref
from typing import Any, Dict, List, NoReturn, Tuple

import stand_in_device as device

_FORMATS = {"b": 1, "h": 2, "f": 4}
_PLACE = "runner_py_module.cpp:175"


class _RunnerTensor:
    """A tensor as the runner gives it: batch of the core in front, attributes of its neighbour too."""

    def __init__(self, tensor: Any, neighbour: Any) -> None:
        self.outer, self.dtype = tensor.name, tensor.dtype
        self.name = neighbour.name if device.settings().get("inner_names") else tensor.name
        self.dims = [1, *tensor.dims[1:]]
        self._attrs = {**neighbour.get_attrs(), **tensor.get_attrs()}

    def has_attr(self, key: str) -> bool:
        return key in self._attrs

    def get_attr(self, key: str) -> Any:
        if key not in self._attrs:
            device.uni_fatal(
                "[XIR_UNREGISTERED_ATTR][Unregistered attribute!]",
                f"Attrs doesn't contain attribute {key}",
            )
        return self._attrs[key]

    def size(self) -> int:
        count = 1
        for dim in self.dims:
            count *= dim
        return count


class Runner:
    """A runner of one subgraph; keeps no graph alive, as the binding does not."""

    @staticmethod
    def create_runner(subgraph: Any, mode: str = "") -> Runner:
        if subgraph is None:
            device.fatal("runner.cpp:60", "Check failed: subgraph != nullptr Invalid subgraph!")
        name = subgraph.get_name()
        if not subgraph.has_attr("runner"):
            device.uni_fatal(
                "[VART_RUNNER_CONSTRUCTION_FAIL][Cannot create runner]",
                "Cannot find runner attr, this subgraph may not be compiled! subgraph name: "
                + name,
            )
        libraries = subgraph.get_attr("runner")
        if mode not in libraries:
            device.uni_fatal(
                "[VART_RUNNER_CONSTRUCTION_FAIL][Cannot create runner]",
                f"Cannot find runner for mode {mode}! subgraph name: {name}",
            )
        library = libraries[mode]
        is_dpu = subgraph.has_attr("device") and subgraph.get_attr("device") == "DPU"
        if library not in ("libvart-dpu-runner.so", "libvart-cpu-runner.so") or not is_dpu:
            device.fatal(
                "runner.cpp:91",
                f"cannot open library! lib={library}, error={library}: cannot open"
                " shared object file: No such file or directory",
            )
        if library == "libvart-dpu-runner.so":
            _check_dpu(subgraph)
        device.log(f"runner {name} {mode}")
        return Runner(subgraph, library == "libvart-dpu-runner.so")

    def __init__(self, subgraph: Any, on_dpu: bool) -> None:
        self._name, self._on_dpu = subgraph.get_name(), on_dpu
        self._graph = weakref.ref(subgraph.get_graph())
        self._fingerprint = (
            subgraph.get_attr("dpu_fingerprint") if subgraph.has_attr("dpu_fingerprint") else 0
        )
        ops = subgraph.toposort()
        self._inputs = _sorted(
            [
                (op.get_input_tensor("input"), op.get_output_tensor())
                for op in ops
                if op.get_type() == "upload"
            ]
        )
        self._outputs = _sorted(
            [
                (op.get_output_tensor(), op.get_input_tensor("input"))
                for op in ops
                if op.get_type() == "download"
            ]
        )
        self._jobs = 0

    def get_input_tensors(self) -> List[_RunnerTensor]:
        return list(self._inputs)

    def get_output_tensors(self) -> List[_RunnerTensor]:
        return list(self._outputs)

    def execute_async(
        self, inputs: Any, outputs: Any, enable_dynamic_array: bool = False
    ) -> Tuple[int, int]:
        given, wanted = list(inputs), list(outputs)
        if not given:
            device.fatal(
                "dpu_runner_base_imp.cpp:300", "Check failed: !input.empty() input tensor is empty!"
            )
        if len(given) > len(self._inputs) or len(wanted) > len(self._outputs):
            os.kill(os.getpid(), signal.SIGSEGV)
        if len(given) < len(self._inputs) or len(wanted) < len(self._outputs):
            device.fatal(
                "stand-in", "fewer arrays than tensors: the real library computes on stale data"
            )
        graph = self._graph()
        if graph is None:  # the real library reads freed memory
            os.kill(os.getpid(), signal.SIGSEGV)
            raise SystemError
        views = [self._codes(array, tensor) for array, tensor in zip(given, self._inputs)]
        places = [self._place(array, tensor) for array, tensor in zip(wanted, self._outputs)]
        if self._on_dpu:
            self._check_device()
        self._jobs += 1
        answers = graph.emulator.run(self._name, {t.outer: v for t, v in zip(self._inputs, views)})
        wrong = device.settings().get("wrong_output")
        for (address, kind), tensor in zip(places, self._outputs):
            codes = bytearray(answers[tensor.outer])
            if wrong is not None and wrong < len(codes):
                codes[wrong] ^= 1
            _store(address, kind, bytes(codes), tensor.get_attr("fix_point"))
        device.log(f"job {self._name}")
        return (1, 0) if self._on_dpu else (0, 0)

    def wait(self, job: Tuple[int, int]) -> int:
        if not isinstance(job, tuple):
            raise TypeError("wait(): incompatible function arguments")
        return 0

    def _codes(self, array: Any, tensor: _RunnerTensor) -> bytes:
        kind = self._format(array)
        size = tensor.size()
        address, _, writable = device.memory_of(
            array, size * (1 if kind == "h" else _FORMATS[kind])
        )
        if not writable:
            raise ValueError("buffer source array is read-only")
        if kind != "f":
            return ctypes.string_at(address, size)
        scale = 2.0 ** tensor.get_attr("fix_point")
        values = struct.unpack(f"{size}f", ctypes.string_at(address, 4 * size))
        return bytes(int(value * scale) & 0xFF for value in values)  # truncates and wraps

    def _place(self, array: Any, tensor: _RunnerTensor) -> Tuple[int, str]:
        kind = self._format(array)
        size = tensor.size() * (1 if kind == "h" else _FORMATS[kind])
        address, _, writable = device.memory_of(array, size)
        if not writable:
            raise ValueError("buffer source array is read-only")
        return address, kind

    def _format(self, array: Any) -> str:
        kind = memoryview(array).format
        if kind not in _FORMATS:
            device.fatal(
                _PLACE, "Check failed: ret.type != xir::DataType::UNKNOWN unsupported data type"
            )
        if kind == "f" and not self._on_dpu:
            device.fatal(
                "simple_tensor_buffer.inc:67",
                "Check failed: t->get_tensor()->get_data_size() == size"
                " only support tensor buffer with continuous memory region",
            )
        return kind

    def _check_device(self) -> None:
        found = device.settings()
        actual = int(found["fingerprint"], 16)
        checked = os.environ.get("XLNX_ENABLE_FINGERPRINT_CHECK", "1") != "0"
        if checked and self._fingerprint and actual and self._fingerprint != actual:
            device.warn(
                "dpu_runner_base_imp.cpp:733",
                f"CHECK fingerprint fail! model_fingerprint {self._fingerprint:#x} is un-matched with"
                f" actual dpu_fingerprint {actual:#x}. Please re-compile xmodel with dpu_fingerprint"
                f" {actual:#x} and try again.",
            )
            device.fatal("dpu_runner_base_imp.cpp:737", "fingerprint check failure.")
        for key, act in (("timeout_after", _time_out), ("hang_after", _hang)):
            if found.get(key) is not None and self._jobs >= found[key]:
                act()


def _check_dpu(subgraph: Any) -> None:
    if not device.cores():
        device.uni_fatal(
            "[VART_DEVICE_BUSY][cannot create a dpu controller]",
            "cannot create a dpu controller, no device is available",
        )
    needed = ["reg_id_to_context_type", "reg_id_to_size"]
    needed += ["mc_code"] if device.settings().get("needs_instructions") else []
    for key in needed:
        if not subgraph.has_attr(key):
            device.uni_fatal(
                "[VART_XMODEL_ERROR][illegal xmodel]",
                f"subgraph {subgraph.get_name()} has no attr {key}",
            )
    if not subgraph.has_attr("reg_id_to_parameter_value"):
        device.uni_fatal("[VART_XMODEL_ERROR][illegal xmodel]", "cannot find CONST REG values")
    for op in subgraph.toposort():
        if op.get_type() != "upload":
            continue
        tensor = op.get_output_tensor()
        if not tensor.has_attr("ddr_addr") or not tensor.has_attr("reg_id"):
            device.uni_fatal(
                "[VART_XMODEL_ERROR][illegal xmodel]", f"op:{op.get_name()} has no ddr info"
            )


def _time_out() -> NoReturn:
    device.fatal(
        "dpu_controller.cpp:126",
        "cu timeout! device_core_idx 0  handle=0xaaaad2b4fcb0"
        " ENV_PARAM(XLNX_DPU_TIMEOUT) 10000 state 1 ERT_CMD_STATE_COMPLETED 4 ms 10001  bo=0"
        " is_done 0",
    )


def _hang() -> None:
    time.sleep(10**6)


def _sorted(pairs: List[Tuple[Any, Any]]) -> List[_RunnerTensor]:
    return [_RunnerTensor(*pair) for pair in sorted(pairs, key=lambda pair: str(pair[0].name))]


def _store(address: int, kind: str, codes: bytes, fix_point: int) -> None:
    if kind == "f":
        values: Dict[int, float] = {
            code: ((code ^ 0x80) - 0x80) * 2.0**-fix_point for code in set(codes)
        }
        codes = struct.pack(f"{len(codes)}f", *(values[code] for code in codes))
    ctypes.memmove(address, codes, len(codes))
