"""The options of AMD's real tools, which `quantize` and `compile` share."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from host.vitis.config import DEFAULT_RELEASE, FLOWS, RELEASES, VitisConfig
from host.vitis.run import check_tools
from target.command_line import print_result
from target.errors import DataError

TOOLCHAINS = ("builtin", "vitis")
ONLY = ("check", "prepare", "collect")
_NAMES = ("flow", "release", "image", "gpu", "docker", "python", "arch", "only")


def add_vitis_options(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Add --toolchain and what belongs to `--toolchain vitis`; those have no defaults of their own.

    Returns:
        The group of the latter, for more of them.
    """
    default = VitisConfig()
    parser.add_argument(
        "--toolchain", choices=TOOLCHAINS, default="builtin", help="ours, or AMD's real tools"
    )
    group = parser.add_argument_group("with --toolchain vitis")
    group.add_argument(
        "--flow", choices=FLOWS, help=f"TensorFlow 2, or the older tools ({default.flow})"
    )
    group.add_argument(
        "--release", choices=RELEASES, help=f"Vitis AI, as the board's image ({DEFAULT_RELEASE})"
    )
    group.add_argument(
        "--image", help=f"container image and tag (of the release: {default.full_image})"
    )
    group.add_argument(
        "--gpu", action="store_true", default=None, help="the image with CUDA, on all GPUs"
    )
    group.add_argument("--docker", help=f"command that runs containers ({default.docker})")
    group.add_argument(
        "--python", type=Path, help="interpreter that has AMD's tools, instead of a container"
    )
    group.add_argument(
        "--arch", type=Path, help="arch.json of a DPU of your own build (the container's)"
    )
    group.add_argument(
        "--only",
        choices=ONLY,
        help="only ask for the tools, only write the job, or only take in what was run elsewhere",
    )
    return group


def vitis_config(args: argparse.Namespace) -> VitisConfig:
    """Return the configuration of the command line."""
    given = {name: getattr(args, name) for name in _NAMES if name != "only"}
    return VitisConfig(**{name: value for name, value in given.items() if value is not None})


def only_check(args: argparse.Namespace) -> int:
    """Check that AMD's tools could run here, and say where they are; needs no model.

    Args:
        args: Of the command line, with `--only check`.

    Raises:
        BackendError: If they could not.
    """
    config = vitis_config(args)
    if config.flow == "tf2":  # the older flow is run by hand
        check_tools(config)
    print_result({"where": config.where}, args.json, f"{config.where}: ready")
    return 0


def place_of(args: argparse.Namespace, config: VitisConfig) -> str:
    """Return where the tools were, for the record."""
    return "elsewhere" if args.only == "collect" else config.where


def check_builtin(args: argparse.Namespace, *more: str) -> None:
    """Check that no option of AMD's tools is given without --toolchain vitis.

    Args:
        args: Of the command line.
        more: Names of further options of AMD's tools.

    Raises:
        DataError: With the first one.
    """
    for name in (*_NAMES, *more):
        value: Any = getattr(args, name)
        if value is not None:
            option = "--" + name.replace("_", "-")
            raise DataError(
                f"{option} is for AMD's tools, got toolchain builtin; add --toolchain vitis"
            )
