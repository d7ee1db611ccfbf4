"""Stand-in for vai_c_tensorflow2: an .xmodel of AMD's form from quantized.h5 alone.

The network is read from the file's model_config, its positions and weights from its variables. What comes
out has the names, files and marks of AMD's compiler, and the builtin compiler's layout; its instructions are
made up.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from host.compiler.compile import compile_graph
from host.dpu.arch import ARCHS, arch_of_fingerprint
from host.graph.graph import Graph, Op, Tensor, const
from host.graph.layers.window import same_padding
from host.vitis.h5_file import read_quantized
from host.xmodel.writer import write_xmodel


def main(argv: list[str]) -> int:
    """Run with AMD's options."""
    parser = argparse.ArgumentParser(prog="vai_c_tensorflow2")
    for short, name in (("-m", "--model"), ("-a", "--arch"), ("-o", "--output_dir")):
        parser.add_argument(short, name, type=Path, required=True)
    parser.add_argument("-n", "--net_name", required=True)
    args = parser.parse_args(argv)
    arch_file = json.loads(args.arch.read_text(encoding="utf-8"))
    if set(arch_file) == {"fingerprint"}:
        arch = arch_of_fingerprint(int(arch_file["fingerprint"], 16))
    elif set(arch_file) == {"target"}:
        (arch, *_) = [known for known in ARCHS if known.name == arch_file["target"]]
    else:
        print(f"[UNILOG][FATAL] arch.json: {arch_file}")
        return 1
    if args.net_name == "silent":  # as the real one does where it gives up
        return 0
    compiled = compile_graph(read_graph(args.model, args.net_name), arch).graph
    compiled.attrs = {"origin": "tensorflow2", "files_md5sum": {args.model.name: _md5(args.model)}}
    part = compiled.subgraphs("DPU")[0]
    part.attrs.update({"dpu_fingerprint": arch.fingerprint, "dpu_name": arch.name})
    part.attrs["mc_code"] = hashlib.sha256(args.model.read_bytes()).digest() * 16
    args.output_dir.mkdir(parents=True, exist_ok=True)
    path = args.output_dir / f"{args.net_name}.xmodel"
    write_xmodel(compiled, path)
    meta = {
        "lib": "libvart-dpu-runner.so",
        "filename": path.name,
        "kernel": [part.name],
        "target": arch.name,
    }
    (args.output_dir / "meta.json").write_text(json.dumps(meta), encoding="utf-8")
    (args.output_dir / "md5sum.txt").write_text(_md5(path) + "\n", encoding="utf-8")
    return 0


def _md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes()).hexdigest()


def read_graph(path: Path, name: str) -> Graph:
    """Return the quantized graph of a quantized.h5 of stacked and branching layers."""
    with h5py.File(path, "r") as file:
        config = json.loads(file.attrs["model_config"])
    found, graph = read_quantized(path), Graph(name)
    for entry in config["config"]["layers"]:
        sources = [node[0] for nodes in entry["inbound_nodes"] for node in nodes]
        _add(graph, entry, sources, found)
    return graph


def _add(graph: Graph, entry: dict[str, Any], sources: list[str], found: Any) -> None:
    kind, options = entry["class_name"], entry["config"]
    name = options["name"]
    if kind == "Vitis>VitisQuantize":
        layer = name.removeprefix("quant_")
        _fix(graph, name, sources[0], found.positions[layer]["output"], True)
        return
    if kind == "Vitis>QuantizeWrapper":
        inner = options["layer"]
        layer = inner["config"]["name"]
        positions = found.positions.get(layer, {})
        inputs = list(sources)
        if "input" in positions:
            inputs = [_fix(graph, f"{name}_in", sources[0], positions["input"], True)]
        body = f"{name}_body" if "output" in positions else name
        op = _op(graph, inner, body, inputs)
        for arg, role in (("weights", "kernel"), ("bias", "bias")):
            if role in positions:
                values = _layout(found.weights[f"{layer}/{role}"])
                graph.add(const(f"{name}/{role}", values))
                fixed = _fix(graph, f"{name}/{role}_fix", f"{name}/{role}", positions[role], False)
                op.args[arg] = [fixed]
        graph.add(op)
        if "output" in positions:
            _fix(graph, name, body, positions["output"], True)
        return
    graph.add(_op(graph, entry, name, sources))


def _fix(graph: Graph, name: str, source: str, position: int, activation: bool) -> str:
    attrs = {
        "fix_point": position,
        "bit_width": 8,
        "if_signed": True,
        "round_mode": "DPU_ROUND" if activation else "PY3_ROUND",
    }
    tensor = Tensor(name, graph.op(source).tensor.dims, attrs=dict(attrs))
    return graph.add(Op(name, "fix", tensor, {"input": [source]}, attrs)).name


def _layout(values: np.ndarray) -> np.ndarray:
    if values.ndim == 4:
        return np.ascontiguousarray(values.transpose(3, 0, 1, 2))
    return np.ascontiguousarray(values.T)


def _op(graph: Graph, entry: dict[str, Any], name: str, sources: list[str]) -> Op:
    kind, options = entry["class_name"], entry["config"]
    dims = graph.op(sources[0]).tensor.dims if sources else ()
    args = {"input": list(sources)} if sources else {}
    attrs: dict[str, Any] = {}
    if kind == "InputLayer":
        dims = (1, *options["batch_input_shape"][1:])
        return Op(name, "data", Tensor(name, dims), {}, {})
    if kind in ("Conv2D", "DepthwiseConv2D", "MaxPooling2D"):
        size = options.get("kernel_size") or options["pool_size"]
        attrs, area = _window(dims, size, options)
        channels = options["filters"] if kind == "Conv2D" else dims[-1]
        dims = (1, *area, channels)
        types = {"Conv2D": "conv2d", "DepthwiseConv2D": "depthwise-conv2d"}
        return Op(name, types.get(kind, "maxpool2d"), Tensor(name, dims), args, attrs)
    if kind == "Dense":
        dims = (*dims[:-1], options["units"])
        return Op(name, "inner-product", Tensor(name, dims), args, {"axis": 1})
    if kind in ("Flatten", "Reshape"):
        dims = (1, int(np.prod(dims)))
        return Op(name, "reshape", Tensor(name, dims), args, {"shape": list(dims)})
    if kind == "Add":
        return Op(name, "add", Tensor(name, dims), args, {})
    function = options["activation"] if kind == "Activation" else {"ReLU": "relu"}[kind]
    attrs = {"axis": -1} if function == "softmax" else {}
    return Op(name, function, Tensor(name, dims), args, attrs)


def _window(
    dims: tuple[int, ...], size: list[int], options: dict[str, Any]
) -> tuple[dict[str, Any], list[int]]:
    pads, area = [], []
    for axis in (0, 1):
        stride, side = options["strides"][axis], dims[1 + axis]
        pad = same_padding(side, size[axis], stride, 1) if options["padding"] == "same" else (0, 0)
        pads.append(pad)
        area.append((side + sum(pad) - size[axis]) // stride + 1)
    attrs = {
        "kernel": [size[1], size[0]],
        "stride": [options["strides"][1], options["strides"][0]],
        "dilation": [1, 1],
        "pad": [*pads[1], *pads[0]],
        "pad_mode": "FLOOR",
    }
    return attrs, area


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
