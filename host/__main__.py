"""python -m host <command>: train, quantize, compile, emulate, measure, report.

Each command has its own --help. Results go to stdout (with --json as JSON), progress to stderr.
Exit code 0 done, 1 an error with its remedy, 2 wrong usage, 130 interrupted.
"""

from __future__ import annotations

import importlib
import os
import sys

from host.memory import keep_freed_memory
from target.errors import run_process

COMMANDS = {
    "data": "find, check, import and describe data sets, or say how to get them",
    "train": "train a network on photos, rendered hands, or a mixture; compare trainings",
    "finetune": "teach a trained model a person's own hands, on some photos of them",
    "capture": "collect labelled photos of your own hand from a camera",
    "cameras": "what cameras are there, with formats, sizes and rates",
    "scratch": "train a small network written out in numpy, to see how training works",
    "hands": "rendered hands: a sheet, a model judged through a rendered camera",
    "quantize": "float model -> int8 graph with power-of-two scales",
    "compile": "int8 graph -> .xmodel, manifest and golden vectors",
    "evaluate": "accuracy of a model, float and int8, also on signers it has never seen",
    "simulate": "run the board's application on the emulator",
    "video": "a video of test images, each letter held for a while",
    "run": "a compiled .xmodel on inputs from a file, bit for bit",
    "inspect": "what is in an .xmodel",
    "diff": "the first tensor in which two networks differ",
    "bench": "latency, throughput and energy of runners on this machine",
    "export": "what the board needs to measure baselines beside the DPU",
    "bundle": "what goes onto a board or a card: application, model, sha256s",
    "estimate": "how long the DPU would take: a latency model, with its error",
    "refit": "fit that model to published results",
    "report": "records and models -> one page",
    "deploy": "the application and a model onto a board, or onto many",
    "undeploy": "take it off again",
    "board": "a board's host key, log, benchmark; the application run there",
    "doctor": "what is wrong here or on a board, and the command that mends it",
    "demo": "all of it, on a fresh machine",
}


def main(argv: list[str] | None = None) -> int:
    """Run the command named first; returns its exit code."""
    args = sys.argv[1:] if argv is None else argv
    if not args or args[0] in ("-h", "--help"):
        print(_usage())
        return 0 if args else 2
    if args[0] not in COMMANDS:
        print(
            f"error: command must be one of {', '.join(COMMANDS)}, got '{args[0]}'", file=sys.stderr
        )
        return 2
    keep_freed_memory()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's start-up chatter
    module = importlib.import_module(f"host.commands.{args[0]}")
    return int(module.main(args[1:]))


def _usage() -> str:
    lines = [(__doc__ or "").strip(), "", "commands:"]
    return "\n".join(lines + [f"  {name:10} {text}" for name, text in COMMANDS.items()])


if __name__ == "__main__":
    run_process(main)  # Ctrl-C counts from the first import on
