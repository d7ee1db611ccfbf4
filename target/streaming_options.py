"""What every way to run the application takes on the command line, and what it means."""

from __future__ import annotations

import argparse
import dataclasses
import math
import os
from pathlib import Path
from typing import Dict, Optional

from target.app import StreamConfig
from target.camera.device import CameraFormat
from target.camera.flipped import FLIPS
from target.camera.health import WatchConfig
from target.camera.open import FORMS as INPUT_FORMS
from target.camera.open import InputOptions
from target.errors import DataError
from target.pipeline.controls import Controls
from target.show.open import FORMS as OUTPUT_FORMS
from target.show.open import OutputOptions
from target.show.web import LOCAL
from target.text.speller import SpellConfig
from target.vision.region import stored_region

_SPELL = SpellConfig()
_WATCH = WatchConfig()
# Options that set a field of SpellConfig, with what they say in --help.
_SPELLING: Dict[str, tuple[str, str]] = {
    "threshold": ("min_confidence", "least confidence of a letter, 0-1"),
    "dwell": ("dwell_s", "seconds that a letter must be held"),
    "agreement": ("agreement", "share of the recent time in which it must be the answer"),
    "release": ("release_s", "seconds of something else before the same letter counts again"),
    "space": ("space_s", "seconds without a hand that make a space; 0 for no spaces"),
    "slide": ("slide", "how far a hand is moved aside for a doubled letter, share of the region"),
}


def add_stream_options(parser: argparse.ArgumentParser, model: Path) -> None:
    """Add what every way to run the application takes."""
    parser.add_argument("input", help=INPUT_FORMS)
    parser.add_argument(
        "output", nargs="*", help=f"{OUTPUT_FORMS}; several at once; a window if not given"
    )
    add_model_options(parser, model)
    add_input_options(parser)
    parser.add_argument("--headless", action="store_true", help="no window")
    parser.add_argument("--frames", type=int, help="stop after so many")
    parser.add_argument(
        "--warmup", type=int, default=StreamConfig.warmup, help="uncounted inferences"
    )
    spelling = parser.add_argument_group("letters and words")
    for option, (field, text) in _SPELLING.items():
        default = getattr(_SPELL, field)
        spelling.add_argument(f"--{option}", type=float, default=default, help=text)
    spelling.add_argument(
        "--no-motion", action="store_true", help="do not follow the hand: no J, no Z"
    )
    spelling.add_argument(
        "--sweep",
        action=argparse.BooleanOptionalAction,
        help="cut every frame a little differently and average the answers of 0.3 s; default: of cameras,"
        " not of files, whose frames may have nothing to do with each other",
    )
    spelling.add_argument("--words", type=Path, help="list of words, one a line, to propose from")
    parser.add_argument(
        "--capture", type=Path, metavar="FOLDER", help="let the page store labelled crops here"
    )
    parser.add_argument("--force", action="store_true", help="replace an output that is there")
    parser.add_argument("--record", type=Path, help="also write the run record to this file")
    parser.add_argument(
        "--health", type=Path, metavar="SOCKET", help="answer python3 -m target health here"
    )


def add_model_options(parser: argparse.ArgumentParser, model: Path) -> None:
    """Add which model, and which part of the picture it sees."""
    parser.add_argument(
        "--model", type=Path, default=model, help="model folder, or a compiled .xmodel without one"
    )
    parser.add_argument(
        "--region",
        help="x,y,side of what the network sees, shares of the picture; default: the middle",
    )
    parser.add_argument("--find-hand", action="store_true", help="let the region follow the hand")
    parser.add_argument(
        "--left-handed", action="store_true", help="the network sees the mirror image"
    )
    parser.add_argument("--mirror", action="store_true", help="people see the mirror image")


