"""The only file that imports xir: reads an .xmodel with AMD's library and finds its DPU subgraph.

xir and VART abort the process on a missing file, a bad file or a missing attribute, so everything
is asked with has_attr first, and a file that no manifest vouches for is loaded in a child process
before.
"""

from __future__ import annotations

import dataclasses
import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, List, Tuple

from target.errors import BackendError, ModelError
from target.manifest import TensorFacts

# Runs in the child: prints [name, dims, fix_point] of the DPU's input and output as one JSON line.
_TRIAL = """
import json, sys
from pathlib import Path
from target.runners.xir_file import dpu_tensors
print(json.dumps([list(facts) for facts in dpu_tensors(Path(sys.argv[1]))]))
"""
_TRIAL_TIMEOUT_S = 60


@dataclasses.dataclass(frozen=True)
class DpuSubgraph:
    """A DPU subgraph as xir gives it; the graph must stay alive as long as the subgraph is used.

    Attributes:
        graph: xir.Graph.
        subgraph: xir.Subgraph.
        has_instructions: Whether the file holds code for a real DPU (`mc_code`).
    """

    graph: Any
    subgraph: Any
    has_instructions: bool


def load_xir() -> Any:
    """Import xir.

    Raises:
        BackendError: If it is not installed for this interpreter.
    """
    try:
        return importlib.import_module("xir")
    except ImportError as error:
        raise BackendError(
            f"xir must be installed for {sys.executable}, got '{error}'; on the board use the"
            " system's python3, without a board run python -m host simulate"
        ) from error


def probe_file(path: Path) -> Tuple[TensorFacts, TensorFacts]:
    """Load a file in a child process, where an abort of the library is only an exit code.

    Args:
        path: A file that no manifest vouches for.

    Returns:
        Its DPU subgraph's input and output.

    Raises:
        ModelError: If the file is missing, or the child does not come back with success.
    """
    if not path.is_file():
        raise ModelError(f"model must be a file, got none at {path}")
    try:
        done = subprocess.run(
            [sys.executable, "-c", _TRIAL, str(path)],
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
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["no message"]
        raise ModelError(
            f"model must be an .xmodel that xir loads, got exit {done.returncode}"
            f" ({lines[-1][:200]}) in {path}; compile it again"
        )
    source, last = json.loads(done.stdout)
    return TensorFacts(source[0], tuple(source[1]), source[2]), TensorFacts(
        last[0], tuple(last[1]), last[2]
    )


def dpu_tensors(path: Path) -> Tuple[TensorFacts, TensorFacts]:
    """Return input and output of a file's only DPU subgraph.

    Raises:
        ModelError: If there is not one DPU subgraph with one input and one output.
    """
    opened = open_dpu_subgraph(path)
    sources = list(opened.subgraph.get_input_tensors())
    lasts = list(opened.subgraph.get_output_tensors())
    if len(sources) != 1 or len(lasts) != 1:
        raise ModelError(
            f"model must have one input and one output, got {len(sources)} and {len(lasts)} in {path}"
        )
    return tensor_facts(sources[0]), tensor_facts(lasts[0])


def open_dpu_subgraph(path: Path) -> DpuSubgraph:
    """Read a file that is known to be whole and return its only DPU subgraph.

    Args:
        path: Verified by its sha256, or by `probe_file`.

    Raises:
        ModelError: If there is no DPU subgraph, or more than one.
    """
    graph = load_xir().Graph.deserialize(str(path))
    children = graph.get_root_subgraph().toposort_child_subgraph()
    found: List[Any] = [child for child in children if _attr(child, "device", "").upper() == "DPU"]
    if len(found) != 1:
        raise ModelError(
            f"model must have one DPU subgraph, got {len(found)} in {path};"
            " see python -m host compile for the reason of each cut"
        )
    return DpuSubgraph(graph, found[0], bool(found[0].has_attr("mc_code")))


def _attr(owner: Any, key: str, default: Any) -> Any:
    return owner.get_attr(key) if owner.has_attr(key) else default


def tensor_facts(tensor: Any) -> TensorFacts:
    """Return name, dims and fix point of an xir.Tensor.

    Raises:
        ModelError: If it has no fix point.
    """
    if not tensor.has_attr("fix_point"):
        raise ModelError(
            f"tensor '{tensor.name}' must have a fix_point, got none; compile it again"
        )
    dims = tuple(int(dim) for dim in tensor.dims)
    return TensorFacts(str(tensor.name), dims, int(tensor.get_attr("fix_point")))
