"""What systemd starts: chooses the release, waits if it keeps ending, and becomes its program.

    PREFIX/current    link to the release in service
    PREFIX/trial      {"release": ID, "nonce": ..., "seconds": 60, "since": .., "until": ..}: tried once

A release on trial is started once, with an alarm set that outlives exec: unless `current` names it in time,
its program takes the alarm away then, the kernel ends it and systemd starts `current` again. So a release
that crashes, hangs or whose deployment was cut off anywhere gives way to the one before, without anybody.

Standard library, Python 3.6 on; lies beside the releases, not in one.
"""

import json
import os
import re
import secrets
import shlex
import signal
import sys
import time

CALM_S = 600  # starts longer ago than this are forgotten
LONGEST_WAIT_S = 60
EX_CONFIG = 78


def main():
    """Choose, wait, become it."""
    prefix = os.path.dirname(os.path.realpath(__file__))
    state = os.environ.get("STATE_DIRECTORY", os.path.join(prefix, "state"))
    trial = wanted_trial(prefix, state)
    if trial is None:
        folder = os.path.realpath(os.path.join(prefix, "current"))
        pause(os.path.join(state, "starts.json"))
    else:
        folder = os.path.join(prefix, "releases", trial["release"])
        forget(os.path.join(state, "starts.json"))
    try:
        release = read(os.path.join(folder, "release.json"))
        command = [sys.executable] + [fill(word) for word in release["command"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        say("release must have a release.json with a command, got '%s' in %s; run make deploy" % (error, folder))
        return EX_CONFIG
    command += shlex.split(os.environ.get("ASL_OPTIONS", ""))
    os.chdir(folder)
    if trial is not None:
        signal.alarm(trial["seconds"])
    os.execv(command[0], command)


def fill(word):
    """Return a word of a release's command with {input}, {host}, {port} and {run} filled in."""
    given = os.environ
    return word.format(
        input=given.get("ASL_INPUT", "0"),
        host=given.get("ASL_HOST", "127.0.0.1"),
        port=given.get("ASL_PORT", "8080"),
        run=given.get("RUNTIME_DIRECTORY", "/run/asl"),
    )


def wanted_trial(prefix, state):
    """Return the trial that is wanted and was not begun before, and note that it is begun; else None."""
    try:
        trial = read(os.path.join(prefix, "trial"))
        tried = os.path.join(state, "tried")
        if not re.fullmatch("[0-9a-f]{12}", trial["release"]) or int(trial["seconds"]) < 1:
            return None
        if not trial["since"] <= time.monotonic() <= trial["until"]:  # seconds since the board started
            return None
        if os.path.exists(tried) and read(tried) == trial["nonce"]:
            return None
        write(tried, trial["nonce"])  # before it starts: whatever it does, it starts once
        return trial
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        say("no trial: %s" % error)
        return None


def pause(path):
    """Wait before a start that follows others closely: 1 s before the third in ten minutes, then doubled."""
    try:
        starts = [float(moment) for moment in read(path)]
    except (OSError, ValueError, TypeError):
        starts = []
    now = time.monotonic()
    starts = [moment for moment in starts if 0 <= now - moment < CALM_S][-16:]
    try:
        write(path, starts + [now])
    except OSError as error:
        say("starts are not counted: %s" % error)
    if len(starts) > 1:
        seconds = min(2 ** (len(starts) - 2), LONGEST_WAIT_S)
        say("start number %d in ten minutes; waiting %d s" % (len(starts) + 1, seconds))
        time.sleep(seconds)


def forget(path):
    """Count starts from 0."""
    try:
        os.unlink(path)
    except OSError:
        pass


def read(path):
    """Return the JSON of a file."""
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def write(path, value):
    """Write JSON, whole or not at all, and see it on the disk."""
    temporary = "%s.%s" % (path, secrets.token_hex(4))
    with open(temporary, "w", encoding="utf-8") as file:
        json.dump(value, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def say(words):
    """Write a line to the log."""
    print(words, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