def add_input_options(parser: argparse.ArgumentParser) -> None:
    """Add how a camera is opened and watched over, and where a page listens."""
    camera = parser.add_argument_group("camera")
    camera.add_argument("--input-width", type=int, default=CameraFormat.width, help="pixels")
    camera.add_argument("--input-height", type=int, default=CameraFormat.height, help="pixels")
    camera.add_argument("--input-rate", type=float, help="frames a second")
    camera.add_argument(
        "--input-codec", default=CameraFormat.code, help="pixel format, such as MJPG or YUYV"
    )
    camera.add_argument("--flip", choices=sorted(FLIPS), default="none", help="turn the picture")
    camera.add_argument(
        "--loop", action="store_true", help="a file or folder begins again when it is over"
    )
    camera.add_argument(
        "--stall",
        type=float,
        default=_WATCH.stall_s,
        help="seconds without a frame after which a camera is opened again",
    )
    camera.add_argument(
        "--wait-for-camera", action="store_true", help="begin also while no camera is there"
    )
    page = parser.add_argument_group("page")
    page.add_argument(
        "--host", default=LOCAL, help="address of the page; another than this asks for a token"
    )
    page.add_argument(
        "--token", help="that the page's address must have; default: a new one where it is needed"
    )


def config_of(args: argparse.Namespace) -> StreamConfig:
    """Return the configuration that the options ask for.

    Raises:
        DataError: If a number is out of range.
    """
    if args.warmup < 0:
        raise DataError(f"--warmup must be at least 0, got {args.warmup}")
    if args.frames is not None and args.frames < 1:
        raise DataError(f"--frames must be at least 1, got {args.frames}")
    values = {field: getattr(args, option) for option, (field, _) in _SPELLING.items()}
    for option, (field, _) in _SPELLING.items():
        if not math.isfinite(values[field]):
            raise DataError(f"--{option} must be a number, got {values[field]}")
    spell = SpellConfig(**values, motion=not args.no_motion)
    try:
        spell.check()
    except DataError as error:
        names = {field: f"--{option}" for option, (field, _) in _SPELLING.items()}
        field, _, rest = str(error).partition(" ")
        raise DataError(f"{names.get(field, field)} {rest}") from error
    return StreamConfig(args.warmup, args.frames, spell)


def controls_of(args: argparse.Namespace, spell: SpellConfig = _SPELL) -> Controls:
    """Return what people may change, as it is at the beginning."""
    return Controls(
        stored_region(args.region), args.find_hand, args.left_handed, args.mirror, spell
    )


def input_options_of(args: argparse.Namespace) -> InputOptions:
    """Return how the input is opened.

    Raises:
        DataError: If a number is out of range.
    """
    for name in ("input_width", "input_height"):
        if not 16 <= getattr(args, name) <= 8192:
            option = name.replace("_", "-")
            raise DataError(f"--{option} must be 16 to 8192, got {getattr(args, name)}")
    rate = args.input_rate
    if rate is not None and not 0 < rate <= 1000:
        raise DataError(f"--input-rate must be more than 0, at most 1000, got {rate}")
    if len(args.input_codec) != 4 or not args.input_codec.isascii():
        raise DataError(f"--input-codec must be four letters, got '{args.input_codec}'")
    if not 0.1 <= args.stall <= 3600:
        raise DataError(f"--stall must be 0.1 to 3600 seconds, got {args.stall}")
    wanted = CameraFormat(args.input_width, args.input_height, rate, args.input_codec)
    watch = dataclasses.replace(_WATCH, stall_s=args.stall, await_first=not args.wait_for_camera)
    return InputOptions(wanted, watch, args.flip, args.loop)


def output_options_of(args: argparse.Namespace, fps: Optional[float]) -> OutputOptions:
    """Return what outputs need; a token may also come from the environment, out of the process list."""
    token = args.token or os.environ.get("ASL_PAGE_TOKEN") or None
    if token is not None and not (token.isascii() and token.isprintable()):
        raise DataError("token must be printable ASCII, got other characters in --token")
    return OutputOptions(args.headless, args.host, token, fps)
