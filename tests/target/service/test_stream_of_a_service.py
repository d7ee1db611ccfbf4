"""The application with a keeper: health while frames run, and no sign of life from a stage that hangs."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from target.app import App, StreamConfig
from target.camera.health import WatchConfig
from target.camera.watched import WatchedCamera
from target.errors import BackendError, SourceError
from target.manifest import Manifest
from target.service.health import ask
from target.service.keeper import Keeper, Pulse
from target.service.notify import Notifier
from tests.target.streams import FakeCamera, FakeRunner, KeepingSink, make_manifest, with_golden


class Exact(FakeRunner):
    promise = "codes"


class Noting(Keeper):
    """Keeps every pulse."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.pulses: list[Pulse] = []

    def beat(self, pulse: Pulse) -> None:
        self.pulses.append(pulse)
        super().beat(pulse)


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    return with_golden(make_manifest(tmp_path), 2)


def test_golden_vectors_run_between_frames_and_are_no_frames(
    manifest: Manifest, tmp_path: Path
) -> None:
    runner, camera = Exact(), FakeCamera(1000)
    answers: list[dict[str, Any]] = []
    keeper = Noting(manifest, runner, tmp_path / "h", Notifier({}))
    asked: list[threading.Thread] = []

    class Asking(KeepingSink):
        """Asks for health when it has seen some frames."""

        def show(self, view: Any) -> bool:
            if len(self.views) == 20:
                asked.append(
                    threading.Thread(target=lambda: answers.append(ask(tmp_path / "h", 10)))
                )
                asked[0].start()
            return super().show(view) and not answers

    source = WatchedCamera(lambda: camera, WatchConfig(stall_s=60))
    app = App(source, runner, manifest, [Asking()], StreamConfig(warmup=1), keeper=keeper)
    result = app.run()
    asked[0].join()
    assert answers[0]["ok"] and answers[0]["golden"] == {"vectors": 2, "wrong": 0}
    frames = result.record["frames"]
    assert frames < 1000 and runner.calls == 1 + 2 + frames
    assert keeper.pulses and not (tmp_path / "h").exists()


@pytest.mark.parametrize("stage", ["runner", "source"])
def test_a_stage_that_hangs_shows_in_the_pulse(manifest: Manifest, stage: str) -> None:
    hung = threading.Event()

    class Hanging(FakeCamera):
        def wait(self, timeout_s: float) -> Any:  # as a live source has it
            if self.made == 5 and stage == "source":
                hung.wait()
            return self.read()

        ended = False

    runner = Exact(
        fault=lambda call: hung.wait() and None if call == 5 and stage == "runner" else None
    )
    keeper = Noting(manifest, runner, None, Notifier({}))
    app = App(
        Hanging(9999), runner, manifest, [], StreamConfig(warmup=0, hang_s=1.0), keeper=keeper
    )
    timer = threading.Timer(2.0, app.controls.stop)
    timer.start()
    try:
        result = app.run()
    finally:
        hung.set()
        timer.cancel()
    assert max(pulse.still_s for pulse in keeper.pulses) > 0.7
    if stage == "runner":
        assert isinstance(result.error, BackendError)  # the application's own limit


def test_service_begins_while_no_camera_is_there(manifest: Manifest) -> None:
    opened: list[int] = []

    def open_camera() -> FakeCamera:
        opened.append(1)
        if len(opened) < 3:
            raise SourceError("camera must be one that opens, got none")
        return FakeCamera(30)

    config = WatchConfig(back_off_s=0.4, longest_s=0.4, await_first=False)
    sink = KeepingSink()
    result = App(
        WatchedCamera(open_camera, config), FakeRunner(), manifest, [sink], StreamConfig()
    ).run()
    assert result.error is None and result.record["frames"] > 0 and len(opened) == 3
    assert any("one that opens" in view.trouble for view in sink.views)
