"""What is noted of a playbook's steps, without Ansible running one."""

from __future__ import annotations

import importlib.util
import json
import sys
import types
from pathlib import Path
from typing import Any

import pytest

FILE = Path(__file__).resolve().parents[3] / "host/deploy/callback_plugins/asl_progress.py"


class Result:
    """Of a step on the board, as Ansible hands it over."""

    def __init__(self, name: str, **given: Any) -> None:
        self._host = types.SimpleNamespace(get_name=lambda: "board", get_vars=dict)
        self._task = types.SimpleNamespace(get_name=lambda: name)
        self._result = given


@pytest.fixture
def progress(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The plug-in; Ansible, which has no place in this environment, is its base class alone."""
    base = types.ModuleType("ansible.plugins.callback")
    base.CallbackBase = object  # type: ignore[attr-defined]
    for name in ("ansible", "ansible.plugins"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setitem(sys.modules, "ansible.plugins.callback", base)
    spec = importlib.util.spec_from_file_location("asl_progress", FILE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.CallbackModule()


def noted(progress: Any, path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setenv("ASL_REPORT", str(path))
    progress.v2_playbook_on_stats(None)
    return dict(json.loads(path.read_text())["board"])


def test_board_that_is_lost_on_the_way_back_has_failed(
    progress: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    progress.v2_runner_on_failed(Result("Health", msg="no answer"))
    progress.v2_runner_on_unreachable(Result("Old start", msg="timed out"))
    found = noted(progress, tmp_path / "r.json", monkeypatch)
    assert (found["state"], found["step"]) == ("failed", "Health")
    assert found["why"] == "no answer; then it was not reached for 'Old start': timed out"


def test_board_that_was_never_reached_is_no_failure(
    progress: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    progress.v2_runner_on_unreachable(Result("Python", msg="timed out"))
    found = noted(progress, tmp_path / "r.json", monkeypatch)
    assert (found["state"], found["step"], found["why"]) == ("unreachable", "Python", "timed out")


def test_address_of_the_page_from_all_that_says_it(
    progress: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What the step Page prints: each file, and the end of a line after it.
    said = 'ASL_HOST=0.0.0.0\nASL_PORT=8080\nASL_PAGE_TOKEN=abc\n\n{"ASL_PORT": "80"}\n'
    progress.v2_runner_on_ok(Result("Page", stdout=said))
    found = noted(progress, tmp_path / "r.json", monkeypatch)
    assert found["facts"]["page"] == "http://board:80/?token=abc" and found["state"] == "unchanged"
