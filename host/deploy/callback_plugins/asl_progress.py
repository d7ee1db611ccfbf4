"""Ansible's output as this project writes it: a line a step on stderr, one JSON file at the end.

    zcu104-desk: Release, changed
    {"zcu104-desk": {"state": "changed", "changed": ["Release"], "step": "", "why": "", "facts": {...}}}

The file is named by ASL_REPORT. States: unchanged, changed, failed, unreachable.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: asl_progress
type: stdout
short_description: a line a step, and a JSON file
description: [a line a step, and a JSON file]
"""
_WAY = ("host", "port", "user")
_SILENT = ("Ours", "Listed", "Nothing else", "Unit")  # looks alone


class CallbackModule(CallbackBase):
    """Tells what each step did on each board."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "asl_progress"

    def __init__(self) -> None:
        super().__init__()
        self._boards: dict[str, dict[str, Any]] = {}

    def _board(self, result: Any) -> dict[str, Any]:
        name, given = result._host.get_name(), result._host.get_vars()
        facts = {key: given[f"ansible_{key}"] for key in _WAY if f"ansible_{key}" in given}
        empty = {"state": "unchanged", "changed": [], "step": "", "why": "", "facts": facts}
        return self._boards.setdefault(name, empty)

    def _say(self, result: Any, words: str) -> None:
        print(f"{result._host.get_name()}: {words}", file=sys.stderr, flush=True)

    def v2_runner_on_ok(self, result: Any) -> None:
        """Note what changed, and what the page's address needs."""
        board, name = self._board(result), result._task.get_name()
        if result._result.get("changed"):
            board["changed"].append(name)
            if board["state"] == "unchanged":
                board["state"] = "changed"
        if name == "Board":
            board["facts"].update({key: result._result[key] for key in ("device", "current")})
        if name == "Page":
            lines = result._result.get("stdout", "").splitlines()
            found = dict(line.split("=", 1) for line in lines if line.startswith("ASL_"))
            found.update(_settings(lines))
            address = board["facts"].get("host", result._host.get_name())
            port, token = found.get("ASL_PORT", "").strip('"'), found.get("ASL_PAGE_TOKEN", "")
            board["facts"]["page"] = f"http://{address}:{port}/?token={token}"
        if name not in _SILENT:
            self._say(result, f"{name}{', changed' if result._result.get('changed') else ''}")

    def v2_runner_on_skipped(self, result: Any) -> None:
        """Say that there was nothing to do."""
        self._board(result)
        if result._task.get_name() not in _SILENT:
            self._say(result, f"{result._task.get_name()}, not needed")

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """Note why; a later failure, that of the rescue, says more."""
        if ignore_errors:
            return
        board, given = self._board(result), result._result
        board["state"], board["step"] = "failed", board["step"] or result._task.get_name()
        board["why"] = _why(given)
        self._say(result, f"{result._task.get_name()}, FAILED")

    def v2_runner_on_unreachable(self, result: Any) -> None:
        """Note that there is no way to the board, or none any more on the way back from a failure."""
        board, name, why = self._board(result), result._task.get_name(), _why(result._result)
        if board["state"] == "failed":
            board["why"] = f"{board['why']}; then it was not reached for '{name}': {why}"
        else:
            board.update(state="unreachable", step=name, why=why)
        self._say(result, f"{result._task.get_name()}, NOT REACHED")

    def v2_playbook_on_no_hosts_matched(self) -> None:
        """The caller says so."""

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """Write the file."""
        path = os.environ.get("ASL_REPORT")
        if path:
            with open(path, "w", encoding="utf-8") as file:
                json.dump(self._boards, file)


def _settings(lines: list[str]) -> dict[str, str]:
    """Return the settings of a deployment, which are the one line of JSON."""
    return next((json.loads(line) for line in lines if line.startswith("{")), {})


def _why(given: dict[str, Any]) -> str:
    """Return what a failed step says, on one line: a program's own error line before Ansible's words."""
    for item in given.get("results", []):  # of a loop: the first that did not succeed
        if item.get("failed") or item.get("unreachable"):
            return _why(item)
    words = [given.get("stderr"), given.get("stdout"), given.get("msg")]
    if "cmd" not in given and "rc" not in given:
        words = [given.get("msg")]
    text = next((str(one) for one in words if one and str(one).strip()), "no message")
    lines = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("error: ")]
    return (errors[-1][len("error: ") :] if errors else " ".join(lines))[:2000]
