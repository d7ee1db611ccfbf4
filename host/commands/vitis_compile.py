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
from host.commands.vitis_options import vitis_config
from host.commands.vitis_quantize import JOB
from host.compiler.compile import Compiled
from host.runners.emulator import dpu_doors
from host.vitis.compiled import check_answers, read_compiled, verdicts_of
from host.vitis.config import arch_of_release
from host.vitis.job import RESULTS, copy_scripts, read_job, read_report, write_target
from host.vitis.run import run_step
from host.vitis.take_in import H5, TOOLCHAIN
from target import files
from target.command_line import print_result
from target.errors import ModelError
from target.manifest import NAME


def run_vitis(args: argparse.Namespace) -> int:
    """Compile with AMD's tool; writes what the builtin compiler writes, and meta.json and md5sum.txt.

    Args:
        args: Of the command line.
    """
    folder, out = args.model, args.out or args.model
    source = quantized_file(folder, args.name)
    name, job = source.name.removesuffix("_int.xmodel"), folder / JOB
    settings, quantized = read_job(job), _quantization(folder)
    _check_is_quantized(job, quantized, folder)
    if args.release is None:
        args.release = settings["compile"]["release"]
    config = vitis_config(args)
    files.check_writable(out / NAME)
    if args.only != "collect":
        copy_scripts(job, config.environment)
        if args.arch or args.release != settings["compile"]["release"]:
            write_target(job, settings, config)
    if args.only == "prepare":
        text = f"{job}: written; copy it to where AMD's tools are and run: sh run.sh compile"
        print_result({"job": str(job)}, args.json, text)
        return 0
    if args.only != "collect":
        run_step(job, "compile", config)
    read_report(job, "compile", ("arch", "command"))
    arch = arch_of_release(config.release)
    compiled = job / RESULTS["compile"]
    model = compiled / f"{settings['name']}.xmodel"
    graph = read_compiled(model, arch, config.release)
    if is_letter_model(graph):
        check_answers(graph, source, dpu_doors(graph), args.seed)
    tools = quantized["toolchain"]
    where = str(config.python) if config.python else config.full_image
    product = Product(
        name,
        Compiled(graph, verdicts_of(graph)),
        lambda place: shutil.copyfile(model, place),
        arch,
        {
            "name": TOOLCHAIN,
            "versions": {**tools["versions"], "release": config.release, "where": where},
        },
        {"meta": compiled / "meta.json", "md5sum": compiled / "md5sum.txt"},
    )
    result = write_product(product, (folder, out), images_for(args), args.seed)
    counts = result["subgraphs"]
    text = (
        f"{result['xmodel']}: compiled by AMD's tool for Vitis AI {config.release}"
        f" ({arch.fingerprint:#x}), {counts['DPU']} DPU and {counts['CPU']} CPU subgraphs"
    )
    print_result({**result, "release": config.release, "job": str(job)}, args.json, text)
    return 0


def _quantization(folder: Path) -> dict[str, Any]:
    """Return quantize.json of a model that AMD's tool has quantized.

    Raises:
        ModelError: If the builtin quantizer made it, or nothing is known.
    """
    path = folder / "quantize.json"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        made = content.get("toolchain", {"name": "builtin"})["name"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(
            f"quantized model must come with quantize.json, got '{error}' at {path}; run make quantize"
            " TOOLCHAIN=vitis"
        ) from error
    if made != TOOLCHAIN:
        raise ModelError(
            f"model must be quantized by AMD's tool for AMD's compiler, got one of toolchain {made} in"
            f" {folder}; run make quantize TOOLCHAIN=vitis"
        )
    return dict(content)


def _check_is_quantized(job: Path, quantized: dict[str, Any], folder: Path) -> None:
    path = job / H5
    got = files.sha256_of(path) if path.is_file() else "none"
    if got != quantized.get("quantized_sha256"):
        raise ModelError(
            f"{path} must be what {folder / 'quantize.json'} was written for"
            f" (sha256 {str(quantized.get('quantized_sha256'))[:16]}...), got {got[:16]}; run make quantize"
            " TOOLCHAIN=vitis"
        )
