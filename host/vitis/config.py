"""Which AMD tools a run uses, and where they are."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from host.dpu.arch import ARCHS, DpuArch
from target.errors import ModelError

BOARD = "ZCU104"
FLOWS = ("tf2", "tf1")
_CONDA = {"tf2": "vitis-ai-tensorflow2", "tf1": "vitis-ai-tensorflow"}
# AMD's images on Docker Hub: one for all frameworks up to release 2.5, one each later.
_JOINT = {
    "1.3": "xilinx/vitis-ai-cpu:1.3.411",
    "1.4": "xilinx/vitis-ai-cpu:1.4.1.978",
    "2.0": "xilinx/vitis-ai-cpu:2.0.0.1103",
    "2.5": "xilinx/vitis-ai-cpu:2.5.0.1260",
}
# Those of 3.0 are from one public list and of nobody who has pulled them; 3.0.0.106, which many name, is
# the tag of the image with PyTorch. `latest` is 3.5.
_TAGS = {
    ("3.0", "tf2"): "ubuntu2004-3.0.0.119",
    ("3.0", "tf1"): "ubuntu2004-3.0.0.091",
    ("3.5", "tf2"): "ubuntu2004-3.5.0.300",
    ("3.5", "tf1"): "latest",
}
_FRAMEWORK = {"tf2": "tensorflow2", "tf1": "tensorflow"}
_SAME_DPU = {"1.3": "1.4"}
RELEASES = (*_JOINT, "3.0", "3.5")
DEFAULT_RELEASE = "3.0"  # the last one with files for the ZCU104


@dataclasses.dataclass(frozen=True)
class VitisConfig:
    """Options of the real tools.

    Attributes:
        flow: `tf2` for vai_q_tensorflow2, `tf1` for the older vai_q_tensorflow.
        release: Of Vitis AI: that of the board's image.
        image: Container image with its tag; the release's own if None.
        gpu: Whether the container gets the GPUs; the image is then the one built for them.
        docker: Command that runs containers.
        python: Interpreter that has AMD's tools; no container is used if given.
        arch: arch.json to compile for; the container's own if None.
    """

    flow: str = "tf2"
    release: str = DEFAULT_RELEASE
    image: str | None = None
    gpu: bool = False
    docker: str = "docker"
    python: Path | None = None
    arch: Path | None = None

    @property
    def environment(self) -> str:
        """Name of the conda environment in AMD's image."""
        return _CONDA[self.flow]

    @property
    def full_image(self) -> str:
        """Image and tag."""
        return self.image or default_image(self.release, self.flow, self.gpu)

    @property
    def where(self) -> str:
        """The interpreter or the image that has the tools."""
        return str(self.python) if self.python else self.full_image


def default_image(release: str, flow: str, gpu: bool) -> str:
    """Return AMD's image of a release.

    Args:
        release: One of RELEASES.
        flow: One of FLOWS.
        gpu: The one for GPUs, which AMD does not publish and everybody builds.
    """
    if gpu:
        framework = "" if release in _JOINT else f"{_FRAMEWORK[flow]}-"
        return f"xilinx/vitis-ai-{framework}gpu:latest"
    if release in _JOINT:
        return _JOINT[release]
    return f"xilinx/vitis-ai-{_FRAMEWORK[flow]}-cpu:{_TAGS[release, flow]}"


def tags_page(image: str) -> str:
    """Return the address of the page that lists the tags of one of AMD's images."""
    return f"https://hub.docker.com/r/{image.partition(':')[0]}/tags"


def arch_of_release(release: str) -> DpuArch:
    """Return the ZCU104's DPU in a release.

    Raises:
        ModelError: If there is no such release.
    """
    for arch in ARCHS:
        if _SAME_DPU.get(release, release) in arch.releases:
            return arch
    known = ", ".join(RELEASES)
    raise ModelError(f"release must be one of {known}, got '{release}'")
