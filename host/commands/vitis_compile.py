"""The part of `compile` that has AMD's compiler do it, and takes in what came out."""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

from host.commands.compile import (
    Product,
    images_for,
    is_letter_model,
    quantized_file,
    write_product,
)
from host.commands.vitis_options import place_of, vitis_config
from host.commands.vitis_quantize import JOB
from host.compiler.compile import Compiled
from host.dpu.arch import DpuArch
from host.runners.emulator import dpu_doors
from host.vitis.compiled import check_answers, read_compiled, verdicts_of
from host.vitis.config import VitisConfig
from host.vitis.dpu import dpu_of_job
from host.vitis.job import RESULTS, copy_scripts, read_job, read_report, write_target
from host.vitis.run import run_step
from host.vitis.take_in import H5, TOOLCHAIN
from target import files
from target.command_line import print_result
from target.errors import DataError, ModelError
from target.manifest import NAME

FLOAT = "float.keras"


def run_vitis(args: argparse.Namespace) -> int:
    """Compile with AMD's tool; writes what the builtin compiler writes, and meta.json and md5sum.txt.

    Args:
        args: Of the command line.
    """
    folder, out, job = args.model, args.out or args.model, args.model / JOB
    settings = read_job(job)
    if args.flow not in (None, settings["flow"]):
        raise DataError(
            f"--flow must be that of the job, {settings['flow']}, got {args.flow}; quantize with --flow"
            f" {args.flow} first"
        )
    args.flow = settings["flow"]
    args.release = args.release or settings["compile"]["release"]
    config = vitis_config(args)
    files.check_writable(out / NAME)
    if config.flow == "tf2":
        source: Path | None = quantized_file(folder, args.name)
        versions = _check_is_quantized(folder, job)
        if _run_compiler(args, job, settings, config) == "prepared":
            return 0
    else:
        source, versions = None, {"flow": "tf1"}
        _check_float(folder, settings)
    arch = dpu_of_job(settings["compile"], config)
    product = _take_in(args, job, (settings["name"], source), (config, versions, arch))
    result = write_product(product, (folder, out), images_for(args), args.seed)
    counts = result["subgraphs"]
    text = (
        f"{result['xmodel']}: compiled by AMD's tool for Vitis AI {config.release}"
        f" ({product.arch.fingerprint:#x}), {counts['DPU']} DPU and {counts['CPU']} CPU subgraphs"
    )
    print_result({**result, "release": config.release, "job": str(job)}, args.json, text)
    return 0


def _run_compiler(
    args: argparse.Namespace, job: Path, settings: dict[str, Any], config: VitisConfig
) -> str:
    """Do what --only leaves to do; returns what was done."""
    if args.only != "collect":
        copy_scripts(job, config.environment)
        if args.arch or config.release != settings["compile"]["release"]:
            write_target(job, settings, config)
    if args.only == "prepare":
        text = f"{job}: written; copy it to where AMD's tools are and run: sh run.sh compile"
        print_result({"job": str(job)}, args.json, text)
        return "prepared"
    if args.only != "collect":
        run_step(job, "compile", config)
    read_report(job, "compile", ("arch", "command"))
    return "compiled"


def _take_in(
    args: argparse.Namespace,
    job: Path,
    model: tuple[str, Path | None],
    tools: tuple[VitisConfig, dict[str, str], DpuArch],
) -> Product:
    """Read and check the compiled model.

    Args:
        args: Of the command line.
        job: The job folder.
        model: Name, and the int8 model it was compiled from if there is one.
        tools: Which, their versions, the DPU they compile for.
    """
    (name, source), (config, versions, arch) = model, tools
    folder = job / RESULTS["compile"]
    path = folder / f"{name}.xmodel"
    if not path.is_file():
        raise ModelError(
            f"compiled model must be there to be taken in, got none at {path}; run sh run.sh quantize and sh"
            f" run.sh compile in {job} in AMD's container"
        )
    graph = read_compiled(path, arch, config.release)
    if source is not None and is_letter_model(graph):
        check_answers(graph, source, dpu_doors(graph), args.seed)
    found = {"meta": folder / "meta.json", "md5sum": folder / "md5sum.txt"}
    return Product(
        name,
        Compiled(graph, verdicts_of(graph)),
        lambda place: shutil.copyfile(path, place),
        arch,
        {
            "name": TOOLCHAIN,
            "versions": {
                **versions,
                "release": config.release,
                "where": "elsewhere" if source is None else place_of(args, config),
            },
        },
        {role: file for role, file in found.items() if file.is_file()},
        source is not None,
    )


def _check_is_quantized(folder: Path, job: Path) -> dict[str, str]:
    """Check that the model beside a job is what AMD's tool has quantized; returns the tool's versions.

    Raises:
        ModelError: If the builtin quantizer made it, or nothing is known, or it is of another job.
    """
    path, h5 = folder / "quantize.json", job / H5
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        made = content.get("toolchain", {"name": "builtin"})
        name, versions = made["name"], dict(made.get("versions", {}))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(
            f"quantized model must come with quantize.json, got '{error}' at {path}; run make quantize"
            " TOOLCHAIN=vitis"
        ) from error
    if name != TOOLCHAIN:
        raise ModelError(
            f"model must be quantized by AMD's tool for AMD's compiler, got one of toolchain {name} in"
            f" {folder}; run make quantize TOOLCHAIN=vitis"
        )
    expected = str(content.get("quantized_sha256"))
    got = files.sha256_of(h5) if h5.is_file() else "none"
    if got != expected:
        raise ModelError(
            f"{h5} must be what {path} was written for (sha256 {expected[:16]}...), got {got[:16]}; run make"
            " quantize TOOLCHAIN=vitis"
        )
    return versions


def _check_float(folder: Path, settings: dict[str, Any]) -> None:
    expected = str(settings["source"].get("float_sha256"))
    if (folder / FLOAT).is_file() and files.sha256_of(folder / FLOAT) != expected:
        raise ModelError(
            f"job must be of the {FLOAT} beside it, got one of another (sha256 {expected[:16]}...) in"
            f" {folder}; run python -m host quantize --toolchain vitis --flow tf1"
        )
