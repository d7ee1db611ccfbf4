"""What systemd starts: one trial and no second, an alarm that no program escapes, longer and longer waits."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import pytest

SOURCE = Path(__file__).resolve().parents[3] / "host/deploy/files/launch.py"
OLD, NEW = "0" * 12, "1" * 12


@pytest.fixture
def launch() -> ModuleType:
    spec = importlib.util.spec_from_file_location("launch", SOURCE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Prefix:
    """Two releases that print which one runs, OLD in service."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.state = folder, folder / "state"
        self.state.mkdir()
        shutil.copyfile(SOURCE, folder / "launch.py")
        for name in (OLD, NEW):
            self.release(name, f"import sys; print('{name}', *sys.argv[1:])")
        (folder / "current").symlink_to(f"releases/{OLD}")

    def release(self, name: str, program: str) -> None:
        path = self.folder / "releases" / name
        path.mkdir(parents=True, exist_ok=True)
        command = ["-c", program, "{input}", "http://{host}:{port}", "{run}/health.sock"]
        (path / "release.json").write_text(json.dumps({"id": name, "command": command}))

    def trial(
        self, release: str = NEW, nonce: str = "a", seconds: int = 60, since: float = -1
    ) -> None:
        now = time.monotonic()
        trial = {"release": release, "nonce": nonce, "seconds": seconds, "since": now + since}
        (self.folder / "trial").write_text(json.dumps({**trial, "until": now + since + 60}))

    def start(self, **more: str) -> subprocess.CompletedProcess[str]:
        environment = {"STATE_DIRECTORY": str(self.state), "RUNTIME_DIRECTORY": "/run/x", **more}
        return subprocess.run(
            [sys.executable, "-S", str(self.folder / "launch.py")],
            env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip


@pytest.fixture
def prefix(tmp_path: Path) -> Prefix:
    return Prefix(tmp_path)


def test_release_in_service_is_started_with_its_settings(prefix: Prefix) -> None:
    done = prefix.start(
        ASL_INPUT="/dev/video1", ASL_PORT="99", ASL_OPTIONS="--words 'my words.txt' --mirror"
    )
    expected = [
        OLD,
        "/dev/video1",
        "http://127.0.0.1:99",
        "/run/x/health.sock",
        "--words",
        "my",
        "words.txt",
        "--mirror",
    ]
    assert done.stdout.split() == expected and done.returncode == 0


def test_trial_is_started_once(prefix: Prefix) -> None:
    prefix.trial()
    assert prefix.start().stdout.startswith(NEW)
    assert prefix.start().stdout.startswith(OLD)
    prefix.trial(nonce="b")
    assert prefix.start().stdout.startswith(NEW)


@pytest.mark.parametrize(
    "since", [-61, 30], ids=["cut off long ago", "before the board was restarted"]
)
def test_trial_of_another_time_is_not_started(prefix: Prefix, since: float) -> None:
    prefix.trial(since=since)
    assert prefix.start().stdout.startswith(OLD)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "null",
        '{"release": "../../x", "nonce": "a", "seconds": 60}',
        '{"release": "111111111111"}',
    ],
    ids=["empty", "half", "list", "null", "path", "short"],
)
def test_trial_that_is_none_is_not_started(prefix: Prefix, content: str) -> None:
    (prefix.folder / "trial").write_text(content)
    done = prefix.start()
    assert done.stdout.startswith(OLD) and "no trial: " in done.stderr


def test_trial_that_cannot_be_noted_is_not_started(prefix: Prefix) -> None:
    prefix.trial()
    prefix.state.rmdir()
    prefix.state.write_text("a file where a folder is expected")
    done = prefix.start()
    assert (
        done.stdout.startswith(OLD) and "no trial: " in done.stderr and "not counted" in done.stderr
    )


def test_alarm_ends_a_trial_that_hangs_and_no_start_in_service(prefix: Prefix) -> None:
    for name in (OLD, NEW):
        prefix.release(
            name, "import signal, time; time.sleep(1.2 if signal.getitimer(0)[0] == 0 else 99)"
        )
    prefix.trial(seconds=1)
    assert prefix.start().returncode == -signal.SIGALRM
    assert prefix.start().returncode == 0


@pytest.mark.parametrize(
    "content", [None, "{", "[]", '{"id": "x"}'], ids=["none", "half", "list", "no command"]
)
def test_release_that_does_not_say_how_it_is_started(prefix: Prefix, content: str | None) -> None:
    path = prefix.folder / "releases" / OLD / "release.json"
    path.unlink() if content is None else path.write_text(content)
    done = prefix.start()
    assert (
        done.returncode == 78
        and "run make deploy" in done.stderr
        and "Traceback" not in done.stderr
    )


def test_starts_that_follow_closely_wait_longer_and_longer(
    launch: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, waits = [10000.0], []
    monkeypatch.setattr(launch.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(launch.time, "sleep", waits.append)
    for _ in range(11):
        now[0] += 10
        launch.pause(str(tmp_path / "starts.json"))
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    now[0] += launch.CALM_S
    launch.pause(str(tmp_path / "starts.json"))
    assert len(waits) == 9
    now[0] = 1.0  # the board was restarted
    launch.pause(str(tmp_path / "starts.json"))
    assert len(waits) == 9


def test_trial_starts_at_once_however_often_the_one_before_failed(prefix: Prefix) -> None:
    (prefix.state / "starts.json").write_text(json.dumps([time.monotonic()] * 16))
    prefix.trial()
    done = prefix.start()
    assert done.stdout.startswith(NEW) and "waiting" not in done.stderr
    assert not os.path.exists(prefix.state / "starts.json")


def test_settings_of_a_deployment_go_before_the_boards_own_and_a_trial_tries_new_ones(
    prefix: Prefix,
) -> None:
    folder = prefix.folder / "releases" / OLD
    (folder / "settings.json").write_text('{"ASL_INPUT": "a b"}')
    (folder / "settings.json.new").write_text('{"ASL_INPUT": "new"}')
    assert "a b http://127.0.0.1:99" in prefix.start(ASL_INPUT="own", ASL_PORT="99").stdout
    prefix.trial(release=OLD)
    assert " new http" in prefix.start(ASL_INPUT="own").stdout
    (folder / "settings.json").write_text('["x"]')
    assert prefix.start().returncode == 78
