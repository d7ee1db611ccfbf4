"""What the stand-ins for vart, xir and xdputil share: the device's settings, how they abort, the emulator.

Python 3.9, standard library only; nothing of the project is imported here.
"""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Dict, List, NoReturn, Optional, Tuple

PREFIX = Path(__file__).resolve().parents[4]


def settings() -> Dict[str, Any]:
    """Return PREFIX/etc/stand_in.json as it is now."""
    content: Dict[str, Any] = json.loads((PREFIX / "etc/stand_in.json").read_text(encoding="utf-8"))
    return content


def log(line: str) -> None:
    """Add a line to the log, if the settings name one."""
    path = settings().get("log")
    if path:
        with open(path, "a", encoding="utf-8") as file:
            file.write(line + "\n")


def fatal(place: str, text: str) -> NoReturn:
    """Abort as glog's LOG(FATAL) and CHECK do.

    Args:
        place: Source file and line of the real message.
        text: The message.
    """
    stamp = time.strftime("%m%d %H:%M:%S")
    sys.stdout.flush()
    sys.stderr.write(
        f"WARNING: Logging before InitGoogleLogging() is written to STDERR\n"
        f"F{stamp}.000000 {os.getpid()} {place}] {text}\n*** Check failure stack trace: ***\n"
    )
    sys.stderr.flush()
    os.abort()


def uni_fatal(code: str, text: str) -> NoReturn:
    """Abort as UniLog does.

    Args:
        code: `[XIR_...][what it means]`.
        text: The message.
    """
    sys.stdout.flush()
    sys.stderr.write(f"[UNILOG][FATAL]{code} {text}\n")
    sys.stderr.flush()
    os.abort()


def warn(place: str, text: str) -> None:
    """Write a glog warning."""
    stamp = time.strftime("%m%d %H:%M:%S")
    sys.stderr.write(f"W{stamp}.000000 {os.getpid()} {place}] {text}\n")
    sys.stderr.flush()


def firmware() -> Optional[Path]:
    """Return the xclbin: XLNX_VART_FIRMWARE, else vart.conf's; None if there is no such file."""
    named = os.environ.get("XLNX_VART_FIRMWARE")
    if not named:
        try:
            text = (PREFIX / "etc/vart.conf").read_text(encoding="utf-8")
        except OSError:
            text = ""
        for line in text.splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "firmware":
                named = value.strip()
    path = Path(named or "/usr/lib/dpu.xclbin")
    return path if path.is_file() else None


def cores() -> List[Dict[str, Any]]:
    """Return the DPU cores there are; none without firmware."""
    found = settings()
    count = int(found["cores"]) if firmware() else 0
    return [
        {
            "core": i,
            "fingerprint": int(found["fingerprint"], 16),
            "name": f"DPUCZDX8G:DPUCZDX8G_{i + 1}",
        }
        for i in range(count)
    ]


_live: List[Emulator] = []


def close_all() -> None:
    """End every emulator of this process."""
    while _live:
        _live[-1].close()


class Emulator:
    """A child process that reads one .xmodel and executes its subgraphs; it ends with this process.

    Args:
        path: The file.
    """

    def __init__(self, path: str) -> None:
        found = settings()
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "LD_"))}
        self._child = subprocess.Popen(
            [
                found["emulator_python"],
                "-m",
                "tests.board_stand_ins.emulate",
                os.path.abspath(path),
            ],
            cwd=found["checkout"],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for the parent; the child ends when stdin does
        )
        self._lock = threading.Lock()
        _live.append(self)
        self.description = self._read()

    def run(self, subgraph: str, inputs: Dict[str, bytes]) -> Dict[str, bytes]:
        """Execute a subgraph.

        Args:
            subgraph: Its name.
            inputs: Bytes of each input tensor, by name.

        Returns:
            Bytes of each output tensor, by name.
        """
        with self._lock:
            assert self._child.stdin is not None
            pickle.dump((subgraph, inputs), self._child.stdin, protocol=4)
            self._child.stdin.flush()
            answer: Dict[str, bytes] = self._read()
            return answer

    def _read(self) -> Any:
        assert self._child.stdout is not None
        try:
            kind, value = pickle.load(self._child.stdout)
        except EOFError:
            raise SystemError(f"the stand-in's emulator ended: {self._child.wait()}") from None
        return value if kind == "ok" else {"error": value}

    def close(self) -> None:
        """End the child; may be called twice."""
        if self not in _live:
            return
        _live.remove(self)
        for stream in (self._child.stdin, self._child.stdout):
            if stream is not None:
                stream.close()
        self._child.wait()


def memory_of(array: Any, size: int) -> Tuple[int, str, bool]:
    """Return what the binding looks at: address, format and whether the array may be written.

    Raises:
        SystemError: Never for a wrong array; the process aborts where memory would be overrun.
    """
    view = memoryview(array)
    if view.nbytes < size:
        fatal("stand-in", f"buffer of {view.nbytes} bytes is read up to {size}: out of bounds")
    if hasattr(array, "__array_interface__"):
        address = int(array.__array_interface__["data"][0])
    else:
        import ctypes

        address = ctypes.addressof(ctypes.c_char.from_buffer(array))
    return address, view.format, not view.readonly
