"""Runs one step of a job: in AMD's container through docker, or with an interpreter that has AMD's tools."""

from __future__ import annotations

import csv
import io
import logging
import os
import shutil
import subprocess
from pathlib import Path

from host.vitis.config import VitisConfig, tags_page
from target.errors import BackendError, OutputError, one_line

LOG = "{}.log"
_SHOWN = 300  # characters of the last line, if the step says nothing itself
_ACTIVATE = '. /opt/vitis_ai/conda/etc/profile.d/conda.sh && conda activate {} && exec "$@"'
_NO_IMAGE = ("no such image", "image not known")  # docker, podman
_log = logging.getLogger(__name__)


def check_tools(config: VitisConfig) -> None:
    """Check that a step could run, before anything is done for it.

    Raises:
        BackendError: If there is no container or interpreter.
    """
    if config.python:
        find_python(config.python)
    else:
        check_image(config)


def run_step(job: Path, step: str, config: VitisConfig) -> None:
    """Run a step to its end; its output goes to the log and to JOB/STEP.log.

    Args:
        job: The job folder.
        step: `quantize` or `compile`.
        config: Where the tools are.

    Raises:
        BackendError: If there is no container or interpreter, or the step fails.
    """
    check_tools(config)
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2"}
    if config.python:
        python = find_python(config.python)
        command = ["sh", "run.sh", step]
        environment["PYTHON"] = str(python)
        # vai_c_tensorflow2 stands beside its interpreter.
        environment["PATH"] = os.pathsep.join([str(python.parent), os.environ.get("PATH", "")])
    else:
        command = docker_command(job, step, config)
    _log.info("%s with %s", step, config.where)
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
    """Return the command that runs a step in the container, as the user who owns the files.

    The entry point is bash's: that of AMD's older images makes a user, which only root may. The user has
    no entry in the container's passwd, so getpass.getuser() is told a name.
    """
    podman = Path(config.docker).name == "podman"
    gpus = ["--device", "nvidia.com/gpu=all"] if podman else ["--gpus", "all"]
    # Podman without root maps users; root's podman knows no keep-id and needs none.
    same_user = ["--userns=keep-id"] if podman and os.getuid() else []
    names = ("HOME=/tmp", "USER=vitis", "LOGNAME=vitis", "TF_CPP_MIN_LOG_LEVEL=2")
    return [
        *(config.docker, "run", "--rm", "--init"),
        *(gpus if config.gpu else []),
        *same_user,
        *("--user", f"{os.getuid()}:{os.getgid()}"),
        *(part for name in names for part in ("--env", name)),
        *("--mount", _csv("type=bind", f"source={job.resolve()}", "target=/workspace")),
        *("--workdir", "/workspace"),
        *("--entrypoint", "bash", config.full_image),
        *("-c", _ACTIVATE.format(config.environment), "vitis", "sh", "run.sh", step),
    ]


def _csv(*fields: str) -> str:
    """Return fields as both programs read --mount: a path may hold commas and quotes."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(fields)
    return line.getvalue()


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
    if not any(text in reason.lower() for text in _NO_IMAGE):
        raise BackendError(
            f"'{config.docker}' must reach its daemon, got '{reason[:200]}'; start it (sudo systemctl"
            f" start docker) and join its group (sudo usermod -aG docker $USER), {other}"
        )
    remedy = f"run {config.docker} pull {image}"
    if config.image is None:
        remedy += (
            f"; if the tag is gone, choose one of Vitis AI {config.release} at {tags_page(image)} and name it"
            " with --image NAME:TAG (latest is 3.5)"
        )
    if config.gpu:
        remedy = (
            "build it in a clone of github.com/Xilinx/Vitis-AI: cd docker && ./docker_build.sh -t gpu -f tf2,"
            " then name it with --image"
        )
    raise BackendError(f"image {image} must be on this machine, got none; {remedy}, {other}")


def _run(command: list[str], job: Path, step: str, environment: dict[str, str]) -> None:
    path = job / LOG.format(step)
    fault = last = ""
    (job / "error.txt").unlink(missing_ok=True)  # of an earlier run
    try:
        log = path.open("w", encoding="utf-8")
    except OSError as error:
        raise OutputError(
            f"job folder must be writable, got '{error.strerror}' at {path}"
        ) from error
    with (
        log,
        subprocess.Popen(
            command,
            cwd=job,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as process,
    ):
        try:
            assert process.stdout is not None
            for line in process.stdout:
                log.write(line)
                text = line.rstrip()
                if text.startswith("error: "):
                    fault = text[len("error: ") :]
                elif text:
                    last = text
                    _log.info("  %s", text)
            code = process.wait()
        finally:  # Ctrl-C and errors end the container too
            if process.poll() is None:
                process.terminate()
    if code:
        reason = fault or f"exit code {code} after '{one_line(last)[-_SHOWN:]}'"
        raise BackendError(f"{step} in AMD's environment failed: {reason}; its output is in {path}")
