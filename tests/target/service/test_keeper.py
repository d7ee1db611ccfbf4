from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from target import files
from target.errors import BackendError, ModelError, OutputError
from target.manifest import Manifest
from target.service import keeper as keeper_module
from target.service.health import HealthServer, ask, fault_of
from target.service.keeper import Keeper, Pulse
from target.service.notify import Notifier
from target.service.release import Release, own_release
from tests.target.streams import FakeRunner, make_manifest, with_golden


class Exact(FakeRunner):
    """Gives output D, as the golden vectors say."""

    promise = "codes"


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    """A model whose golden vectors a FakeRunner gives."""
    return with_golden(make_manifest(tmp_path), 3)


class Manager:
    """systemd's end of the notification socket."""

    def __init__(self, folder: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(folder / "n"))
        self.socket.setblocking(False)
        self.notifier = Notifier({"NOTIFY_SOCKET": str(folder / "n"), "WATCHDOG_USEC": "3000000"})

    def heard(self) -> str:
        """Return everything since the last time."""
        lines = []
        while True:
            try:
                lines.append(self.socket.recv(1000).decode())
            except BlockingIOError:
                return "\n".join(lines)


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    made = Manager(tmp_path)
    yield made
    made.socket.close()


def _serve(keeper: Keeper) -> threading.Event:
    """Do errands in a thread, as a worker does, until the event is set."""
    stop = threading.Event()

    def work() -> None:
        while not stop.wait(0.005):
            keeper.errands.carry_out()

    threading.Thread(target=work, daemon=True).start()
    return stop


def test_health_runs_golden_vectors_on_the_streams_own_runner(
    manifest: Manifest, tmp_path: Path
) -> None:
    runner = Exact()
    keeper = Keeper(manifest, runner, tmp_path / "run/h", Notifier({}))
    stop = _serve(keeper)
    keeper.begin()
    try:
        keeper.beat(Pulse(0.0, 12, "camera: gone"))
        answer = ask(tmp_path / "run/h", 10)
        assert answer["golden"] == {"vectors": 3, "wrong": 0} and runner.calls == 3
        assert answer["ok"] and answer["frames"] == 12 and answer["trouble"] == "camera: gone"
        assert (tmp_path / "run/h").stat().st_mode & 0o777 == 0o600
    finally:
        stop.set()
        keeper.end()
    assert not (tmp_path / "run/h").exists()


def test_one_wrong_code_is_no_health(manifest: Manifest, tmp_path: Path) -> None:
    keeper = Keeper(
        manifest, Exact(says=lambda call: 4 if call == 1 else 3), tmp_path / "h", Notifier({})
    )
    stop = _serve(keeper)
    try:
        answer = keeper.answer()
        assert not answer["ok"] and answer["golden"] == {"vectors": 3, "wrong": 1}
        assert "1 of 3 golden vectors" in answer["why"] and "vector 1" in answer["why"]
    finally:
        stop.set()
        keeper.end()


def test_runner_that_fails_is_no_health_and_no_end(manifest: Manifest, tmp_path: Path) -> None:
    runner = Exact(fault=lambda call: RuntimeError("XRT"))
    keeper = Keeper(manifest, runner, tmp_path / "h", Notifier({}))
    stop = _serve(keeper)
    try:
        assert keeper.answer()["why"] == "RuntimeError: XRT"
        assert keeper.answer()["ok"] is False
    finally:
        stop.set()
        keeper.end()


def test_hung_pipeline_is_no_health(
    manifest: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper_module, "_ERRAND_S", 0.05)
    keeper = Keeper(manifest, Exact(), tmp_path / "h", Notifier({}))
    try:
        assert "it hangs" in keeper.answer()["why"]
    finally:
        keeper.end()


def test_runner_without_the_dpus_codes_cannot_be_examined(
    manifest: Manifest, tmp_path: Path
) -> None:
    keeper = Keeper(manifest, FakeRunner(), tmp_path / "h", Notifier({}))
    try:
        assert keeper.answer()["why"] == "runner 'fake' does not promise the DPU's codes"
    finally:
        keeper.end()


def test_health_needs_golden_vectors(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="must name a 'golden' file"):
        Keeper(make_manifest(tmp_path), Exact(), tmp_path / "h", Notifier({}))


