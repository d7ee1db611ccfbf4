from __future__ import annotations

import subprocess
import sys

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
