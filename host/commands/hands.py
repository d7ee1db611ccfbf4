"""Rendered hands: a sheet to look at, a model judged through a rendered camera, time codes read from a video.

    python -m host hands --sheet letters.png
    python -m host hands --sheet varied.png --varied --signer 10042
    python -m host hands --judge models/signnet --holds 200
    python -m host hands --timecodes letters.avi

The sheet shows the alphabet of one signer. --judge lets signers that nobody was trained on hold each
letter before a rendered camera, runs the application on the emulator, and counts letters read right in
the middle of a hold. --timecodes reads the small pattern that the camera draws beside the crop from every
frame of a recorded output: which frames arrived, and how many are missing.
"""

from __future__ import annotations

import argparse
import logging
from pathlib import Path
from typing import Any

import numpy as np

from host.data.hands.camera import HandsCamera
from host.data.hands.judge import Readings, Verdict, join_all, judge
from host.data.hands.letters import STATIC
from host.data.hands.sheet import make_sheet
from host.data.hands.signer import FIRST_HELD_OUT
from host.data.hands.timecode import read_timecode
from host.data.hands.uri import HandsUri
from host.runners.emulator import EmulatorRunner
from target import files
from target.app import StreamConfig
from target.camera.video_file import VideoFile
from target.command_line import count, make_parser, print_result, seed, start_log
from target.errors import EXIT_INTERRUPTED, EXIT_OK, DataError, OutputError, exit_code_of
from target.manifest import load_manifest
from target.opencv import cv2
from target.stream import run_stream

_HOLD_S = 0.3
_log = logging.getLogger(__name__)


def main(argv: list[str] | None = None) -> int:
    """Run the command."""
    parser = make_parser("python -m host hands", __doc__)
    task = parser.add_mutually_exclusive_group(required=True)
    task.add_argument("--sheet", type=Path, metavar="FILE", help="picture to write, .png or .jpg")
    task.add_argument("--judge", type=Path, metavar="MODEL", help="model folder")
    task.add_argument("--timecodes", type=Path, metavar="VIDEO", help="recorded output")
    parser.add_argument("--signer", type=seed, default=FIRST_HELD_OUT + 11, help="of the sheet")
    parser.add_argument("--varied", action="store_true", help="sheet: as the data set varies them")
    parser.add_argument("--holds", type=count, default=200, help="letters to judge, at least")
    parser.add_argument("--seed", type=seed, default=1, help="of poses, light and background")
    parser.add_argument("--force", action="store_true", help="replace a picture that is there")
    args = parser.parse_args(argv)
    start_log(args.quiet)
    return exit_code_of(lambda: _run(args))


def _run(args: argparse.Namespace) -> int:
    if args.sheet:
        return _sheet(args)
    if args.judge:
        return _judge(args)
    return _timecodes(args)


def _sheet(args: argparse.Namespace) -> int:
    path: Path = args.sheet
    if path.suffix.lower() not in (".png", ".jpg", ".jpeg"):
        raise OutputError(f"sheet must be a .png or .jpg file, got '{path.name}'")
    if path.exists() and not args.force:
        raise OutputError(f"sheet must be new, got a file that is there at {path}; use --force")
    files.check_writable(path)
    sheet = make_sheet(args.signer, args.seed, args.varied)
    _, coded = cv2.imencode(path.suffix.lower(), sheet)
    files.write_bytes(path, coded.tobytes())
    height, width = sheet.shape[:2]
    result = {"sheet": str(path), "width": width, "height": height, "signer": args.signer}
    print_result(result, args.json, f"{path}: {width} x {height}, signer {args.signer}")
    return 0


def _judge(args: argparse.Namespace) -> int:
    """One signer after the other, each the whole alphabet in an order of its own."""
    manifest = load_manifest(args.judge)
    runner = EmulatorRunner(manifest)
    verdicts: list[Verdict] = []
    try:
        while sum(verdict.holds for verdict in verdicts) < args.holds:
            signer = FIRST_HELD_OUT + len(verdicts)
            order = np.random.default_rng([args.seed, signer]).permutation(list(STATIC))
            wanted = HandsUri("".join(order), hold=_HOLD_S, signer=signer, seed=args.seed)
            camera = HandsCamera(wanted, f"hands://{wanted.text}")
            readings = Readings()
            run_stream(camera, runner, manifest, [], StreamConfig(), readings)
            verdicts.append(judge(camera.truth, readings.letters))
            _log.info("signer %d: %d of %d", signer, verdicts[-1].right, verdicts[-1].holds)
    except KeyboardInterrupt:  # what was judged until now counts
        _log.warning("interrupted after %d signers", len(verdicts))
    finally:
        runner.close()
    if not verdicts:
        return EXIT_INTERRUPTED
    total = join_all(verdicts)
    result_facts: dict[str, Any] = {
        "model": manifest.name,
        "kind": "emulated",
        "signers": len(verdicts),
        **total.facts(),
        "share": round(total.right / total.holds, 4),
    }
    worst = ", ".join(f"{was} as {read} ({n})" for was, read, n in total.mistaken[:5])
    text = (
        f"{manifest.name}: {total.right} of {total.holds} letters held by {len(verdicts)} rendered signers"
        f" ({total.right / total.holds:.1%}) read right in the middle of the hold,"
        f" {total.frames_right} of {total.frames} frames"
        + (f"; most often {worst}" if worst else "")
    )
    print_result(result_facts, args.json, text)
    return EXIT_OK if total.holds >= args.holds else EXIT_INTERRUPTED


def _timecodes(args: argparse.Namespace) -> int:
    video = VideoFile(args.timecodes)
    codes = []
    frames = 0
    while (frame := video.read()) is not None:
        frames += 1
        code = read_timecode(frame.image)
        if code is not None:
            codes.append(code)
    video.close()
    if not codes:
        raise DataError(f"video must show time codes of hands://, got none in {args.timecodes}")
    seen = sorted({code.frame for code in codes})
    result = {
        "frames": frames,
        "with_code": len(codes),
        "first": seen[0],
        "last": seen[-1],
        "missing": seen[-1] - seen[0] + 1 - len(seen),
        "repeated": len(codes) - len(seen),
        "camera_seconds": (codes[-1].milliseconds - codes[0].milliseconds) / 1000,
    }
    text = (
        f"{args.timecodes}: {frames} frames, {len(codes)} with a time code, numbers {seen[0]} to {seen[-1]},"
        f" {result['missing']} missing, {result['repeated']} repeated"
    )
    print_result(result, args.json, text)
    return 0
