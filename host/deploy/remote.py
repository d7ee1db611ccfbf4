"""Shell scripts that run the deployed application on a board while its service pauses."""

from __future__ import annotations

import shlex

from host.deploy.boards import Board

# The service goes on however this ends; only kill -9 of this shell leaves it stopped. The program runs in the
# background, where Ctrl-C does not reach it, and the shell waits: so it hears Ctrl-C and a connection that
# breaks at once, ends the program and waits for its end before the service takes DPU and camera again.
_PAUSED = """
cd {folder} || {{ echo "error: nothing is deployed at {folder}; make deploy" >&2; exit 1; }}
child= paused=
end() {{
  [ -z "$child" ] || {{ kill "$child"; wait "$child"; }} 2>/dev/null
  [ -z "$paused" ] || systemctl start asl >/dev/null 2>&1
}}
trap end EXIT
trap 'exit 130' INT
trap 'exit 129' HUP TERM
if systemctl is-active asl >/dev/null 2>&1; then paused=yes; systemctl stop asl >&2; fi
{command} <&0 & child=$!
wait "$child"
code=$? child=
exit $code
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