def test_watchdog_hears_of_a_stream_that_moves_and_not_of_one_that_hangs(
    manifest: Manifest, manager: Manager, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr(keeper_module.time, "monotonic", lambda: now[0])
    keeper = Keeper(manifest, Exact(), None, manager.notifier)
    keeper.begin()
    assert "READY=1" in manager.heard()
    for still_s, is_heard in ((0.1, True), (1.4, True), (1.6, False), (100.0, False), (0.2, True)):
        now[0] += 1.1  # a third of the patience of 3 s, and a little more
        keeper.beat(Pulse(still_s, 5, ""))
        assert ("WATCHDOG=1" in manager.heard()) == is_heard, still_s
    keeper.beat(Pulse())
    assert manager.heard() == ""  # not with every look
    keeper.end()
    assert manager.heard() == "STOPPING=1"


def test_trial_ends_when_the_release_is_in_service(
    manifest: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "opt/releases/0123456789ab"
    folder.mkdir(parents=True)
    files.write_json(folder / "release.json", {"id": "0123456789ab"})
    release = own_release(folder)
    assert release == Release(folder, "0123456789ab")
    monkeypatch.setattr(keeper_module, "own_release", lambda: release)
    now = [0.0]
    monkeypatch.setattr(keeper_module.time, "monotonic", lambda: now[0])
    keeper = Keeper(manifest, Exact(), None, Notifier({}))
    signal.setitimer(signal.ITIMER_REAL, 3600)
    try:
        now[0] += 1
        keeper.beat(Pulse())
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 0  # nothing names it
        (tmp_path / "opt/current").symlink_to("releases/0123456789ab")
        now[0] += 1
        keeper.beat(Pulse())
        assert signal.getitimer(signal.ITIMER_REAL)[0] == 0
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def test_program_that_was_not_deployed_says_so() -> None:
    assert own_release().id == "checkout" and own_release().is_current()


def test_socket_that_is_left_over_is_replaced(tmp_path: Path) -> None:
    left = HealthServer(tmp_path / "h", dict)
    left._socket.close()
    server = HealthServer(tmp_path / "h", lambda: {"a": 1})
    server.start()
    assert ask(tmp_path / "h", 10) == {"a": 1}
    server.close()


def test_whoever_hangs_up_does_not_end_the_server(tmp_path: Path) -> None:
    server = HealthServer(tmp_path / "h", lambda: {"text": "x" * 30000})
    server.start()
    for _ in range(3):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as way:
            way.connect(str(tmp_path / "h"))
    assert len(ask(tmp_path / "h", 10)["text"]) == 30000
    server.close()


def test_socket_whose_name_is_too_long_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="at most 107 bytes"):
        HealthServer(tmp_path / ("x" * 120), dict)


def test_socket_that_cannot_be_made_is_an_error(read_only: Path) -> None:
    with pytest.raises(OutputError, match="choose another folder with --health"):
        HealthServer(read_only / "h", dict)


@pytest.mark.parametrize(
    ("said", "match"),
    [(b"", "half an answer"), (b"{", "half an answer"), (b"[1]\n", "an object, got list")],
    ids=["nothing", "half", "no object"],
)
def test_odd_answers_are_errors(tmp_path: Path, said: bytes, match: str) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(tmp_path / "h"))
        listener.listen()

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(said)

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(BackendError, match=match):
            ask(tmp_path / "h", 10)
        thread.join()


def test_nobody_at_the_socket_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="No such file.*journalctl -u asl"):
        ask(tmp_path / "h", 1)


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        ({"release": "a", "ok": True, "on_trial": False}, ""),
        ({"release": "b", "ok": True, "on_trial": False}, "release a must answer, got b"),
        ({"release": "a", "ok": False, "why": "w"}, "service must be well, got 'w'"),
        ({"release": "a", "ok": 1}, "service must be well, got 'None'"),
        ({"release": "a", "ok": True, "on_trial": True}, "release must no longer be on trial"),
        ({}, "release a must answer, got None"),
    ],
    ids=["well", "another", "not well", "odd", "on trial", "empty"],
)
def test_fault_of_an_answer(answer: dict[str, object], fault: str) -> None:
    assert fault_of(answer, "a", settled=True).startswith(fault)
    assert bool(fault_of(answer, "a", settled=True)) == bool(fault)
