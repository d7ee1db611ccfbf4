"""Shell scripts that run the deployed application on a board while its service pauses."""

from __future__ import annotations

import shlex

from host.deploy.boards import Board

# The service goes on however this ends; only kill -9 of this shell leaves it stopped. What is measured runs
# behind `wait`, so that the shell hears at once that the connection broke.
_PAUSED = """
cd {folder} || {{ echo "error: nothing is deployed at {folder}; make deploy" >&2; exit 1; }}
if systemctl is-active asl >/dev/null 2>&1; then
  trap 'kill $child 2>/dev/null; systemctl start asl >/dev/null 2>&1' EXIT
  trap 'exit 129' HUP INT TERM
  systemctl stop asl >&2
fi
{command} <&0 & child=$!
wait $child
"""


def run_script(board: Board, words: list[str]) -> str:
    """Return the script of python3 -m target run."""
    return _paused(board, f"{_python(board)} run {shlex.join(words)} --model model")


def bench_script(board: Board, words: list[str]) -> str:
    """Return the script of python3 -m target bench; its records are all that it prints."""
    baselines = "$(test -d bench && echo --baselines bench)"
    return _paused(
        board, f"{_python(board)} bench --model model --json {baselines} {shlex.join(words)}"
    )


def _paused(board: Board, command: str) -> str:
    return _PAUSED.format(folder=shlex.quote(f"{board.prefix}/current"), command=command)


def _python(board: Board) -> str:
    return f"{shlex.quote(board.python)} -B -m target"
