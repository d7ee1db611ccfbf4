"""A float graph with made-up positions: enough to compile it, where only shapes count, as for a latency.

Nothing of it may be computed with.
"""

from __future__ import annotations

from host.dpu.ops.average import average_factor
from host.graph.graph import Graph
from host.quantizer.annotate import ROLE, annotate
from host.quantizer.config import QuantConfig
from host.quantizer.quantize import optimize

_POSITIONS = {"output": 4, "input": 4}
_OF_CONSTANTS = 7
_SCALINGS = ("Rescaling", "Normalization")


def with_placeholders(graph: Graph) -> Graph:
    """Return a quantized graph whose fix points are legal but mean nothing.

    Rescaling and Normalization in front of everything are left to the host, which does them while
    it prepares the image. Padded averages lose their padding (not their shape), so that they stay
    on the DPU: AMD's published networks that have them run there in one piece.

    Args:
        graph: Float; it is not changed.
    """
    annotated = optimize(_without_scaling(graph), QuantConfig(equalize=False))
    annotate(annotated)
    for op in annotated.of_type("avgpool2d"):
        op.attrs["pad"] = [0, 0, 0, 0]
        op.attrs["dpu_factor"] = list(average_factor(*reversed(op.attrs["kernel"])))
    for op in annotated.of_type("fix"):
        position = _POSITIONS.get(str(op.attrs[ROLE]), _OF_CONSTANTS)
        op.attrs["fix_point"] = op.tensor.attrs["fix_point"] = position
    return annotated


def _without_scaling(graph: Graph) -> Graph:
    """Return the graph without the scaling of its input."""
    bare = graph.copy()
    for op in bare.of_type("batchnorm"):
        if op.attrs.get("__keras") in _SCALINGS and bare.input(op).type == "data":
            bare.redirect(op.name, bare.input(op).name)
            bare.remove(op.name)
    return bare
