"""Executes a compiled graph with ONNX Runtime's integer kernels. The only file that imports onnxruntime."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime

from host.dpu.engines.ort_graph import OnnxBuilder, Wire
from host.graph.graph import Graph, Op

# Without VNNI, sums of two products of uint8 and int8 saturate at 16 bits; with this they do not.
_EXACT_ON_AVX2 = "session.x64quantprecision"
_FLIP = np.uint8(0x80)  # code + 128 as uint8 is the code's bits with the highest one flipped


class OrtEngine:
    """An ONNX Runtime session; see host/dpu/engines/ort_graph.py for why it is exact.

    Args:
        graph: Compiled.
        doors: The op that takes the codes and the op whose codes are wanted.
        threads: Of the session.

    Raises:
        Unsupported: If the graph has an op without exact counterpart.
    """

    name = "onnxruntime"

    def __init__(self, graph: Graph, doors: tuple[Op, Op], threads: int = 1) -> None:
        self._builder = OnnxBuilder(graph, doors)
        self._threads = threads
        self._session = self._make_session(all_tensors=False)
        self._output = self._builder.output

    def _make_session(self, all_tensors: bool) -> Any:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self._threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        options.add_session_config_entry(_EXACT_ON_AVX2, "1")
        model = self._builder.model(all_tensors)
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def run(self, codes: np.ndarray) -> np.ndarray:
        """Return the last op's codes."""
        (values,) = self._session.run(None, {"codes": codes.view(np.uint8) ^ _FLIP})
        return _codes(values, self._output)

    def run_all(self, codes: np.ndarray) -> dict[str, np.ndarray]:
        """Return the codes of every tensor."""
        session = self._make_session(all_tensors=True)
        names = [output.name for output in session.get_outputs()]
        flipped = codes.view(np.uint8) ^ _FLIP
        values = dict(zip(names, session.run(names, {"codes": flipped})))
        values["codes"] = flipped
        found = {}
        for wire in self._builder.wires.values():
            found[wire.op.tensor.name] = _codes(values[wire.name], wire)
        return found


def _codes(values: np.ndarray, wire: Wire) -> np.ndarray:
    """Bring ONNX's uint8, NCHW behind the input, back to int8 codes in the op's dims (NHWC)."""
    codes = (values if wire.zero == 0 else values ^ _FLIP).view(np.int8)
    if codes.ndim == 4 and wire.name != "codes":
        codes = codes.transpose(0, 2, 3, 1)
    return codes.reshape(len(codes), *wire.op.tensor.dims[1:])


def make(graph: Graph, doors: tuple[Op, Op], threads: int) -> OrtEngine:
    """Make the engine."""
    return OrtEngine(graph, doors, threads)
