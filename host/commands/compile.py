"""Compile a quantized model for the board's DPU: .xmodel, manifest, golden vectors.

    python -m host compile build/models/signnet

Reads NAME_int.xmodel of the folder and writes NAME.xmodel, model.json and golden/vectors.npz. Says
of every op where it runs and why. Any network compiles; manifest and golden vectors are written for
those that read letters. The built-in compiler writes no DPU instructions: its file runs
on the emulator and on AMD's CPU runner; a board needs AMD's own compiler: --toolchain vitis, of what
quantize --toolchain vitis has left in the folder.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from host.commands.vitis_options import add_vitis_options, check_builtin, only_check
from host.compiler.compile import Compiled, compile_graph
from host.compiler.golden import golden_vectors
from host.compiler.manifest import build_manifest
from host.data.calibration import treat_all
from host.data.load import load_test_samples
from host.data.trained import read_treatment
from host.dpu.arch import ZCU104, DpuArch
from host.dpu.latency.boards import DEFAULT_RELEASE, find_board, find_release
from host.dpu.latency.describe import summarize_prediction
from host.dpu.latency.layers import workload_of
from host.dpu.latency.parameters import load_parameters
from host.dpu.latency.predict import predict
from host.graph.graph import Graph
from host.paths import CACHE
from host.runners.emulator import dpu_doors
from host.xmodel.reader import read_xmodel
from host.xmodel.writer import write_xmodel
from target import files
from target.command_line import make_parser, print_result, seed, start_log
from target.errors import ModelError, exit_code_of
from target.manifest import NAME, check_name
from target.vision.fixed_point import quantize

GOLDEN_IMAGES = 16
LETTER_OUTPUTS = (24, 25, 26)
GOLDEN, FLOAT = "golden/vectors.npz", "float.keras"
_log = logging.getLogger(__name__)


def main(argv: list[str] | None = None) -> int:
    """Run the command."""
    parser = make_parser("python -m host compile", __doc__)
    parser.add_argument("model", type=Path, help="folder with NAME_int.xmodel")
    parser.add_argument("--name", help="of the model, if the folder holds several")
    parser.add_argument("--out", type=Path, help="folder; that of the model if not given")
    parser.add_argument(
        "--data", type=Path, help="data set, for real images among the golden vectors"
    )
    parser.add_argument("--seed", type=seed, default=1, help="of the golden vectors")
    parser.add_argument("--cache", type=Path, default=CACHE, help="folder for parsed data")
    add_vitis_options(parser)
    args = parser.parse_args(argv)
    start_log(args.quiet)
    return exit_code_of(lambda: _run(args))


def _run(args: argparse.Namespace) -> int:
    if args.toolchain == "vitis" and args.only == "check":
        return only_check(args)
    if args.toolchain == "vitis":
        from host.commands.vitis_compile import run_vitis  # it imports this module

        return run_vitis(args)
    check_builtin(args)
    result = run_compilation(
        args.model, args.out or args.model, images_for(args), args.seed, args.name
    )
    lines = [f"{v['op']:32} {v['device']:4} {v['reason']}" for v in result["ops"]]
    counts = result["subgraphs"]
    lines.append(f"{result['xmodel']}: {counts['DPU']} DPU and {counts['CPU']} CPU subgraphs")
    print_result(result, args.json, "\n".join(lines))
    return 0


def images_for(args: argparse.Namespace) -> np.ndarray:
    """Return the test images among the golden vectors, uint8 (n, h, w); none without a data set."""
    images = np.zeros((0, 0, 0), np.uint8)
    if args.data:
        test = load_test_samples(args.data, args.cache).images
        images = test[np.random.default_rng(args.seed).permutation(len(test))[:GOLDEN_IMAGES]]
    return images


def run_compilation(
    folder: Path, out: Path, images: np.ndarray, seed: int, name: str | None = None
) -> dict[str, Any]:
    """Compile, and write everything that belongs to the model, all of it or nothing.

    Args:
        folder: Has NAME_int.xmodel, and what train and quantize wrote.
        out: Where the compiled model goes; the float and int8 models are copied there.
        images: uint8 (n, 28, 28) for the golden vectors; may be empty.
        seed: Of the golden vectors.
        name: Of the model, if the folder holds several.
    """
    source = quantized_file(folder, name)
    files.check_writable(out / NAME)
    name = source.name.removesuffix("_int.xmodel")
    compiled = compile_graph(read_xmodel(source), ZCU104)
    product = Product(name, compiled, lambda place: write_xmodel(compiled.graph, place))
    return write_product(product, (folder, out), images, seed)


@dataclasses.dataclass(frozen=True)
class Product:
    """A compiled model that is to be written.

    Attributes:
        name: Of the model.
        compiled: Its graph, and where each op runs.
        write: Writes the .xmodel file.
        arch: What it was compiled for.
        toolchain: Name and versions of what compiled it; this program if None.
        more: By role, further files that belong to the model.
        has_int8: Whether NAME_int.xmodel is what it was compiled from.
    """

    name: str
    compiled: Compiled
    write: Callable[[Path], object]
    arch: DpuArch = ZCU104
    toolchain: dict[str, Any] | None = None
    more: dict[str, Path] = dataclasses.field(default_factory=dict)
    has_int8: bool = True


def write_product(
    product: Product, folders: tuple[Path, Path], images: np.ndarray, seed: int
) -> dict[str, Any]:
    """Write a compiled model and everything that belongs to it, all of it or nothing.

    Args:
        product: The model.
        folders: That has what train and quantize wrote, and that of the result.
        images: uint8 (n, 28, 28) for the golden vectors; may be empty.
        seed: Of the golden vectors.
    """
    (folder, out), compiled, name = folders, product.compiled, product.name
    training = _facts_of(folder)
    try:
        doors = dpu_doors(compiled.graph) if is_letter_model(compiled.graph) else None
    except ModelError as error:
        _log.warning("%s", error)
        doors = None
    if doors is None:
        return _write_model_alone(product, out / f"{name}.xmodel")
    real = np.zeros((0, *doors[0].tensor.dims[1:]), np.int8)
    if len(images):
        scale = training.get("input", {}).get("scale", 1 / 255)
        treated = treat_all(images, read_treatment(folder))
        real = quantize(treated[..., None] * scale, doors[0].tensor.fix_point)
    golden = golden_vectors(compiled.graph, doors, real, seed)
    with contextlib.ExitStack() as stack:
        # Left in reverse: the manifest gets its name last, when every file it vouches for is there.
        manifest = stack.enter_context(files.replacing(out / NAME))
        model = stack.enter_context(files.replacing(out / f"{name}.xmodel"))
        product.write(model)
        vectors = stack.enter_context(files.replacing(out / GOLDEN))
        np.savez_compressed(vectors, allow_pickle=False, **golden)
        hashes = {
            "xmodel": (f"{name}.xmodel", files.sha256_of(model)),
            "golden": (GOLDEN, files.sha256_of(vectors)),
        }
        made_from = {"int8": f"{name}_int.xmodel"} if product.has_int8 else {}
        for role, file in {**made_from, "float": FLOAT}.items():
            if (folder / file).is_file():
                hashes[role] = (file, files.sha256_of(folder / file))
        for stale in {"meta.json", "md5sum.txt"} - {path.name for path in product.more.values()}:
            (out / stale).unlink(
                missing_ok=True
            )  # of AMD's compiler, which made another model here
        for role, path in product.more.items():
            shutil.copyfile(path, stack.enter_context(files.replacing(out / path.name)))
            hashes[role] = (path.name, files.sha256_of(path))
        _copy_along(folder, out, f"{name}_int.xmodel", stack)
        content = build_manifest(name, doors, product.arch, training, hashes, product.toolchain)
        content["predicted_latency"] = predict_latency(compiled.graph)
        manifest.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return _describe(compiled, out / f"{name}.xmodel", out / NAME)


def predict_latency(graph: Graph) -> dict[str, Any]:
    """Return what the latency model says of a compiled graph on the ZCU104."""
    release, (parameters, error) = find_release(DEFAULT_RELEASE), load_parameters()
    workload = workload_of(graph, release)
    prediction = predict(workload, find_board("zcu104"), release, parameters)
    return summarize_prediction(prediction, error)


def is_letter_model(graph: Graph) -> bool:
    """Say whether a compiled network reads letters from gray images: only then has it a manifest."""
    sources, outputs = graph.of_type("data-fix"), graph.outputs()
    if len(sources) != 1 or len(outputs) != 1 or not graph.subgraphs("DPU"):
        return False
    gray = len(sources[0].tensor.dims) == 4 and sources[0].tensor.dims[3] == 1
    return gray and outputs[0].tensor.dims in [(1, count) for count in LETTER_OUTPUTS]


def _write_model_alone(product: Product, path: Path) -> dict[str, Any]:
    _log.warning(
        "no model.json and no golden vectors: they are for networks that read letters, one gray image"
        " in and %s outputs",
        " or ".join(map(str, LETTER_OUTPUTS)),
    )
    with files.replacing(path) as place:
        product.write(place)
    _remove_stale(path)
    return _describe(product.compiled, path, None)


def _remove_stale(model: Path) -> None:
    """Remove the manifest and the golden vectors of a model that this one has replaced."""
    manifest = model.parent / NAME
    try:
        named = json.loads(manifest.read_text(encoding="utf-8"))["files"]["xmodel"]["path"]
    except (OSError, ValueError, KeyError, TypeError):
        return
    if named == model.name:
        _log.warning("removed %s: it is of the model that was here before", manifest)
        manifest.unlink()
        (model.parent / GOLDEN).unlink(missing_ok=True)


def _describe(compiled: Compiled, model: Path, manifest: Path | None) -> dict[str, Any]:
    devices = [subgraph.device for subgraph in compiled.graph.subgraphs()]
    return {
        "xmodel": str(model),
        "manifest": str(manifest) if manifest else None,
        "subgraphs": {device: devices.count(device) for device in ("USER", "DPU", "CPU")},
        "ops": [verdict._asdict() for verdict in compiled.verdicts],
    }


def quantized_file(folder: Path, name: str | None) -> Path:
    """Return the NAME_int.xmodel of a folder.

    Raises:
        ModelError: If there is none, or several and no name.
    """
    if name:
        check_name(name)
        found = [path for path in [folder / f"{name}_int.xmodel"] if path.is_file()]
    else:
        found = sorted(folder.glob("*_int.xmodel")) if folder.is_dir() else []
    if len(found) == 1:
        return found[0]
    remedy = "choose one with --name" if found else "run make quantize"
    raise ModelError(
        f"folder must hold one {name or 'NAME'}_int.xmodel, got {len(found)} in {folder}; {remedy}"
    )


def _facts_of(folder: Path) -> dict[str, Any]:
    """Return train.json, once it is sure that the int8 model comes from the float model beside it."""
    quantized = _read_json(folder / "quantize.json")
    expected = quantized.get("float_sha256")
    if (folder / FLOAT).is_file() and expected:
        got = files.sha256_of(folder / FLOAT)
        if got != expected:
            raise ModelError(
                f"int8 model must be made from {FLOAT} (sha256 {got[:16]}...), got one made from"
                f" {expected[:16]}... in {folder}; run make quantize"
            )
    return _read_json(folder / "train.json")


def _copy_along(folder: Path, out: Path, int8_name: str, stack: contextlib.ExitStack) -> None:
    if folder.resolve() == out.resolve():
        return
    for name in (int8_name, FLOAT, "train.json", "quantize.json", "history.json"):
        if (folder / name).is_file():
            shutil.copyfile(folder / name, stack.enter_context(files.replacing(out / name)))


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        _log.info("no %s: the manifest says 'unknown' of the training", path)
        return {}
    except ValueError as error:
        raise ModelError(f"training facts must be JSON, got '{error}' in {path}") from error
    parts = ("data", "config", "input")
    if not isinstance(content, dict) or not all(
        isinstance(content.get(part, {}), dict) for part in parts
    ):
        raise ModelError(
            f"training facts must be a JSON object with objects {', '.join(parts)}, got another in"
            f" {path}; run make train quantize"
        )
    return content
