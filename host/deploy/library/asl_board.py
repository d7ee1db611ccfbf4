"""Ansible module: is this board one that the release can run on; what is there of earlier ones.

Runs on the board under its own Python (3.8 on), standard library only; changes nothing. Everything that
is wrong is said at once, each with the command that mends it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from typing import Any, Dict, List, Optional, Tuple

DOCUMENTATION = """
module: asl_board
short_description: checks a board before a release is copied to it
"""
LEAST_PYTHON = (3, 9)
MOST_SKEW_S = 120.0
TIMEOUT_S = 60


def main() -> None:
    """Answer the playbook."""
    from ansible.module_utils.basic import AnsibleModule  # only Ansible runs this

    module = AnsibleModule(
        argument_spec={
            "prefix": {"type": "str", "required": True},
            "release": {"type": "dict", "required": True},
            "now": {"type": "float", "required": True},
            "names": {"type": "dict", "required": True},
        },
        supports_check_mode=True,
    )
    prefix, release = module.params["prefix"], module.params["release"]
    query, trouble = ask_device(module.get_bin_path("xdputil"))
    faults = [
        *python_faults(),
        *clock_faults(module.params["now"]),
        *([trouble] if trouble else device_faults(query, release["model"], module.params["names"])),
    ]
    if faults:
        module.fail_json(msg="; ".join(faults), faults=faults)
    current = current_of(prefix)
    enabled, active = service_state(module.get_bin_path("systemctl"))
    module.exit_json(
        changed=False,
        device=query.get("device") or "DPU",
        current=current,
        enabled=enabled,
        active=active,
        has_release=os.path.isfile(os.path.join(prefix, "releases", release["id"], "release.json")),
        has_archive=os.path.exists(os.path.join(prefix, "incoming.tar.gz")),
        groups=[name for name in ("video", "render") if has_group(name)],
    )


def python_faults() -> List[str]:
    """Return what this interpreter lacks."""
    name, faults = sys.executable, []
    if sys.version_info < LEAST_PYTHON:
        found = ".".join(map(str, sys.version_info[:3]))
        faults.append(
            f"Python must be 3.9 or newer, got {found} at {name}; set board_python in the inventory"
        )
    runtime = (
        "boot AMD's image, or dnf install packagegroup-petalinux-vitisai; if another interpreter has it, set"
        " board_python in the inventory"
    )
    remedies = {
        "numpy": "dnf install python3-numpy",
        "cv2": "dnf install python3-opencv",
        "xir": runtime,
        "vart": runtime,
    }
    for module, remedy in remedies.items():
        fault = import_fault(module)
        if fault:
            faults.append(f"{module} must be importable by {name}, got '{fault}'; {remedy}")
    return faults


def import_fault(module: str) -> str:
    """Return why a module cannot be imported; in a process of its own, because libraries abort theirs."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", f"import {module}"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"no end after {TIMEOUT_S} s"
    if not done.returncode:
        return ""
    lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
    return lines[-1][:200] if lines else f"exit code {done.returncode}"


def clock_faults(now: float) -> List[str]:
    """Return whether this board's clock is far from the deploying machine's."""
    skew = time.time() - now
    if abs(skew) <= MOST_SKEW_S:
        return []
    return [
        f"clock must be within {MOST_SKEW_S:.0f} s of the deploying machine's, got {skew:+.0f} s; on the"
        f" board: date -u -s @{int(now)}, or timedatectl set-ntp true"
    ]


def ask_device(tool: Optional[str]) -> Tuple[Dict[str, Any], str]:
    """Return what `xdputil query` says, and what is wrong with it."""
    if tool is None:
        return {}, (
            "xdputil must be on the board's PATH, got none; boot AMD's image, or"
            " dnf install packagegroup-petalinux-vitisai"
        )
    try:
        done = subprocess.run(
            [tool, "query"],
            capture_output=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return {}, f"xdputil query must answer within {TIMEOUT_S} s, got nothing; restart the board"
    text = done.stdout.decode("utf-8", "replace")
    try:
        found = json.loads(text[text.index("{") : text.rindex("}") + 1])
    except ValueError:
        lines = (done.stderr.decode("utf-8", "replace").strip() or text.strip()).splitlines()
        got = lines[-1][:200] if lines else f"exit code {done.returncode}"
        return {}, (
            f"xdputil query must describe the DPU, got '{got}'; see that the DPU's firmware is loaded:"
            " make doctor BOARD_IP=... says what is wrong"
        )
    return found, ""


def device_faults(query: Dict[str, Any], model: Dict[str, str], names: Dict[str, str]) -> List[str]:
    """Return whether the model is not one for this board's DPU.

    Args:
        query: Of xdputil; a board of AMD's has no `device`, a stand-in for one says so itself.
        model: toolchain, fingerprint, name.
        names: Releases by fingerprint.
    """
    kernels = query.get("kernels")
    told = [fingerprint_of(kernel) for kernel in (kernels if isinstance(kernels, list) else [])]
    found = [one for one in told if one is not None]
    if not found:
        return [
            "DPU must have a fingerprint, got none from xdputil query; see that its firmware is loaded:"
            " cat /etc/vart.conf"
        ]
    faults = []
    wanted = int(model["fingerprint"], 16)
    if wanted not in found:
        faults.append(
            f"model must be compiled for this DPU, {named(found[0], names)}, got one for"
            f" {named(wanted, names)}; make quantize compile TOOLCHAIN=vitis with that release's container,"
            " or boot the board with the other image"
        )
    if model["toolchain"] == "builtin" and query.get("device") != "stand-in":
        faults.append(
            f"model must hold DPU instructions, got '{model['name']}' of toolchain 'builtin', which runs on"
            " the emulator alone; make quantize compile TOOLCHAIN=vitis (with MODEL=models/signnet if it is"
            " the released one), then make deploy again"
        )
    return faults


def fingerprint_of(kernel: Any) -> Optional[int]:
    """Return a kernel's fingerprint."""
    try:
        return int(str(kernel["fingerprint"]), 16)
    except (KeyError, ValueError, TypeError):
        return None


def named(fingerprint: int, names: Dict[str, str]) -> str:
    """Return a fingerprint with the release it belongs to."""
    text = f"{fingerprint:#x}"
    return f"{text} ({names[text]})" if text in names else text


def current_of(prefix: str) -> str:
    """Return the id of the release in service; empty if there is none."""
    link = os.path.join(prefix, "current")
    return os.path.basename(os.path.realpath(link)) if os.path.isdir(link) else ""


def service_state(tool: Optional[str]) -> Tuple[bool, bool]:
    """Return whether the service starts at boot, and whether it runs or is about to."""
    said = []
    for verb in ("is-enabled", "is-active") if tool is not None else ():
        command = [str(tool), verb, "asl"]
        done = subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=TIMEOUT_S,
            check=False,
        )
        said.append(done.stdout.decode("utf-8", "replace").strip())
    return "enabled" in said, any(word in said for word in ("active", "activating", "reloading"))


def has_group(name: str) -> bool:
    """Whether this board has a group."""
    import grp

    try:
        grp.getgrnam(name)
    except KeyError:
        return False
    return True


if __name__ == "__main__":
    main()
