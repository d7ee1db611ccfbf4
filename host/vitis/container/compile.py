"""Compile a quantized job with AMD's vai_c_tensorflow2, inside AMD's container.

    python -m host.vitis.container.compile JOB

Takes JOB/quantized/quantized.h5 and the arch.json of the board: JOB/arch.json if there is one, else the
container's own; it must be for the DPU that job.json names. Leaves JOB/compiled: NAME.xmodel, meta.json,
md5sum.txt and report.json.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from typing import Any, Dict

from host.vitis.container.job import JobError, load_json, results, run, write_json

COMPILER = "vai_c_tensorflow2"


def main(job: str) -> None:
    """Compile, and check what came out."""
    settings = load_json(job, "job.json")
    name, wanted = settings["name"], settings["compile"]
    model = os.path.join(job, "quantized", "quantized.h5")
    if not os.path.isfile(model):
        raise JobError(
            f"job must be quantized before it is compiled, got no file at {model}; run the step quantize"
        )
    arch = find_arch(job, wanted["board"])
    check_arch(arch, wanted)
    if shutil.which(COMPILER) is None:
        raise JobError(
            f"{COMPILER} must be on PATH, got none; run in AMD's container after conda activate"
            " vitis-ai-tensorflow2"
        )
    with results(job, "compiled") as folder:
        command = [COMPILER, "-m", model, "-a", arch, "-o", folder, "-n", name]
        print(" ".join(command), flush=True)
        code = subprocess.call(command)
        missing = [
            file
            for file in (name + ".xmodel", "meta.json", "md5sum.txt")
            if not os.path.isfile(os.path.join(folder, file))
        ]
        if code or missing:
            made = "no " + ", no ".join(missing) if missing else "every file"
            raise JobError(
                f"{COMPILER} must succeed, got exit code {code} and {made}; its own messages are above"
            )
        check_md5(os.path.join(folder, name + ".xmodel"), os.path.join(folder, "md5sum.txt"))
        report = {"arch": _load_arch(arch), "arch_path": arch, "command": command}
        write_json(os.path.join(folder, "report.json"), report)


def find_arch(job: str, board: str) -> str:
    """Return the path of the board's arch.json.

    Raises:
        JobError: If there is none.
    """
    own = os.path.join(job, "arch.json")
    tail = os.path.join("arch", "DPUCZDX8G", board, "arch.json")
    root = os.environ.get("VAI_ROOT", "/opt/vitis_ai")  # set by AMD's image
    places = [
        own,
        os.path.join(root, "compiler", tail),
        os.path.join(sys.prefix, tail),  # releases up to 1.4
    ]
    for place in places:
        if os.path.isfile(place):
            return place
    raise JobError(
        f"arch.json of the {board} must be in the container, got none at {', '.join(places)}; give one"
        " with --arch"
    )


def check_arch(path: str, wanted: Dict[str, Any]) -> None:
    """Check that an arch.json is for the DPU of the job.

    A name alone does not tell releases 2.5 and 3.0 apart; the compiled file does, and is checked later.

    Raises:
        JobError: If it is for another one.
    """
    arch = _load_arch(path)
    release, fingerprint, target = (wanted[key] for key in ("release", "fingerprint", "target"))
    remedy = f"use the container of Vitis AI {release}, or give another --release or --arch"
    if "fingerprint" in arch:
        try:
            got = int(str(arch["fingerprint"]), 0)
        except ValueError as error:
            raise JobError(
                f"fingerprint must be a number such as {fingerprint}, got '{arch['fingerprint']}' in {path}"
            ) from error
        if got != int(fingerprint, 0):
            raise JobError(
                f"arch.json must be for fingerprint {fingerprint} ({target}, --release {release}), got"
                f" {got:#x} in {path}; {remedy}"
            )
    elif arch.get("target") != target:
        raise JobError(
            f"arch.json must be for target {target} (Vitis AI {release}), got {arch.get('target')} in"
            f" {path}; {remedy}"
        )


def _load_arch(path: str) -> Dict[str, Any]:
    try:
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
    except (OSError, ValueError) as error:
        raise JobError(f"arch.json must be JSON, got '{error}' at {path}") from error
    if not isinstance(content, dict):
        raise JobError(f"arch.json must be a JSON object, got another at {path}")
    return content


def check_md5(model: str, sums: str) -> None:
    """Check a compiled model against the compiler's md5sum.txt.

    Raises:
        JobError: If it is another file than the compiler wrote.
    """
    with open(model, "rb") as file:
        got = hashlib.md5(file.read()).hexdigest()
    with open(sums, encoding="utf-8") as text:
        noted = text.read().split()
    if got not in noted:
        raise JobError(
            f"md5 of {os.path.basename(model)} must be in md5sum.txt, got {got} and there {noted}; compile"
            " again"
        )


if __name__ == "__main__":
    sys.exit(run(main, __doc__))
