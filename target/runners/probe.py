"""Looks into a compiled file with AMD's xir in a child process, where an abort is only an exit code."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path
from typing import Dict, Optional, Tuple

from target.errors import ModelError
from target.manifest import TensorFacts
from target.runners.aborts import describe_end
from target.runners.device import last_words

# Runs in the child: prints what Probe holds as one JSON line.
_TRIAL = """
import json, sys
from pathlib import Path
from target.runners.xir_file import read_plan
plan = read_plan(Path(sys.argv[1]))
parts = [[step.name, step.has_instructions, step.fingerprint, step.sizes] for step in plan.dpu_steps]
print(json.dumps([list(plan.source), list(plan.last), parts]))
"""
_TRIAL_TIMEOUT_S = 60


@dataclasses.dataclass(frozen=True)
class Part:
    """A DPU subgraph as a child process found it; fields as in DpuStep."""

    name: str
    has_instructions: bool
    fingerprint: Optional[int]
    sizes: Dict[str, int]


@dataclasses.dataclass(frozen=True)
class Probe:
    """What a child process found in a file.

    Attributes:
        source: The input.
        last: The last codes.
        parts: Its DPU subgraphs.
    """

    source: TensorFacts
    last: TensorFacts
    parts: Tuple[Part, ...]


def probe_file(path: Path) -> Probe:
    """Load a file in a child process, where an abort of the library is only an exit code.

    Args:
        path: A file that no manifest vouches for.

    Raises:
        ModelError: If the file is missing, or the child does not come back with success.
    """
    if not path.is_file():
        raise ModelError(f"model must be a file, got none at {path}")
    try:
        done = subprocess.run(
            [sys.executable, "-c", _TRIAL, str(path.resolve())],
            capture_output=True,
            timeout=_TRIAL_TIMEOUT_S,
            cwd=Path(__file__).resolve().parents[2],
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ModelError(
            f"model must load within {_TRIAL_TIMEOUT_S} s, got no answer in {path}"
        ) from error
    if done.returncode:
        said = last_words(done.stderr.decode("utf-8", "replace").splitlines()) or "no message"
        raise ModelError(
            f"model must be an .xmodel that xir loads, got {describe_end(done.returncode)}"
            f" ({said[:200]}) in {path}; compile it again"
        )
    source, last, parts = json.loads(done.stdout)
    return Probe(
        TensorFacts(source[0], tuple(source[1]), source[2]),
        TensorFacts(last[0], tuple(last[1]), last[2]),
        tuple(Part(*part) for part in parts),
    )
