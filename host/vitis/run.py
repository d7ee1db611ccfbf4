"""Runs one step of a job: in AMD's container through docker, or with an interpreter that has AMD's tools."""

from __future__ import annotations

import collections
import logging
import os
import shutil
import subprocess
from pathlib import Path

from host.vitis.config import VitisConfig
from target.errors import BackendError, OutputError, one_line

LOG = "{}.log"
_SHOWN = 5  # of the last lines, if the step says nothing itself
_ACTIVATE = '. /opt/vitis_ai/conda/etc/profile.d/conda.sh && conda activate {} && exec "$@"'
_log = logging.getLogger(__name__)


def run_step(job: Path, step: str, config: VitisConfig) -> None:
    """Run a step to its end; its output goes to the log and to JOB/STEP.log.

    Args:
        job: The job folder.
        step: `quantize` or `compile`.
        config: Where the tools are.

    Raises:
        BackendError: If there is no container or interpreter, or the step fails.
    """
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2"}
    if config.python:
        python = find_python(config.python)
        command = ["sh", "run.sh", step]
        environment["PYTHON"] = str(python)
        # vai_c_tensorflow2 stands beside its interpreter.
        environment["PATH"] = os.pathsep.join([str(python.parent), os.environ.get("PATH", "")])
        environment.pop("PYTHONPATH", None)
        where = str(python)
    else:
        check_image(config)
        command = docker_command(job, step, config)
        where = config.full_image
    _log.info("%s with %s", step, where)
    _run(command, job, step, environment)


def find_python(given: Path) -> Path:
    """Return the absolute path of an interpreter; a link is kept, as a virtual environment needs it.

    Raises:
        BackendError: If it cannot be run.
    """
    found = shutil.which(str(given))
    if found is None:
        raise BackendError(f"--python must be an interpreter with AMD's tools, got none at {given}")
    return Path(os.path.abspath(found))


def docker_command(job: Path, step: str, config: VitisConfig) -> list[str]:
    """Return the command that runs a step in the container, as the user who owns the files."""
    return [
        *(config.docker, "run", "--rm", "--init"),
        *(["--gpus", "all"] if config.gpu else []),
        *("--user", f"{os.getuid()}:{os.getgid()}"),
        *("--env", "HOME=/tmp", "--env", "TF_CPP_MIN_LOG_LEVEL=2"),
        *("--volume", f"{job.resolve()}:/workspace", "--workdir", "/workspace"),
        config.full_image,
        *("bash", "-c", _ACTIVATE.format(config.environment), "vitis", "sh", "run.sh", step),
    ]


def check_image(config: VitisConfig) -> None:
    """Check that docker runs here and has the image; nothing is pulled.

    Raises:
        BackendError: If not, with what to do.
    """
    other = "or name an interpreter that has AMD's tools with --python, or use --toolchain builtin"
    if shutil.which(config.docker) is None:
        raise BackendError(
            f"'{config.docker}' must be installed to run AMD's tools, got none on PATH; see"
            f" https://docs.docker.com/engine/install, {other}"
        )
    image = config.full_image
    command = [config.docker, "image", "inspect", "--format", "{{.Id}}", image]
    try:
        found = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BackendError(
            f"'{config.docker}' must answer, got '{one_line(error)}'; {other}"
        ) from error
    if found.returncode == 0:
        return
    reason = one_line(found.stderr)
    if "no such image" not in reason.lower():
        raise BackendError(
            f"'{config.docker}' must reach its daemon, got '{reason[:200]}'; start it (sudo systemctl"
            f" start docker) and join its group (sudo usermod -aG docker $USER), {other}"
        )
    remedy = f"run {config.docker} pull {image}"
    if config.gpu:
        remedy = (
            "build it in a clone of github.com/Xilinx/Vitis-AI: cd docker && ./docker_build.sh -t gpu -f tf2,"
            " then name it with --image"
        )
    raise BackendError(f"image {image} must be on this machine, got none; {remedy}, {other}")


def _run(command: list[str], job: Path, step: str, environment: dict[str, str]) -> None:
    last: collections.deque[str] = collections.deque(maxlen=_SHOWN)
    path = job / LOG.format(step)
    fault = ""
    (job / "error.txt").unlink(missing_ok=True)  # of an earlier run
    try:
        log = path.open("w", encoding="utf-8")
    except OSError as error:
        raise OutputError(
            f"job folder must be writable, got '{error.strerror}' at {path}"
        ) from error
    with log:
        process = subprocess.Popen(
            command,
            cwd=job,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        try:
            assert process.stdout is not None
            for line in process.stdout:
                log.write(line)
                text = line.rstrip()
                if text.startswith("error: "):
                    fault = text[len("error: ") :]
                elif text:
                    last.append(text)
                    _log.info("  %s", text)
            code = process.wait()
        finally:  # Ctrl-C and errors end the container too
            if process.poll() is None:
                process.terminate()
                process.wait()
    if code:
        reason = fault or f"exit code {code} and '{one_line(' '.join(last))[-300:]}'"
        raise BackendError(f"{step} in AMD's environment failed: {reason}; its output is in {path}")
