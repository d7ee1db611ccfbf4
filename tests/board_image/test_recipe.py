"""The Yocto recipe: its install step and its Python are run here, and give what the card image has."""

from __future__ import annotations

import os
import re
import subprocess
import textwrap
from pathlib import Path
from typing import Any

import pytest

from board_image.config import Config
from board_image.contents import Facts, entries
from board_image.plan import Entry
from board_image.release import read_release
from tests.board_image.conftest import FILES, write_release

LAYER = Path(__file__).resolve().parents[2] / "board_image" / "meta-asl"
RECIPE = LAYER / "recipes-apps" / "asl" / "asl_git.bb"
TEXT = RECIPE.read_text(encoding="utf-8")
UNITS = "/lib/systemd/system"


class Skip(Exception):
    """Stands in for bb.parse.SkipRecipe."""


class Datastore:
    """Stands in for BitBake's `d`."""

    def __init__(self, release: str) -> None:
        self._release = release

    def getVar(self, name: str) -> str | None:
        return self._release if name == "ASL_RELEASE" else None


def _python(release: Path | str) -> dict[str, Any]:
    """Run the recipe's Python for a release; its anonymous function is `anonymous`."""
    functions = "".join(re.findall(r"^def .*?(?=^\S)", TEXT, re.M | re.S))
    body = re.search(r"^python \(\) \{\n(.*?)^\}", TEXT, re.M | re.S)
    assert body is not None
    parse = type("parse", (), {"SkipRecipe": Skip})
    names: dict[str, Any] = {"d": Datastore(str(release)), "bb": type("bb", (), {"parse": parse})}
    exec(functions + "def anonymous():\n" + body[1], names)
    return names


def _shell(function: str) -> str:
    body = re.search(rf"^{re.escape(function)}\(\) \{{\n(.*?)^\}}", TEXT, re.M | re.S)
    assert body is not None
    return textwrap.dedent(body[1])


def _installed(tmp_path: Path, release: Path) -> Path:
    variables = {
        "PREFIX_ASL": "/opt/asl",
        "PV": _python(release)["asl_id"](Datastore(str(release))),
        "D": str(tmp_path / "D"),
        "S": str(release),
        "WORKDIR": str(FILES),
        "systemd_system_unitdir": UNITS,
        "sysconfdir": "/etc",
    }
    script = "set -eu\n" + _shell("do_install")
    subprocess.run(["sh", "-c", script], env={**os.environ, **variables}, check=True)
    return tmp_path / "D"


def test_the_recipe_installs_what_the_card_image_has(tmp_path: Path, release: Path) -> None:
    top = _installed(tmp_path, release)
    facts = Facts({"/etc/vart.conf": "firmware: /x"}, "/home/root", UNITS, (), True, ())
    wanted = entries(Config(), facts, read_release(release), FILES, "token")
    for entry in wanted:
        if entry.path.endswith(("token.env", "wants/asl.service")):
            continue  # made on the board; by the systemd class
        path = top / _moved(entry).removeprefix("/")
        if entry.kind == "link":
            assert os.readlink(path) == entry.content
        elif entry.kind == "file":
            assert path.read_bytes() == entry.data(), entry.path
        assert entry.kind == "link" or path.stat().st_mode & 0o777 == entry.mode, entry.path
    made = {f"/{p.relative_to(top)}" for p in top.rglob("*") if not p.is_dir() or p.is_symlink()}
    assert made == {
        _moved(e) for e in wanted if e.kind != "folder" and not e.path.endswith("token.env")
    } - {"/etc/systemd/system/multi-user.target.wants/asl.service"}


def _moved(entry: Entry) -> str:
    """Where a package has it: its unit belongs to the system's."""
    return entry.path.replace("/etc/systemd/system/asl.service", f"{UNITS}/asl.service")


def test_a_board_makes_its_token_once(tmp_path: Path) -> None:
    script = "set -eu\n" + _shell("pkg_postinst_ontarget:${PN}")
    path = tmp_path / "token.env"
    script = script.replace("/opt/asl/etc/token.env", str(path))
    subprocess.run(["sh", "-c", script], check=True)
    first = path.read_text()
    assert re.fullmatch(r"ASL_PAGE_TOKEN=[0-9a-f]{32}\n", first)
    assert path.stat().st_mode & 0o777 == 0o600
    subprocess.run(["sh", "-c", script], check=True)
    assert path.read_text() == first


def test_the_recipe_is_skipped_with_a_reason(tmp_path: Path, release: Path) -> None:
    _python(release)["anonymous"]()
    assert _python(release)["asl_id"](Datastore(str(release))) == "0123456789ab"
    with pytest.raises(
        Skip, match="folder, got ''; make one with make setup and .venv/bin/python -m"
    ):
        _python("")["anonymous"]()
    builtin = write_release(tmp_path / "r", toolchain="builtin")
    with pytest.raises(
        Skip, match="must be compiled by AMD's compiler for a board, got toolchain 'builtin'"
    ):
        _python(builtin)["anonymous"]()


def test_the_recipe_ships_the_one_set_of_service_files() -> None:
    named = re.search(r'^SRC_URI = "(.*)"', TEXT, re.M)
    assert named is not None
    files = {word.removeprefix("file://") for word in named[1].split()}
    assert files == {p.name for p in FILES.iterdir() if p.is_file()}
    folder = re.search(r'^ASL_FILES \?= "\$\{THISDIR\}/(.*)"', TEXT, re.M)
    assert folder is not None and (RECIPE.parent / folder[1]).resolve() == FILES.resolve()
    assert "honister" in (LAYER / "conf" / "layer.conf").read_text(encoding="utf-8")
