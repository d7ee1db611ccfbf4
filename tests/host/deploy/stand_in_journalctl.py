"""A stand-in for journalctl: the end of the log that the stand-in for systemctl writes."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

LOGS = Path(os.environ["STAND_IN_PREFIX"]) / "var/log"

parser = argparse.ArgumentParser()
parser.add_argument("-u", dest="unit", required=True)
parser.add_argument("-n", dest="lines", type=int, default=10)
parser.add_argument("-o", dest="output", default="short")
parser.add_argument("--no-pager", action="store_true")
args = parser.parse_args()
path = LOGS / (args.unit if args.unit.endswith(".service") else f"{args.unit}.service")
path = path.with_name(path.name + ".log")
if path.is_file():
    found = path.read_text(encoding="utf-8", errors="replace").splitlines()
    print("\n".join(found[-args.lines :]))
sys.exit(0)
