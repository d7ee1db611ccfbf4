"""The DPU that this machine has, as AMD's own tools name it: `xdputil query`, else `show_dpu`.

Asked before VART meets a model, because VART aborts the process where the two do not fit.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import re
import shutil
import subprocess
from typing import Any, Dict, List, Optional, Tuple

from target.runners.releases import describe_fingerprint, parse_fingerprint

STAND_IN = "stand-in"
_TIMEOUT_S = 30
_SHOWN = re.compile(r"fingerprint\s*=\s*(0x[0-9a-fA-F]+).*?batch\s*=\s*(\d+)")


@dataclasses.dataclass(frozen=True)
class Device:
    """What the tools say.

    Attributes:
        source: Which tool said it.
        fingerprints: Of each core; empty if the tool found none.
        arch: As `DPUCZDX8G_ISA1_B4096`; empty if unknown.
        clock_mhz: Of the DPU; None if unknown.
        runtime: Version of VART, as `3.0.0`; empty if unknown.
        kind: `stand-in` if the tool says that no DPU is behind it, else empty.
        trouble: Why nothing is known; empty if something is.
    """

    source: str
    fingerprints: Tuple[int, ...] = ()
    arch: str = ""
    clock_mhz: Optional[int] = None
    runtime: str = ""
    kind: str = ""
    trouble: str = ""

    @property
    def is_stand_in(self) -> bool:
        """Whether the query itself says that this is no real DPU."""
        return self.kind == STAND_IN

    @property
    def fingerprint(self) -> Optional[int]:
        """Of the first core; None if unknown."""
        return self.fingerprints[0] if self.fingerprints else None

    def describe(self) -> str:
        """Return cores, fingerprint and clock in words."""
        if self.fingerprint is None:
            return self.trouble or "no DPU"
        clock = f" at {self.clock_mhz} MHz" if self.clock_mhz else ""
        name = "stand-in for a DPU" if self.is_stand_in else self.arch or "DPU"
        said = describe_fingerprint(self.fingerprint)
        return f"{len(self.fingerprints)} x {name}{clock}, fingerprint {said}"


@functools.cache
def find_device() -> Device:
    """Ask once; no DPU and no tool to ask are answers too, never an error."""
    answers = []
    for tool, parse in ((("xdputil", "query"), _from_query), (("show_dpu",), _from_show)):
        path = shutil.which(tool[0])
        if path is None:
            continue
        answers.append(_ask([path, *tool[1:]], parse))
        if answers[-1].fingerprints:
            return answers[-1]
    return (
        answers[0] if answers else Device("", trouble="neither xdputil nor show_dpu is on the PATH")
    )


def _ask(command: List[str], parse: Any) -> Device:
    source = " ".join([command[0].rsplit("/", 1)[-1], *command[1:]])
    try:
        done = subprocess.run(command, capture_output=True, timeout=_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        return Device(source, trouble=f"{source} did not answer within {_TIMEOUT_S} s")
    except OSError as error:
        return Device(source, trouble=f"{source} cannot be started: {error.strerror}")
    text = done.stdout.decode("utf-8", "replace")
    found: Optional[Device] = parse(text, source)
    if found is not None and found.fingerprints:
        return found
    lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
    said = last_words(lines) or f"exit {done.returncode}"
    return Device(source, trouble=f"{source} found no DPU: {said}")


def last_words(lines: List[str]) -> str:
    """Return the line of a log that says why a program of AMD's ended; empty if there is none."""
    told = [line.strip() for line in lines if line.strip() and not line.startswith("***")]
    wrong = [line for line in told if re.match(r"^[FE]\d{4} |.*(FATAL|Error|error)", line)]
    return (wrong or told or [""])[-1][:300]


def _from_query(text: str, source: str) -> Optional[Device]:
    """Read xdputil's JSON; log lines may stand before it and after it."""
    start, end = text.find("{"), text.rfind("}")
    try:
        answer: Dict[str, Any] = json.loads(text[start : end + 1]) if start >= 0 else {}
    except ValueError:
        return None
    kernels = answer.get("kernels")
    kernels = [k for k in kernels if isinstance(k, dict)] if isinstance(kernels, list) else []
    found = [parse_fingerprint(kernel.get("fingerprint")) for kernel in kernels]
    first = kernels[0] if kernels else {}
    clock = first.get("DPU Frequency (MHz)")
    versions = answer.get("VAI Version")
    said = str(versions.get("libvart-runner.so", "")) if isinstance(versions, dict) else ""
    version = re.search(r"\d+\.\d+(\.\d+)?", said)
    return Device(
        source,
        tuple(fingerprint for fingerprint in found if fingerprint is not None),
        str(first.get("DPU Arch", "")),
        clock if isinstance(clock, int) and clock > 0 else None,
        version[0] if version else "",
        str(answer.get("device", "")),
    )


def _from_show(text: str, source: str) -> Optional[Device]:
    found = tuple(int(match[0], 16) for match in _SHOWN.findall(text))
    return Device(source, found)
