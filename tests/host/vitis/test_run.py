"""Steps of a job with an interpreter and in a container, and what is said where there is none."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from host.vitis.config import VitisConfig, arch_of_release, default_image
from host.vitis.job import copy_scripts
from host.vitis.run import docker_command, run_step
from target.errors import BackendError, ModelError
from tests.vitis_tools.prefix import make_docker, make_environment

ARCH = {"fingerprint": "0x101000056010407"}
IMAGE = "xilinx/vitis-ai-tensorflow2-cpu:ubuntu2004-3.0.0.119"


@pytest.fixture
def job(tmp_path: Path) -> Path:
    """A job that is not quantized: its steps run and fail, and say so."""
    folder = tmp_path / 'a job: with "quotes", commas'
    folder.mkdir()
    copy_scripts(folder, "vitis-ai-tensorflow2")
    target = {"board": "ZCU104", "release": "3.0", "target": "DPUCZDX8G_ISA1_B4096"}
    content = {"format": 1, "name": "net", "compile": {**target, **ARCH}}
    (folder / "job.json").write_text(json.dumps(content))
    return folder


@pytest.fixture
def python(tmp_path: Path) -> Path:
    return make_environment(tmp_path / "environment", Path(sys.executable), ARCH)


def test_step_runs_with_an_interpreter_and_its_error_is_passed_on(job: Path, python: Path) -> None:
    with pytest.raises(
        BackendError, match="compile in AMD's environment failed: job must be quant"
    ):
        run_step(job, "compile", VitisConfig(python=python))
    assert "error: job must be quantized" in (job / "compile.log").read_text()


def test_step_runs_in_a_container_as_the_user_who_owns_the_job(
    job: Path, python: Path, tmp_path: Path
) -> None:
    docker = make_docker(tmp_path, python, [IMAGE])
    with pytest.raises(BackendError, match="job must be quantized before it is compiled"):
        run_step(job, "compile", VitisConfig(docker=str(docker)))
    calls = json.loads((tmp_path / "calls.json").read_text())
    assert calls["image"] == IMAGE and "--rm" in calls["flags"]
    assert {"USER=vitis", "LOGNAME=vitis"} <= set(calls["options"]["--env"])


def test_gpu_image_gets_the_gpus(job: Path) -> None:
    command = docker_command(job, "quantize", VitisConfig(gpu=True, image="mine:1"))
    assert command[command.index("--gpus") + 1] == "all" and "mine:1" in command
    assert "--gpus" not in docker_command(job, "quantize", VitisConfig())


@pytest.mark.parametrize(("uid", "mapped"), [(1000, True), (0, False)], ids=["user", "root"])
def test_podman_is_asked_in_its_own_words(
    job: Path, monkeypatch: pytest.MonkeyPatch, uid: int, mapped: bool
) -> None:
    monkeypatch.setattr(os, "getuid", lambda: uid)
    config = VitisConfig(docker="/usr/bin/podman", gpu=True, image="mine:1")
    command = docker_command(job, "quantize", config)
    assert command[command.index("--device") + 1] == "nvidia.com/gpu=all"
    assert "--gpus" not in command
    assert ("--userns=keep-id" in command) == mapped
    assert "--userns=keep-id" not in docker_command(job, "quantize", VitisConfig())


@pytest.mark.parametrize(
    ("images", "daemon", "gpu", "message"),
    [
        (
            [],
            True,
            False,
            f"image {IMAGE} must be .* run .* pull {IMAGE}; if the tag is gone, .*cpu/tags",
        ),
        ([], True, True, "tensorflow2-gpu:latest must be .*; build it .*docker_build.sh -t gpu"),
        ([IMAGE], False, False, "must reach its daemon, got 'Cannot connect .*systemctl start"),
    ],
    ids=["no image", "no gpu image", "no daemon"],
)
def test_container_that_cannot_run(
    job: Path,
    python: Path,
    tmp_path: Path,
    images: list[str],
    daemon: bool,
    gpu: bool,
    message: str,
) -> None:
    docker = make_docker(tmp_path, python, images, daemon)
    with pytest.raises(BackendError, match=message):
        run_step(job, "compile", VitisConfig(docker=str(docker), gpu=gpu))


def test_without_docker_the_error_says_what_else_there_is(job: Path) -> None:
    with pytest.raises(BackendError, match=r"'no-docker' must be installed .* --python, or use"):
        run_step(job, "compile", VitisConfig(docker="no-docker"))


def test_interpreter_that_is_none(job: Path) -> None:
    with pytest.raises(BackendError, match="--python must be an interpreter with AMD's tools, got"):
        run_step(job, "compile", VitisConfig(python=Path("/no/python")))


def test_step_that_dies_without_a_word_of_its_own(job: Path, tmp_path: Path) -> None:
    dying = tmp_path / "dying"
    dying.write_text("#!/bin/sh\necho loading\necho Segmentation fault >&2\nexit 139\n")
    dying.chmod(0o755)
    with pytest.raises(BackendError, match="failed: exit code 139 after 'Segmentation fault'"):
        run_step(job, "quantize", VitisConfig(python=dying))


def test_images_of_releases() -> None:
    assert default_image("3.0", "tf2", False) == IMAGE
    assert (
        default_image("3.0", "tf1", False) == "xilinx/vitis-ai-tensorflow-cpu:ubuntu2004-3.0.0.091"
    )
    assert default_image("2.5", "tf1", False) == "xilinx/vitis-ai-cpu:2.5.0.1260"
    assert default_image("3.0", "tf1", True) == "xilinx/vitis-ai-tensorflow-gpu:latest"
    assert default_image("2.0", "tf2", True) == "xilinx/vitis-ai-gpu:latest"


@pytest.mark.parametrize(
    ("release", "fingerprint"),
    [
        ("1.3", 0x1000020F6014407),
        ("2.0", 0x1000020F6014407),
        ("2.5", 0x101000016010407),
        ("3.0", 0x101000056010407),
        ("3.5", 0x101000056010407),
    ],
)
def test_dpu_of_releases(release: str, fingerprint: int) -> None:
    assert arch_of_release(release).fingerprint == fingerprint


def test_unknown_release() -> None:
    with pytest.raises(ModelError, match=r"release must be one of 1\.3, .*, got '9'"):
        arch_of_release("9")
