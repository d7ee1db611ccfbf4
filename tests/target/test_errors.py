from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from target import errors
from target.errors import AppError, exit_code_of, one_line


def _raise(error: BaseException) -> int:
    raise error


@pytest.mark.parametrize(
    "name", ["DataError", "ModelError", "BackendError", "SourceError", "OutputError"]
)
def test_every_error_of_the_tree_is_an_app_error(name: str) -> None:
    kind = getattr(errors, name)
    assert issubclass(kind, AppError) and kind.__doc__
    assert name in (errors.__doc__ or "")


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (errors.DataError("label must be 0-25, got 30"), 1, "error: label must be 0-25, got 30\n"),
        (errors.ModelError("two\n  lines"), 1, "error: two lines\n"),
        (KeyboardInterrupt(), 130, "interrupted\n"),
        (
            PermissionError(13, "Permission denied", "a.txt"),
            1,
            "error: file access failed: Permission denied in a.txt\n",
        ),
        (OSError("no\nnumber"), 1, "error: file access failed: no number\n"),
        (MemoryError(), 1, "error: out of memory; use a smaller input or fewer images\n"),
    ],
    ids=["app", "two-lines", "ctrl-c", "os", "os-without-number", "memory"],
)
def test_exit_code_and_line(
    error: BaseException, code: int, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code_of(lambda: _raise(error)) == code
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", line)


@pytest.mark.parametrize("code", [0, 1, 3])
def test_exit_code_is_the_bodys(code: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code_of(lambda: code) == code
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("error", [ValueError("x"), SystemExit(2), AssertionError()], ids=repr)
def test_defects_keep_their_traceback(error: BaseException) -> None:
    with pytest.raises(type(error)):
        exit_code_of(lambda: _raise(error))


def test_a_reader_that_went_away_is_no_traceback() -> None:
    program = (
        "import sys\n"
        "from target.errors import exit_code_of\n"
        "def body():\n"
        "    for _ in range(100000): print('x' * 100)\n"
        "    return 0\n"
        "sys.exit(exit_code_of(body))\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as running:
        assert running.stdout is not None and running.stderr is not None
        running.stdout.readline()
        running.stdout.close()
        assert running.stderr.read() == b""
    assert running.returncode == 1


def test_one_line_folds_white_space() -> None:
    assert one_line(ValueError("a\n\t b  c\n")) == "a b c"


_USUAL = {
    signal.SIGINT: signal.default_int_handler,
    signal.SIGTERM: signal.SIG_DFL,
    signal.SIGHUP: signal.SIG_DFL,
}


@pytest.fixture
def usual_signals() -> Iterator[None]:
    """Python's own handlers, whatever an earlier test has left."""
    before = {number: signal.signal(number, handler) for number, handler in _USUAL.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("usual_signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_second_signal_does_not_end_the_ending(number: int) -> None:
    stored = []

    def body() -> int:
        try:
            signal.raise_signal(number)
        except (KeyboardInterrupt, SystemExit):
            for _ in range(3):
                signal.raise_signal(number)
                signal.raise_signal(signal.SIGTERM)
            stored.append("all")
            raise
        return 0

    if number == signal.SIGINT:
        assert exit_code_of(body) == 130
    else:
        with pytest.raises(SystemExit, match=str(128 + number)):
            exit_code_of(body)
    assert stored == ["all"]
    assert {one: signal.getsignal(one) for one in _USUAL} == _USUAL


@pytest.mark.usefixtures("usual_signals")
def test_after_a_while_a_signal_is_heard_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(errors, "_DEAF_S", 0.0)

    def body() -> int:
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        return 0

    assert exit_code_of(body) == 130


@pytest.mark.parametrize("code", [0, 1, 130, 143])
@pytest.mark.parametrize("left", [False, True])
def test_a_thread_that_was_left_does_not_abort_the_end(code: int, left: bool) -> None:
    script = (
        "import sys, threading, time\n"
        "from target.errors import leave\n"
        "def stay():\n"
        "    time.sleep(60)\n"
        f"if {left}: threading.Thread(target=stay, daemon=True).start()\n"
        "print('result')\n"
        f"leave({code})"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (code, "result\n", "")
