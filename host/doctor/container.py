"""AMD's container: can docker be used, is the image that of the board's release."""

from __future__ import annotations

from host.doctor.workstation import Workstation
from host.vitis.config import DEFAULT_RELEASE, default_image
from target.check.finding import NOTE, WARNING, Finding, ok

NAME = "container"
_WHY = "AMD's compiler, which writes DPU instructions, is only in AMD's container; all else works without"
_PREFIX = "xilinx/vitis-ai"


def check(machine: Workstation) -> list[Finding]:
    """Look for docker, its daemon, and AMD's images with their tags."""
    if (machine.root / "opt/vitis_ai").is_dir():
        return [_inside(machine)]
    version = machine.ask(machine.docker, "version", "--format", "{{.Server.Version}}")
    if version.code is None:
        return [
            Finding(
                NAME,
                NOTE,
                f"{version.err}: no model can be compiled for a board here",
                _WHY,
                "install docker: https://docs.docker.com/engine/install",
            )
        ]
    if version.code:
        return [_daemon(version.err)]
    listed = machine.ask(machine.docker, "images", "--format", "{{.Repository}}:{{.Tag}}")
    found = sorted(line for line in listed.out.split() if line.startswith(_PREFIX))
    wanted = default_image(DEFAULT_RELEASE, "tf2", gpu=False)
    findings = [ok(NAME, f"docker {version.out.strip()}")]
    if wanted in found:
        return [*findings, ok(NAME, wanted)]
    if not found:
        return [
            *findings,
            Finding(
                NAME,
                NOTE,
                f"no image {_PREFIX}...: no model can be compiled for a board",
                _WHY,
                f"docker pull {wanted}",
            ),
        ]
    return findings + [_image(name, wanted) for name in found]


def _inside(machine: Workstation) -> Finding:
    environment = machine.environment.get("CONDA_DEFAULT_ENV", "none")
    if environment in ("vitis-ai-tensorflow2", "vitis-ai-tensorflow"):
        return ok(NAME, f"this is AMD's container, environment {environment}")
    return Finding(
        NAME,
        WARNING,
        f"conda environment must be vitis-ai-tensorflow2, got {environment}",
        "vai_q_tensorflow2 and vai_c_tensorflow2 are only there",
        "conda activate vitis-ai-tensorflow2",
    )


def _daemon(said: str) -> Finding:
    if "permission denied" in said.lower():
        remedy = "sudo usermod -aG docker $USER, and log in again"
    else:
        remedy = "sudo systemctl start docker"
    words = " ".join(said.split())[:200]
    return Finding(NAME, WARNING, f"docker's daemon must answer, got '{words}'", _WHY, remedy)


def _image(name: str, wanted: str) -> Finding:
    """Judge an image that is not the wanted one, by its tag."""
    tag = name.rpartition(":")[2]
    if "3.5" in tag:
        why = "Vitis AI 3.5 has no files for the ZCU104; 3.0 is the last release that has"
    elif "latest" in tag:
        why = "the tag does not say which release it is; only one fits the DPU on the board"
    elif f"-{DEFAULT_RELEASE}." in tag:
        return ok(NAME, f"{name} (Vitis AI {DEFAULT_RELEASE})")
    else:
        why = f"its release must be that of the board's image; {DEFAULT_RELEASE} is the one for the ZCU104"
    return Finding(
        NAME, WARNING, f"image should be {wanted}, got {name}", why, f"docker pull {wanted}"
    )
