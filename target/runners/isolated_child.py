"""The child of target/runners/isolated.py: VART in a process that may end.

python -m target.runners.isolated_child MEMORY_FD COMMAND_FD ANSWER_FD < letter
"""

from __future__ import annotations

import json
import mmap
import os
import sys
from pathlib import Path
from typing import List

import numpy as np

from target.errors import AppError, one_line
from target.manifest import Manifest
from target.runners.dpu import DpuRunner
from target.runners.isolated import DONE, FAILED, facts_of


def main(argv: List[str]) -> int:
    """Introduce the runner, then run it for every byte of the command pipe, until that is closed."""
    memory_fd, command, answer = (int(text) for text in argv)
    letter = json.load(sys.stdin)
    try:
        runner = DpuRunner(Manifest(Path(letter["folder"]), letter["content"]), letter["mode"])
    except AppError as error:
        _say(answer, error)
        return 1
    sizes = [int(np.prod(spec.shape)) for spec in (runner.input, runner.output)]
    os.ftruncate(memory_fd, sum(sizes))
    memory = mmap.mmap(memory_fd, sum(sizes))
    codes = np.frombuffer(memory, np.int8, sizes[0]).reshape(runner.input.shape)
    result = np.frombuffer(memory, np.int8, sizes[1], sizes[0]).reshape(runner.output.shape)
    os.write(answer, json.dumps(facts_of(runner)).encode("utf-8") + b"\n")
    while os.read(command, 1):
        try:
            np.copyto(result, runner.infer(codes))
        except (AppError, ValueError) as error:
            os.write(answer, FAILED)
            _say(answer, error)
            continue
        os.write(answer, DONE)
    runner.close()
    return 0


def _say(answer: int, error: Exception) -> None:
    told = {"error": one_line(error), "class": type(error).__name__}
    os.write(answer, json.dumps(told).encode("utf-8") + b"\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
