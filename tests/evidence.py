"""How well each op of the emulator is known, as a table: made from the tests' own material.

    python -m tests.evidence        # writes the table into README.md

reference: the op stands in a file or network whose outputs by AMD's tools ours equal (tests compare them).
definition: the fast op equals the scalar one of tests/literal on drawn shapes, attributes and codes.
assumed: what no reference output confirms, as `python -m host inspect` says it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from host.dpu.assumed import assumption_of
from host.graph.graph import Graph, Op, Tensor
from tests.literal import ops as literal

ROOT = Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- ops: begin -->", "<!-- ops: end -->"
_CONV = {"dims": (1, 4, 4, 2), "weights": (2, 3, 3, 2)}
_DEPTHWISE = {"dims": (1, 4, 4, 2), "weights": (1, 3, 3, 2)}
_NONLINEAR = ("NONE", "RELU", "RELU6", "LEAKYRELU", "PRELU", "HSIGMOID", "HSWISH")
# Every variant of an op that the table tells apart, as a small op of that kind.
SAMPLES: list[tuple[str, dict[str, Any]]] = [
    *(("conv2d-fix", {**_CONV, "nonlinear": n}) for n in _NONLINEAR),
    ("conv2d-fix", {**_CONV, "group": 2, "weights": (2, 3, 3, 1)}),
    *(("depthwise-conv2d-fix", {**_DEPTHWISE, "nonlinear": n}) for n in _NONLINEAR[:3]),
    ("depthwise-conv2d-fix", {**_DEPTHWISE, "weights": (2, 3, 3, 2)}),
    ("transposed-conv2d-fix", _CONV),
    ("transposed-depthwise-conv2d-fix", _DEPTHWISE),
    ("pool-fix", {"type": "MAX"}),
    ("pool-fix", {"type": "MAX", "fixes": (3, 4)}),
    ("pool-fix", {"type": "AVG"}),
    ("pool-fix", {"type": "AVG", "pad": [1, 0, 0, 0]}),
    ("eltwise-fix", {"type": "ADD", "inputs": 2}),
    ("eltwise-fix", {"type": "ADD", "inputs": 2, "nonlinear": "RELU"}),
    ("eltwise-fix", {"type": "MUL", "inputs": 2}),
    ("eltwise-fix", {"type": "ADD", "inputs": 2, "broadcast": True}),
    ("concat-fix", {"inputs": 2}),
    ("concat-fix", {"inputs": 2, "fixes": (3, 4)}),
    ("hard-sigmoid-fix", {"fixes": (3, 7)}),
    *((kind, {}) for kind in ("reshape-fix", "upload", "download")),
    *((kind, {}) for kind in ("pad-fix", "upsample-fix", "downsample-fix", "strided_slice-fix")),
    *((kind, {}) for kind in ("argmax-fix", "reduction_max-fix")),
]
_NOT_ATTRS = ("dims", "weights", "fixes", "inputs", "broadcast")


def sample(kind: str, made: dict[str, Any]) -> tuple[Graph, Op]:
    """Return a graph with one op of a kind."""
    graph, (fix_in, fix_out) = Graph("sample"), made.get("fixes", (4, 4))
    args: dict[str, list[str]] = {"input": []}
    for number in range(made.get("inputs", 1)):
        dims = (1, 1, 1, 2) if number and made.get("broadcast") else made.get("dims", (1, 4, 4, 2))
        tensor = Tensor(f"x{number}", dims, "xint8", {"fix_point": fix_in})
        source = Op(f"x{number}", "data-fix", tensor)
        args["input"].append(graph.add(source).name)
    if "weights" in made:
        weights = Op("w", "const-fix", Tensor("w", made["weights"], "xint8", {"fix_point": 3}))
        args["weights"] = [graph.add(weights).name]
    attrs = {key: value for key, value in made.items() if key not in _NOT_ATTRS}
    tensor = Tensor("y", made.get("dims", (1, 4, 4, 2)), "xint8", {"fix_point": fix_out})
    return graph, graph.add(Op("y", kind, tensor, args, attrs))


def variant(graph: Graph, op: Op) -> tuple[str, str]:
    """Return the type of an op and what the table tells apart of it."""
    notes = [str(op.attrs["type"])] if op.type in ("pool-fix", "eltwise-fix") else []
    nonlinear = str(op.attrs.get("nonlinear", "NONE"))
    notes += [] if nonlinear == "NONE" else [nonlinear]
    if op.attrs.get("group", 1) != 1:
        notes.append("groups")
    weights = graph.inputs(op, "weights")
    if op.type == "depthwise-conv2d-fix" and weights[0].tensor.dims[0] != 1:
        notes.append("several kernels a channel")
    sources = graph.inputs(op)
    if op.type == "eltwise-fix" and len({source.tensor.dims for source in sources}) > 1:
        notes.append("broadcast")
    fixes = [source.tensor.attrs.get("fix_point", 0) for source in sources]
    own = op.tensor.attrs.get("fix_point", 0)
    maximum = op.type == "concat-fix" or op.attrs.get("type") == "MAX"
    if maximum and any(fix != own for fix in fixes):
        notes.append("another fix point")
    if op.attrs.get("type") == "AVG" and any(op.attrs.get("pad", ())):
        notes.append("padded")
    return op.type, ", ".join(notes)


def variants_of(graph: Graph, names: Iterable[str]) -> set[tuple[str, str]]:
    """Return the variants of some ops of a graph, constants left out."""
    ops = [graph.op(name) for name in names]
    return {variant(graph, op) for op in ops if op.data is None}


def confirmed(shared: Path) -> set[tuple[str, str]]:
    """Return the variants that reference outputs confirm: the given files and quantized networks."""
    from host.compiler.compile import compile_graph
    from host.data.npz import load_images
    from host.graph.from_keras import from_keras
    from host.graph.keras_file import load_keras_model
    from host.quantizer.config import QuantConfig
    from host.quantizer.quantize import quantize_graph
    from host.xmodel.reader import read_xmodel

    found: set[tuple[str, str]] = set()
    for path in sorted((shared / "given" / "xmodels").glob("*.xmodel")):
        graph = read_xmodel(path)
        found |= variants_of(graph, graph.subgraphs("DPU")[0].all_ops())
    images = load_images(shared / "given" / "quantizer" / "calib_images.npz")
    for folder in sorted((shared / "given" / "quantizer").glob("*/")):
        floating = from_keras(load_keras_model(folder / "float.keras"))
        compiled = compile_graph(quantize_graph(floating, images, QuantConfig()).graph).graph
        for subgraph in compiled.subgraphs("DPU"):
            found |= variants_of(compiled, subgraph.all_ops())
    return found


def table(found: set[tuple[str, str]]) -> str:
    """Return the table in Markdown.

    Args:
        found: Variants that reference outputs confirm.
    """
    lines = [
        "| op | | reference outputs | equals definition | assumed |",
        "|---|---|:---:|:---:|---|",
    ]
    for kind, made in SAMPLES:
        graph, op = sample(kind, made)
        name, notes = variant(graph, op)
        reference = "yes" if (name, notes) in found else ""
        definition = "yes" if name in literal.OPS else ""
        assumption = assumption_of(graph, op) or ""
        lines.append(f"| `{name}` | {notes} | {reference} | {definition} | {assumption} |")
    return "\n".join(lines)


def readme_with(text: str, made: str) -> str:
    """Return the README's text with the table between its marks."""
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n\n{made}\n\n{END}{rest.split(END)[1]}"


def main() -> int:
    """Write the table into README.md."""
    path = ROOT / "README.md"
    text = path.read_text(encoding="utf-8")
    path.write_text(readme_with(text, table(confirmed(ROOT.parent / "shared"))), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
