"""Compile a quantized model for the board's DPU: .xmodel, manifest, golden vectors.

    python -m host compile build/models/signnet

Reads NAME_int.xmodel of the folder and writes NAME.xmodel, model.json and golden/vectors.npz. Says
of every
op where it runs and why. The built-in compiler writes no DPU instructions: its file runs on the
emulator and on AMD's CPU runner; a board needs AMD's own compiler.
"""

from __future__ import annotations

import argparse
import json
import logging
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from host.compiler.compile import compile_graph
from host.compiler.golden import write_golden
from host.compiler.manifest import build_manifest
from host.data.load import load_test_samples
from host.dpu.arch import ZCU104
from host.paths import CACHE
from host.runners.emulator import dpu_doors
from host.xmodel.reader import read_xmodel
from host.xmodel.writer import write_xmodel
from target import files
from target.command_line import make_parser, print_result, start_log
from target.errors import ModelError, exit_code_of
from target.manifest import NAME
from target.vision.fixed_point import quantize

GOLDEN_IMAGES = 16
_log = logging.getLogger(__name__)


def main(argv: list[str] | None = None) -> int:
    """Run the command."""
    parser = make_parser("python -m host compile", __doc__)
    parser.add_argument("model", type=Path, help="folder with NAME_int.xmodel")
    parser.add_argument("--out", type=Path, help="folder; that of the model if not given")
    parser.add_argument(
        "--data", type=Path, help="data set, for real images among the golden vectors"
    )
    parser.add_argument("--seed", type=int, default=1, help="of the golden vectors")
    parser.add_argument("--cache", type=Path, default=CACHE, help="folder for parsed data")
    args = parser.parse_args(argv)
    start_log(args.quiet)
    return exit_code_of(lambda: _run(args))


def _run(args: argparse.Namespace) -> int:
    images = np.zeros((0, 0, 0), np.uint8)
    if args.data:
        test = load_test_samples(args.data, args.cache).images
        images = test[np.random.default_rng(args.seed).permutation(len(test))[:GOLDEN_IMAGES]]
    result = run_compilation(args.model, args.out or args.model, images, args.seed)
    lines = [f"{v['op']:32} {v['device']:4} {v['reason']}" for v in result["ops"]]
    counts = result["subgraphs"]
    lines.append(f"{result['xmodel']}: {counts['DPU']} DPU and {counts['CPU']} CPU subgraphs")
    print_result(result, args.json, "\n".join(lines))
    return 0


def run_compilation(folder: Path, out: Path, images: np.ndarray, seed: int) -> dict[str, Any]:
    """Compile, and write everything that belongs to the model.

    Args:
        folder: Has one NAME_int.xmodel, and what train and quantize wrote.
        out: Where the compiled model goes; the float and int8 models are copied there.
        images: uint8 (n, 28, 28) for the golden vectors; may be empty.
        seed: Of the golden vectors.
    """
    source = _quantized_file(folder)
    name = source.name.removesuffix("_int.xmodel")
    compiled = compile_graph(read_xmodel(source), ZCU104)
    target_file = out / f"{name}.xmodel"
    write_xmodel(compiled.graph, target_file)
    _copy_along(folder, out, source.name)
    paths = {
        "xmodel": target_file,
        "int8": out / source.name,
        "float": out / "float.keras",
    }
    training = _read_json(folder / "train.json")
    doors = dpu_doors(compiled.graph)
    real = np.zeros((0, *doors[0].tensor.dims[1:]), np.int8)
    if len(images):
        scale = training.get("input", {}).get("scale", 1 / 255)
        real = quantize(images[..., None] * scale, doors[0].tensor.fix_point)
    paths["golden"] = write_golden(compiled.graph, doors, real, out, seed)
    manifest = build_manifest(name, doors, ZCU104, training, paths, out)
    files.write_json(out / NAME, manifest)
    devices = [subgraph.device for subgraph in compiled.graph.subgraphs()]
    return {
        "xmodel": str(target_file),
        "manifest": str(out / NAME),
        "subgraphs": {device: devices.count(device) for device in ("USER", "DPU", "CPU")},
        "ops": [verdict._asdict() for verdict in compiled.verdicts],
    }


def _quantized_file(folder: Path) -> Path:
    found = sorted(folder.glob("*_int.xmodel")) if folder.is_dir() else []
    if len(found) != 1:
        raise ModelError(
            f"folder must hold one NAME_int.xmodel, got {len(found)} in {folder}; run make quantize"
        )
    return found[0]


def _copy_along(folder: Path, out: Path, int8_name: str) -> None:
    if folder.resolve() == out.resolve():
        return
    for name in (int8_name, "float.keras", "train.json", "quantize.json", "history.json"):
        if (folder / name).is_file():
            with files.replacing(out / name) as temporary:
                shutil.copyfile(folder / name, temporary)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return content
    except FileNotFoundError:
        _log.info("no %s: the manifest says 'unknown' of the training", path)
        return {}
    except ValueError as error:
        raise ModelError(f"training facts must be JSON, got '{error}' in {path}") from error
