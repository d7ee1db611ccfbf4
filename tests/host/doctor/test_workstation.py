"""The workstation's doctor on folders and programs made for it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from host.__main__ import main
from host.doctor import arch, container, data, machine, models, python
from host.doctor.table import CHECKS, check_workstation
from host.doctor.workstation import ROOT, Workstation
from host.vitis.config import default_image
from target.check.finding import ERROR, NOTE, OK, WARNING
from tests.target.check.boards import copy_model, levels, only
from tests.target.stand_ins import FakeMachine

IMAGE = default_image("3.0", "tf2", gpu=False)


def _docker(
    folder: Path, images: str = "", version: str = "20.10.5", fails: str = ""
) -> Workstation:
    """Return a machine whose docker answers so."""
    path = folder / "bin/docker"
    path.parent.mkdir(parents=True)
    failing = f"echo '{fails}' >&2; exit 1" if fails else ""
    path.write_text(
        f'#!/bin/sh\n{failing}\ncase "$1" in version) echo {version};; images) echo "{images}";; esac\n'
    )
    path.chmod(0o755)
    return Workstation(folder, environment={"PATH": f"{path.parent}:/bin:/usr/bin"})


def test_python_and_its_pinned_packages() -> None:
    assert levels(python.check(Workstation())) == [OK, OK]


def test_packages_that_are_missing_or_of_another_version(tmp_path: Path) -> None:
    (tmp_path / "requirements.lock").write_text(
        "numpy==1.0.0 \\\n    --hash=sha256:00\nno-such-package==2.0\n"
        "only-elsewhere==1 ; sys_platform == 'win32' \\\n"
    )
    findings = python.check(Workstation(project=tmp_path))
    assert "got none of no-such-package" in only(findings, ERROR).what
    assert "numpy " in only(findings, WARNING).what and "(pinned 1.0.0)" in findings[-1].what
    assert "make setup" in only(findings, ERROR).remedy


def test_without_a_lock_and_with_an_old_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("host.doctor.python.LEAST", (99, 0))
    findings = python.check(Workstation(project=tmp_path))
    assert levels(findings) == [ERROR, ERROR]
    assert "make setup PYTHON3=python3.11" in findings[0].remedy


def test_the_doctor_runs_before_any_package_is_installed() -> None:
    done = subprocess.run(
        [sys.executable, "-S", "-m", "host", "doctor", "--json", "--docker", "no-docker"],
        capture_output=True, text=True, check=False, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 1 and done.stderr == ""
    found = [one for one in json.loads(done.stdout)["findings"] if one["level"] == ERROR]
    assert found[0]["check"] == "python" and "packages must be installed" in found[0]["what"]
    assert all("make setup, then use .venv/bin/python" in one["remedy"] for one in found)


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["--board-ip", "192.0.2.1", "--board-port", "23"], 1, "make .venv-deploy/ready"),
        (["--inventory", "boards.ini"], 1, "numpy must be installed to look at a board"),
        (["--bored-ip", "192.0.2.1"], 2, "unrecognized arguments: --bored-ip"),
    ],
    ids=["one board", "many", "a slip"],
)
def test_board_without_the_packages_is_one_line(words: list[str], code: int, says: str) -> None:
    done = subprocess.run(
        [sys.executable, "-S", "-m", "host", "doctor", *words],
        capture_output=True, text=True, check=False, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == code and says in done.stderr and "Traceback" not in done.stderr


def test_make_doctor_of_a_board_has_what_that_needs() -> None:
    def dry(*words: str) -> str:
        command = ["make", "-n", "-W", "host/deploy/requirements.lock", "doctor", *words]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert ".venv-deploy" not in dry()
    there = dry("BOARD_IP=192.0.2.1")
    assert "-m venv .venv-deploy" in there and ".venv-deploy/bin/python -m host doctor" in there


def test_no_docker_is_a_note(tmp_path: Path) -> None:
    found = only(container.check(Workstation(tmp_path, environment={"PATH": ""})), NOTE)
    assert "docker is not installed" in found.what and "docs.docker.com" in found.remedy


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        ("permission denied while trying to connect", "usermod -aG docker"),
        ("Cannot connect to the Docker daemon", "systemctl start docker"),
    ],
)
def test_a_docker_that_does_not_answer(said: str, remedy: str, tmp_path: Path) -> None:
    found = only(container.check(_docker(tmp_path, fails=said)), WARNING)
    assert said in found.what and remedy in found.remedy


@pytest.mark.parametrize(
    ("images", "level", "part"),
    [
        (IMAGE, OK, IMAGE),
        ("", NOTE, "no image xilinx/vitis-ai"),
        (
            "xilinx/vitis-ai-tensorflow2-cpu:ubuntu2004-3.5.0.306",
            WARNING,
            "got xilinx/vitis-ai-ten",
        ),
        ("xilinx/vitis-ai-cpu:latest", WARNING, "got xilinx/vitis-ai-cpu:latest"),
        ("xilinx/vitis-ai-cpu:2.5.0.1260", WARNING, f"image should be {IMAGE}"),
        ("xilinx/vitis-ai-tensorflow2-cpu:ubuntu2004-3.0.0.200", OK, "(Vitis AI 3.0)"),
    ],
)
def test_images(images: str, level: str, part: str, tmp_path: Path) -> None:
    findings = container.check(_docker(tmp_path, images))
    assert findings[0].level == OK and "docker 20.10.5" in findings[0].what
    assert findings[1].level == level and part in findings[1].what
    assert level == OK or findings[1].remedy == f"docker pull {IMAGE}"


def test_inside_the_container(tmp_path: Path) -> None:
    (tmp_path / "opt/vitis_ai").mkdir(parents=True)
    wrong = Workstation(tmp_path, environment={"CONDA_DEFAULT_ENV": "base"})
    assert only(container.check(wrong), WARNING).remedy == "conda activate vitis-ai-tensorflow2"
    right = Workstation(tmp_path, environment={"CONDA_DEFAULT_ENV": "vitis-ai-tensorflow2"})
    assert levels(container.check(right)) == [OK]


@pytest.mark.parametrize(
    ("text", "level", "part"),
    [
        ('{"fingerprint":"0x101000056010407"}', OK, "(Vitis AI 3.0)"),
        ('{"fingerprint":"0x101000016010407"}', WARNING, "got 0x101000016010407 (Vitis AI 2.5)"),
        ('{"fingerprint":"zcu104"}', ERROR, "must be a number"),
        ('{"target": "DPUCZDX8G_ISA1_B4096"}', NOTE, "does not tell Vitis AI 2.5 from 3.0"),
        ('{"target": "DPUCZDX8G_ISA0_B4096_MAX_BG2"}', WARNING, "must be DPUCZDX8G_ISA1_B4096"),
        ('{"target": "DPUCVDX8G"}', ERROR, "target must be one of"),
        ("[]", ERROR, "must name fingerprint or target"),
        ("{", ERROR, "must be JSON"),
    ],
)
def test_arch_json(text: str, level: str, part: str, tmp_path: Path) -> None:
    path = tmp_path / "opt/vitis_ai/compiler/arch/DPUCZDX8G/ZCU104/arch.json"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    for station in (Workstation(tmp_path), Workstation(arch=path)):
        found = only(arch.check(station), level)
        assert part in found.what


def test_no_arch_json(tmp_path: Path) -> None:
    assert arch.check(Workstation(tmp_path)) == []
    found = only(arch.check(Workstation(arch=tmp_path / "none.json")), ERROR)
    assert "got none at" in found.what


def test_models(tmp_path: Path, released: dict[str, Path]) -> None:
    for folder in released.values():
        copy_model(folder, tmp_path / "released/models" / folder.name)
    findings = models.check(Workstation(project=tmp_path / "released"))
    assert levels(findings) == [OK] * len(released) + [NOTE]
    assert "TOOLCHAIN=vitis" in only(findings, NOTE).remedy
    folder = copy_model(released["tutorial"], tmp_path / "models/tutorial")
    (folder / "float.keras").write_bytes(b"")
    found = only(models.check(Workstation(project=tmp_path)), ERROR)
    assert "must have sha256" in found.what
    found = only(models.check(Workstation(project=tmp_path / "empty")), ERROR)
    assert "a model must be there" in found.what


def test_data(tmp_path: Path) -> None:
    assert "training draws hands" in only(data.check(Workstation(data=tmp_path)), NOTE).what
    (tmp_path / "broken.zip").write_bytes(b"PK")
    (tmp_path / "sign_mnist_train.csv").write_text("label\n")
    findings = data.check(Workstation(data=tmp_path))
    assert sorted(levels(findings)) == [ERROR, OK]
    assert "fetch it again" in only(findings, ERROR).remedy
    assert levels(data.check(Workstation(data=tmp_path / "sign_mnist_train.csv"))) == [OK]


def test_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    FakeMachine(tmp_path).write("proc/meminfo", "MemTotal: 9 kB\nMemAvailable: 1000000 kB")
    usage = type("Usage", (), {"free": 1000 << 20})
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage)
    findings = machine.check(Workstation(tmp_path, environment={"PATH": ""}))
    warned = [one.what for one in findings if one.level == WARNING]
    assert warned == [
        f"disk must have 4000 MB left, got 1000 MB in {ROOT}",
        "memory must have 3000 MB available to train, got 976 MB",
    ]
    assert any("ssh-keyscan is not installed" in one.what for one in findings)


def test_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--only", "models,arch", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["ok"] and {one["check"] for one in result["findings"]} == {"models"}
    assert main(["doctor", "--only", "gpu"]) == 1
    assert f"check must be one of {', '.join(CHECKS)}" in capsys.readouterr().err


def test_a_check_that_fails_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(station: Any) -> Any:
        raise OSError("something is odd")

    monkeypatch.setattr(arch, "check", broken)
    assert "something is odd" in only(check_workstation(Workstation(), "arch"), ERROR).what


def test_programs_that_cannot_be_started(tmp_path: Path) -> None:
    path = tmp_path / "odd"
    path.write_bytes(b"\x7fELF")
    path.chmod(0o755)
    answer = Workstation(environment={"PATH": str(tmp_path)}).ask("odd")
    assert answer.code is None and "cannot be started" in answer.err
