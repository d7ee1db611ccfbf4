"""Ways to see the result: a monitor, a desktop, windows in OpenCV; the web page always works."""

from __future__ import annotations

from typing import List, Optional

from target.check.board import Board
from target.check.finding import NOTE, Finding, ok
from target.errors import BackendError
from target.show.window import has_windows

NAME = "display"
WEB = "use the live page, http://:8080 --host 0.0.0.0"


def check(board: Board) -> List[Finding]:
    """Say which outputs will work; none of them missing is an error, the page needs no display."""
    findings = [_monitor(board), _desktop(board)]
    windows = _windows()
    if windows is not None:
        findings.append(windows)
    return findings


def _monitor(board: Board) -> Finding:
    connectors = sorted((board.root / "sys/class/drm").glob("card*-*"))
    states = {path.name: board.read(f"sys/class/drm/{path.name}/status") for path in connectors}
    on = [name for name, state in states.items() if state == "connected"]
    if on:
        return ok(NAME, f"monitor at {', '.join(on)}")
    got = f"got none at {', '.join(states)}" if states else "got no connector in /sys/class/drm"
    return Finding(
        NAME, NOTE, f"a monitor must be at the DisplayPort to see a window, {got}; {WEB}"
    )


def _desktop(board: Board) -> Finding:
    session = board.environment.get("DISPLAY") or board.environment.get("WAYLAND_DISPLAY")
    if session:
        return ok(NAME, f"desktop {session}")
    running = any(
        board.read(f"proc/{path.name}/comm") in ("weston", "Xorg")
        for path in (board.root / "proc").glob("[0-9]*")
    )
    if running:
        what = "a desktop is running, but this login does not know it (DISPLAY is not set, as over ssh)"
        return Finding(NAME, NOTE, f"{what}; export DISPLAY=:0 for Xorg, or {WEB}")
    return Finding(NAME, NOTE, f"no desktop is running: no window can be opened; {WEB}")


def _windows() -> Optional[Finding]:
    try:
        if has_windows():
            return None
    except BackendError:  # said by libraries
        return None
    return Finding(NAME, NOTE, f"OpenCV is built without windows; {WEB}")
