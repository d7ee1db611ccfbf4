"""Make a prefix that looks to the application like a board with AMD's runtime; see README.md here.

python -m tests.board_stand_ins.install PREFIX
python -m tests.board_stand_ins.install PREFIX --fingerprint 0x101000016010407 --release 2.5.0
python -m tests.board_stand_ins.install PREFIX --without vart,xir
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from target.runners.device import find_device

if TYPE_CHECKING:
    import pytest

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parents[1]
EMULATOR_PYTHON = sys.executable  # with what host/ needs; tests/arm64 names another than its own
DEFAULTS: dict[str, Any] = {
    "fingerprint": "0x101000056010407",
    "cores": 2,
    "frequency_mhz": 300,
    "release": "3.0.0",
    "device": "stand-in",
    "needs_instructions": False,
    "timeout_after": None,
    "hang_after": None,
    "inner_names": False,
    "wrong_output": None,
    "log": None,
}
_MODULES = ("stand_in_device", "vart", "xir")
_PYTHON = """#!/bin/sh
# The board's interpreter: with the stand-ins on its paths and the firmware of this prefix.
PATH="{prefix}/bin:$PATH" PYTHONPATH="{site}${{PYTHONPATH:+:$PYTHONPATH}}" \\
    XLNX_VART_FIRMWARE="${{XLNX_VART_FIRMWARE-{firmware}}}" exec "{python}" "$@"
"""
_TOOL = """#!/bin/sh
exec "{python}" "{script}" "$@"
"""


def install(
    prefix: Path, python: str = sys.executable, without: tuple[str, ...] = (), **device: Any
) -> Path:
    """Make the prefix; one that is there is renewed.

    Args:
        prefix: A folder.
        python: The interpreter that bin/python3 starts; it needs numpy.
        without: Of vart, xir, xdputil: what is missing on this board.
        device: Keys of DEFAULTS with other values.

    Returns:
        The prefix, absolute.

    Raises:
        KeyError: If a key is none of DEFAULTS.
    """
    for key in device:
        DEFAULTS[key]  # an unknown one is the test's mistake
    prefix = prefix.resolve()
    site = prefix / "usr/lib/python3/site-packages"
    firmware = prefix / "run/media/mmcblk0p1/dpu.xclbin"
    for folder in (site, prefix / "bin", prefix / "etc", firmware.parent):
        folder.mkdir(parents=True, exist_ok=True)
    for module in _MODULES:
        if module in without:
            (site / f"{module}.py").unlink(missing_ok=True)
        else:
            shutil.copyfile(HERE / "site" / f"{module}.py", site / f"{module}.py")
    firmware.write_bytes(b"xclbin2\0stand-in")
    (prefix / "etc/vart.conf").write_text(f"firmware: {firmware}\n", encoding="utf-8")
    settings = {
        **DEFAULTS,
        **device,
        "emulator_python": EMULATOR_PYTHON,
        "checkout": str(CHECKOUT),
    }
    (prefix / "etc/stand_in.json").write_text(json.dumps(settings, indent=2), encoding="utf-8")
    _script(
        prefix / "bin/python3",
        _PYTHON.format(prefix=prefix, site=site, firmware=firmware, python=python),
    )
    for tool in ("xdputil", "show_dpu"):
        if tool in without:
            (prefix / "bin" / tool).unlink(missing_ok=True)
            continue
        shutil.copyfile(HERE / "site" / f"{tool}.py", site / f"stand_in_{tool}.py")
        script = _TOOL.format(python=prefix / "bin/python3", script=site / f"stand_in_{tool}.py")
        _script(prefix / "bin" / tool, script)
    return prefix


class StandInBoard:
    """An installed prefix, for tests.

    Args:
        prefix: A folder.
        options: Of `install`.
    """

    def __init__(self, prefix: Path, **options: Any) -> None:
        self.prefix = install(prefix, **options)
        self.python = self.prefix / "bin/python3"
        self.site = self.prefix / "usr/lib/python3/site-packages"

    def change(self, **device: Any) -> None:
        """Change keys of stand_in.json; also what was already asked of the device is forgotten."""
        path = self.prefix / "etc/stand_in.json"
        settings = json.loads(path.read_text(encoding="utf-8"))
        for key, value in device.items():
            DEFAULTS[key]
            settings[key] = value
        path.write_text(json.dumps(settings, indent=2), encoding="utf-8")
        find_device.cache_clear()

    @contextlib.contextmanager
    def entered(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandInBoard]:
        """Let this process and its children find the stand-ins where AMD's would be."""
        monkeypatch.syspath_prepend(str(self.site))
        monkeypatch.setenv("PYTHONPATH", str(self.site))
        monkeypatch.setenv("PATH", f"{self.prefix / 'bin'}:{os.environ['PATH']}")
        find_device.cache_clear()
        try:
            yield self
        finally:
            find_device.cache_clear()
            if "stand_in_device" in sys.modules:
                sys.modules["stand_in_device"].close_all()
            for name in _MODULES:
                sys.modules.pop(name, None)


def _script(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)


def main(argv: list[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("prefix", type=Path)
    parser.add_argument("--python", default=sys.executable, help="interpreter of the board")
    parser.add_argument("--without", default="", help="of vart,xir,xdputil,show_dpu")
    parser.add_argument("--fingerprint", default=DEFAULTS["fingerprint"])
    parser.add_argument("--cores", type=int, default=DEFAULTS["cores"])
    parser.add_argument("--release", default=DEFAULTS["release"])
    parser.add_argument("--needs-instructions", action="store_true")
    args = parser.parse_args(argv)
    without = tuple(name for name in args.without.split(",") if name)
    keys = ("fingerprint", "cores", "release", "needs_instructions")
    device = {key: getattr(args, key) for key in keys}
    print(install(args.prefix, args.python, without, **device))
    return 0


if __name__ == "__main__":
    sys.exit(main())
