"""What systemd starts: chooses the release, waits if it keeps ending, and becomes its program.

    PREFIX/current    link to the release in service
    PREFIX/trial      {"release": ID, "nonce": .., "seconds": 60, "since": .., "until": ..}: tried once

A release on trial is started once, with an alarm set that outlives exec: unless `current` names it in
time, whereupon its program takes the alarm away, the kernel ends it and systemd starts `current` again. So
a release that crashes, hangs or whose deployment was cut off gives way to the one before, by itself.

Settings come from systemd's environment (etc/settings.env) and, before it, from the settings.json that a
deployment left beside release.json; a trial takes settings.json.new, if it is there.

Python 3.8 on, standard library only; lies beside the releases, not in one.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shlex
import signal
import sys
import time
from typing import Any, Dict, Optional

CALM_S = 600  # starts longer ago than this are forgotten
LONGEST_WAIT_S = 60
EX_CONFIG = 78


def main() -> int:
    """Choose, wait, become it."""
    prefix = os.path.dirname(os.path.realpath(__file__))
    state = os.environ.get("STATE_DIRECTORY", os.path.join(prefix, "state"))
    starts = os.path.join(state, "starts.json")
    trial = wanted_trial(prefix, state)
    names = ["settings.json"] if trial is None else ["settings.json.new", "settings.json"]
    if trial is None:
        folder = os.path.realpath(os.path.join(prefix, "current"))
        pause(starts)
    else:
        folder = os.path.join(prefix, "releases", trial["release"])
        with contextlib.suppress(OSError):
            os.unlink(starts)
    try:
        release = read(os.path.join(folder, "release.json"))
        paths = [os.path.join(folder, name) for name in names]
        os.environ.update(next((read(path) for path in paths if os.path.exists(path)), {}))
        command = [sys.executable, *(fill(word) for word in release["command"])]
        command += shlex.split(os.environ.get("ASL_OPTIONS", ""))
        os.chdir(folder)
    except (OSError, ValueError, LookupError, TypeError) as error:
        say(f"release must say how it is started, got '{error}' in {folder}; run make deploy")
        return EX_CONFIG
    if trial is not None:
        signal.alarm(trial["seconds"])
    os.execv(command[0], command)


def fill(word: str) -> str:
    """Return a word of a release's command with {input}, {host}, {port} and {run} filled in."""
    given = os.environ
    return word.format(
        input=given.get("ASL_INPUT", "0"),
        host=given.get("ASL_HOST", "127.0.0.1"),
        port=given.get("ASL_PORT", "8080"),
        run=given.get("RUNTIME_DIRECTORY", "/run/asl"),
    )


def wanted_trial(prefix: str, state: str) -> Optional[Dict[str, Any]]:
    """Return the trial that is wanted now and was not begun before, and note that it is begun; else None."""
    try:
        trial = read(os.path.join(prefix, "trial"))
        now, tried = time.monotonic(), os.path.join(state, "tried")
        if not re.fullmatch("[0-9a-f]{12}", trial["release"]) or int(trial["seconds"]) < 1:
            raise ValueError("no release, or no time for it")
        if not trial["since"] <= now <= trial["until"]:
            return None  # its deployment was cut off, perhaps before this board was switched on
        if os.path.exists(tried) and read(tried) == trial["nonce"]:
            return None
        write(tried, trial["nonce"])  # before it starts: whatever it does, it starts once
        return dict(trial)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, LookupError, TypeError) as error:
        say(f"no trial: {error}")
        return None


def pause(path: str) -> None:
    """Wait before a start that follows others closely: 1 s before the third in ten minutes, then doubled."""
    try:
        starts = [float(moment) for moment in read(path)]
    except (OSError, ValueError, TypeError):
        starts = []
    now = time.monotonic()
    starts = [moment for moment in starts if 0 <= now - moment < CALM_S][-16:]
    try:
        write(path, [*starts, now])
    except OSError as error:
        say(f"starts are not counted: {error}")
    if len(starts) > 1:
        seconds = min(2 ** (len(starts) - 2), LONGEST_WAIT_S)
        say(f"start number {len(starts) + 1} in ten minutes; waiting {seconds} s")
        time.sleep(seconds)


def read(path: str) -> Any:
    """Return the JSON of a file."""
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def write(path: str, value: Any) -> None:
    """Write JSON, whole or not at all, and see it on the disk."""
    temporary = f"{path}.{secrets.token_hex(4)}"
    with open(temporary, "w", encoding="utf-8") as file:
        json.dump(value, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def say(words: str) -> None:
    """Write a line to the log."""
    print(words, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
