"""What a DPU's fingerprint says: the release of Vitis AI that it and a model must share."""

from __future__ import annotations

from typing import Optional

# DPUCZDX8G B4096 of the board images for the ZCU104. Sources: the releases' target files and arch.json.
RELEASES = {
    0x101000056010407: "3.0",
    0x101000016010407: "2.5",
    0x1000020F6014407: "1.4 to 2.0",
}
DEFAULT_RELEASE = "3.0"  # of make quantize compile
IMAGES = {
    "3.0": "xilinx-zcu104-dpu-v2022.2-v3.0.0",
    "2.5": "xilinx-zcu104-dpu-v2022.1-v2.5.0",
    "1.4 to 2.0": "xilinx-zcu104-dpu-v2021.2-v2.0.0",
}


def release_of(fingerprint: Optional[int]) -> Optional[str]:
    """Return the release whose board images have a fingerprint; None if it is none of the ZCU104's."""
    return None if fingerprint is None else RELEASES.get(fingerprint)


def describe_fingerprint(fingerprint: int) -> str:
    """Return a fingerprint as VART prints it, with its release."""
    release = release_of(fingerprint)
    return f"{fingerprint:#x} ({f'Vitis AI {release}' if release else 'no ZCU104 image'})"


def recompile_command(fingerprint: int) -> str:
    """Return what makes a model for a DPU, in words and a command to paste."""
    release = release_of(fingerprint)
    command = "make quantize compile TOOLCHAIN=vitis"
    if release == DEFAULT_RELEASE:
        return f"compile it for Vitis AI {release}: {command}"
    if release:
        last = release.split(" to ")[-1]
        return f'compile it for Vitis AI {last}: {command} VITIS="--release {last}"'
    arch = f'{{"fingerprint":"{fingerprint:#x}"}} in arch.json'
    return f'compile it with {arch}: {command} VITIS="--arch arch.json"'


def parse_fingerprint(text: object) -> Optional[int]:
    """Return a fingerprint from `0x...` or a number; None if it is none."""
    try:
        return int(str(text), 0)
    except ValueError:
        return None
