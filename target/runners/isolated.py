"""The DPU runner in a child process: where VART aborts, this program gets an error instead.

Input and output lie in memory that both processes see; a frame costs two bytes through pipes and
the copy of its input. The child ends with this process, however it ends.
"""

from __future__ import annotations

import collections
import dataclasses
import json
import mmap
import os
import select
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any, Deque, Dict, Optional

import numpy as np

from target import errors
from target.errors import BackendError
from target.manifest import Manifest
from target.runners.aborts import explain_end
from target.runners.base import Staged, TensorSpec, check_tensor

START_S = 120
_MARGIN_S = 10  # beyond VART's own time limit for a job
_KEPT_LINES = 200
EXECUTE, DONE, FAILED = b"x", b"d", b"f"


class IsolatedRunner(Staged):
    """Runs DpuRunner in a child process.

    Args:
        manifest: Of the model.
        mode: VART's: `run` or `ref`.

    Raises:
        BackendError: As DpuRunner, or if the child ends while it starts.
        ModelError: As DpuRunner.
    """

    name = "dpu"
    threads: Optional[int] = 1
    gives_probabilities = False
    promise = "codes"

    def __init__(self, manifest: Manifest, mode: str = "run") -> None:
        self._child: Optional[_Child] = _Child(manifest, mode)
        facts = self._child.facts
        self.kind: str = facts["kind"]
        self.device: str = f"{facts['device']}, in a process of its own"
        self.input, self.output = _spec(facts["input"]), _spec(facts["output"])
        self._in = self._child.array(self.input, 0)
        self._out = self._child.array(self.output, self._in.nbytes)

    def put(self, tensor: np.ndarray) -> None:
        """Copy int8 codes of the input's dims into the memory that the child sees."""
        check_tensor(tensor, self.input)
        np.copyto(self._in, tensor)

    def execute(self) -> None:
        """Let the child run the network.

        Raises:
            BackendError: If it aborted or does not answer; names its last words.
        """
        if self._child is None:
            raise BackendError(
                "runner must be open, got one that was closed or failed; start again"
            )
        try:
            self._child.execute()
        except BackendError:
            self.close()
            raise

    def take(self) -> np.ndarray:
        """Return int8 codes of the output's dims, in the memory that the child writes."""
        return self._out

    def close(self) -> None:
        """End the child."""
        if self._child is not None:
            self._child.close()
        self._child = None


def _spec(facts: Dict[str, Any]) -> TensorSpec:
    return TensorSpec(**{**facts, "shape": tuple(facts["shape"])})


class _Child:
    """The process: pipes for commands and answers, shared memory, the last lines it wrote."""

    def __init__(self, manifest: Manifest, mode: str) -> None:
        self._memory_fd = _shared_file()
        command_end, self._command = os.pipe()
        self._answer, answer_end = os.pipe()
        ends = (self._memory_fd, command_end, answer_end)
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "target.runners.isolated_child", *map(str, ends)],
                cwd=Path(__file__).resolve().parents[2],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                pass_fds=ends,
                start_new_session=True,  # Ctrl-C is for this process, which then ends the child
            )
        finally:
            os.close(command_end)
            os.close(answer_end)
        self._lines: Deque[str] = collections.deque(maxlen=_KEPT_LINES)
        self._reader = threading.Thread(target=self._read_lines, daemon=True)
        self._reader.start()
        self._limit_s = _job_limit_s()
        self._memory: Optional[mmap.mmap] = None
        try:
            self.facts = self._introduce(manifest, mode)
        except BaseException:
            self.close()
            raise

    def array(self, spec: TensorSpec, offset: int) -> np.ndarray:
        """Return a tensor in the shared memory."""
        if self._memory is None:
            self._memory = mmap.mmap(self._memory_fd, os.fstat(self._memory_fd).st_size)
        count = int(np.prod(spec.shape))
        return np.frombuffer(self._memory, np.dtype(spec.dtype), count, offset).reshape(spec.shape)

    def execute(self) -> None:
        """Let it run once."""
        try:
            os.write(self._command, EXECUTE)
        except BrokenPipeError:
            raise self._ended() from None
        answer = self._read(1, self._limit_s)
        if answer == FAILED:
            raise _error_of(json.loads(self._line(self._limit_s)))
        if answer != DONE:
            raise self._ended()

    def close(self) -> None:
        """End it: first by closing its pipe, then by force."""
        if self._command < 0:
            return
        os.close(self._command)
        self._command = -1
        try:
            self._process.wait(2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(2)
        for stream in (self._process.stdin, self._process.stderr):
            if stream is not None:
                stream.close()
        os.close(self._answer)
        os.close(self._memory_fd)

    def _introduce(self, manifest: Manifest, mode: str) -> Dict[str, Any]:
        letter = {
            "folder": str(manifest.folder.absolute()),
            "content": manifest.content,
            "mode": mode,
        }
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(letter).encode("utf-8"))
            self._process.stdin.close()
        except BrokenPipeError:
            raise self._ended() from None
        facts: Dict[str, Any] = json.loads(self._line(START_S))
        if "error" in facts:
            raise _error_of(facts)
        return facts

    def _line(self, limit_s: float) -> bytes:
        line = b""
        while not line.endswith(b"\n"):
            got = self._read(4096, limit_s)
            if not got:
                raise self._ended()
            line += got
        return line

    def _read(self, count: int, limit_s: float) -> bytes:
        if not select.select([self._answer], [], [], limit_s)[0]:
            self._process.kill()
            self._process.wait()
            raise BackendError(
                f"VART must answer within {limit_s:g} s, got no answer; the DPU is stuck: switch the board"
                " off and on, then see python3 -m target check"
            )
        return os.read(self._answer, count)

    def _ended(self) -> BackendError:
        """Return the error of a child that is gone; waits for its last words."""
        try:
            self._process.wait(_MARGIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(2)
        return BackendError(
            f"VART's process must go on, got {explain_end(self._process.returncode, list(self._lines))}"
        )

    def _read_lines(self) -> None:
        assert self._process.stderr is not None
        for raw in self._process.stderr:
            self._lines.append(raw.decode("utf-8", "replace").rstrip()[:500])


def _shared_file() -> int:
    """Return a file in memory that a child can map; nothing is left of it when both are gone."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("target-dpu")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def _job_limit_s() -> float:
    """Return how long a job may take: VART's own limit and some more."""
    try:
        return int(os.environ.get("XLNX_DPU_TIMEOUT", "10000")) / 1000 + _MARGIN_S
    except ValueError:
        return 10.0 + _MARGIN_S


def _error_of(answer: Dict[str, Any]) -> errors.AppError:
    """Return the child's own error as this process's."""
    kind = getattr(errors, str(answer.get("class")), BackendError)
    error: errors.AppError = kind(str(answer["error"]))
    return error


def facts_of(runner: Any) -> Dict[str, Any]:
    """Return what the child tells of its runner."""
    return {
        "kind": runner.kind,
        "device": runner.device,
        "input": dataclasses.asdict(runner.input),
        "output": dataclasses.asdict(runner.output),
    }
