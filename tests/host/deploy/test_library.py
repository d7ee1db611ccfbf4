"""What the playbook's modules do on the board, without Ansible around them."""

from __future__ import annotations

import hashlib
import io
import json
import os
import sys
import tarfile
import types
from pathlib import Path
from typing import Any

import pytest

from host.deploy.library import asl_board, asl_files, asl_release

V30, V25 = "0x101000056010407", "0x101000016010407"
NAMES = {V30: "Vitis AI 3.0", V25: "Vitis AI 2.5"}


def _query(fingerprint: str = V30, **more: Any) -> dict[str, Any]:
    return {"kernels": [{"fingerprint": fingerprint, "name": "DPU Core 0"}], **more}


def _model(toolchain: str = "vitis", fingerprint: str = V30) -> dict[str, str]:
    return {"name": "signnet", "toolchain": toolchain, "fingerprint": fingerprint}


def test_board_with_the_models_dpu_is_fine() -> None:
    assert asl_board.device_faults(_query(), _model(), NAMES) == []
    assert asl_board.device_faults(_query(V30.upper().replace("X", "x")), _model(), NAMES) == []


@pytest.mark.parametrize(
    ("query", "allowed"),
    [
        (_query(), False),
        (_query(device="stand-in"), True),
        (_query(device="Stand-in"), False),
        (_query(device=True), False),
        (_query(devices="stand-in"), False),
    ],
    ids=["a real board", "a stand-in", "another word", "no word", "another key"],
)
def test_builtin_model_is_for_boards_that_say_themselves_they_are_stand_ins(
    query: dict[str, Any], allowed: bool
) -> None:
    faults = asl_board.device_faults(query, _model("builtin"), NAMES)
    assert (faults == []) == allowed
    if not allowed:
        assert "make quantize compile TOOLCHAIN=vitis (with MODEL=models/signnet" in faults[0]


def test_other_release_is_named_with_the_models_own() -> None:
    (fault,) = asl_board.device_faults(_query(V25), _model(), NAMES)
    assert f"{V25} (Vitis AI 2.5), got one for {V30} (Vitis AI 3.0)" in fault


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"kernels": []},
        {"kernels": None},
        {"kernels": "x"},
        {"kernels": {"fingerprint": V30}},
        {"kernels": ["x", None]},
        {"kernels": [{"name": "x"}]},
        _query("none"),
    ],
)
def test_board_without_a_fingerprint_is_none(query: dict[str, Any]) -> None:
    (fault,) = asl_board.device_faults(query, _model(), NAMES)
    assert "DPU must have a fingerprint" in fault


def _tool(folder: Path, script: str) -> str:
    path = folder / "xdputil"
    path.write_text(f"#!{sys.executable} -S\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(
    ("script", "match"),
    [
        ("print('W0101 a warning'); print('{\"kernels\": []}')", ""),
        ("import os; os.abort()", "got 'exit code -6'"),
        (
            "import sys; sys.exit('cannot create a dpu controller')",
            "got 'cannot create a dpu controller'",
        ),
        ("print('{\"kernels\": ')", "must describe the DPU"),
    ],
    ids=["json among warnings", "abort", "error", "half"],
)
def test_answers_of_xdputil(tmp_path: Path, script: str, match: str) -> None:
    found, trouble = asl_board.ask_device(_tool(tmp_path, script))
    assert match in trouble and bool(trouble) == bool(match)
    assert not match or "make doctor BOARD_IP=" in trouble  # nothing may be deployed there yet
    assert found == ({} if match else {"kernels": []})


def test_board_without_xdputil() -> None:
    assert "boot AMD's image" in asl_board.ask_device(None)[1]


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ("enabled active", (True, True)),
        ("disabled inactive", (False, False)),
        ("enabled activating", (True, True)),
        ("linked failed", (False, False)),
    ],
)
def test_state_of_the_service(tmp_path: Path, said: str, state: tuple[bool, bool]) -> None:
    enabled, active = said.split()
    tool = tmp_path / "systemctl"
    tool.write_text(f"#!/bin/sh\n[ $1 = is-enabled ] && echo {enabled} || echo {active}\nexit 3\n")
    tool.chmod(0o755)
    assert asl_board.service_state(str(tool)) == state
    assert asl_board.service_state(None) == (False, False)


def test_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asl_board.time, "time", lambda: 1000.0)
    assert asl_board.clock_faults(1100.0) == []
    (fault,) = asl_board.clock_faults(1700000000.0)
    assert "got -1699999000 s" in fault and "date -u -s @1700000000" in fault


def test_missing_module_is_named_with_the_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asl_board.sys, "version_info", (3, 8, 1))
    faults = asl_board.python_faults()
    assert f"Python must be 3.9 or newer, got 3.8.1 at {sys.executable}" in faults[0]
    (fault,) = [one for one in faults if one.startswith("vart")]
    assert f"importable by {sys.executable}, got" in fault and "board_python" in fault


class Archive:
    """A release of two files, and the archive of it."""

    def __init__(self, folder: Path) -> None:
        self.releases, self.path = str(folder / "releases"), str(folder / "a.tar.gz")
        self.data = {"target/a.py": b"a = 1\n", "model/m.xmodel": b"weights"}
        self.release = {
            "id": "0123456789ab",
            "files": {
                name: {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
                for name, data in self.data.items()
            },
        }
        self.folder = Path(self.releases) / "0123456789ab"

    def pack(self, **more: bytes) -> None:
        """Write the archive; `more` goes before what is in it by right."""
        entries = {"release.json": json.dumps(self.release).encode(), **self.data, **more}
        with tarfile.open(self.path, "w:gz") as archive:
            for name, data in entries.items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))

    def put(self, only_check: bool = False) -> bool:
        return asl_release.put(self.releases, self.release, self.path, only_check)


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    made = Archive(tmp_path)
    made.pack()
    return made


def test_release_is_put_once_and_then_checked(archive: Archive) -> None:
    assert archive.put(only_check=True) and not archive.folder.exists()
    assert archive.put() and (archive.folder / "target/a.py").read_bytes() == b"a = 1\n"
    assert (archive.folder / "target/a.py").stat().st_mode & 0o777 == 0o644
    assert not archive.put()
    (archive.folder / "model/m.xmodel").write_bytes(b"weighty")
    with pytest.raises(asl_release.Refused, match="must have sha256"):
        archive.put()


def test_what_a_kill_left_of_a_small_file_is_no_obstacle(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive.put()
    settings = str(archive.folder / "settings.json.new")
    monkeypatch.setattr(asl_files.os, "fsync", lambda handle: 1 / 0)  # as good as kill -9
    with pytest.raises(ZeroDivisionError):
        asl_files.put(settings, "{}", 0o644)
    monkeypatch.undo()
    (archive.folder / ".asl-x1y2").write_text("")
    there = sorted(path.name for path in archive.folder.iterdir())
    assert {".asl-x1y2", "settings.json.new.part"} <= set(there)
    assert archive.put(only_check=True)
    assert sorted(path.name for path in archive.folder.iterdir()) == there
    assert archive.put() and not archive.put()
    assert sorted(set(there) - {path.name for path in archive.folder.iterdir()}) == [
        ".asl-x1y2",
        "settings.json.new.part",
    ]
    asl_files.put(settings + "x", "a", 0o644)  # over what was left of it
    (archive.folder / "settings.json.newx").unlink()
    (archive.folder / "mine").write_text("")
    with pytest.raises(
        asl_release.Refused, match="mine in .*; rm it on the board, then make deploy"
    ):
        archive.put()


@pytest.mark.parametrize(
    ("more", "match"),
    [
        ({"model/m.xmodel": b"weightz"}, "must have sha256"),
        ({"../evil": b""}, "the release's files alone"),
        ({"target/b.py": b""}, "the release's files alone"),
        ({"release.json": b"{}"}, "must be the one that was sent"),
    ],
    ids=["a byte", "outside", "one too many", "another"],
)
def test_archive_that_is_not_the_release_leaves_nothing_in_place(
    archive: Archive, more: dict[str, bytes], match: str
) -> None:
    archive.pack(**more)
    with pytest.raises(asl_release.Refused, match=match):
        archive.put()
    assert not archive.folder.exists()
    archive.pack()
    assert archive.put()  # what was left over is no obstacle


def test_file_that_is_missing_in_the_archive_is_noticed(archive: Archive) -> None:
    del archive.data["target/a.py"]
    archive.pack()
    with pytest.raises(asl_release.Refused, match="must hold its files"):
        archive.put()


def test_link_in_an_archive_is_refused(archive: Archive) -> None:
    with tarfile.open(archive.path, "w:gz") as packed:
        info = tarfile.TarInfo("target/a.py")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        packed.addfile(info)
    with pytest.raises(asl_release.Refused, match="the release's files alone"):
        archive.put()


def _releases(folder: Path, count: int) -> Path:
    for number in range(count):
        path = folder / "releases" / f"{number:012x}"
        path.mkdir(parents=True)
        os.utime(path, (1000 + number, 1000 + number))
    return folder / "releases"


def test_the_last_three_are_kept_and_those_in_use(tmp_path: Path) -> None:
    releases = str(_releases(tmp_path, 6))
    names = [f"{number:012x}" for number in range(6)]
    assert asl_release.surplus(releases, 3, []) == names[:3]
    assert asl_release.surplus(releases, 3, [names[0], names[5]]) == names[1:4]
    assert asl_release.surplus(releases, 3, [names[0], "", "not there yet"]) == names[1:4]
    assert asl_release.surplus(str(tmp_path / "none"), 3, []) == []
    for name in names[1:4]:  # these were in service
        (tmp_path / "releases" / name / "settings.json").write_text("{}")
    assert asl_release.surplus(releases, 3, []) == [names[0], *names[4:]]


def test_room_is_needed_for_a_release_that_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    releases, new = _releases(tmp_path, 1), {"id": "f" * 12, "files": {"a": {"bytes": 3 << 20}}}
    there, old = {**new, "id": "0" * 12}, ["0" * 12]
    free = types.SimpleNamespace(free=asl_release.LEFT_BYTES + (6 << 20))
    monkeypatch.setattr(asl_release.shutil, "disk_usage", lambda place: free)
    asl_release.check_room(str(releases), new, [])
    asl_release.check_room(str(tmp_path / "not/there/yet"), new, [])
    free.free -= 1 << 20
    with pytest.raises(
        asl_release.Refused, match="must have 70 MB free .* got 69 MB at .*releases;"
    ):
        asl_release.check_room(str(releases), new, [])
    asl_release.check_room(str(releases), there, [])  # nothing is copied
    (releases / old[0] / "model").mkdir()
    (releases / old[0] / "model/m").write_bytes(b"m" * (1 << 20))
    asl_release.check_room(str(releases), new, old)  # it goes before


def test_removing_leaves_no_half_releases(tmp_path: Path) -> None:
    releases = _releases(tmp_path, 2)
    (releases / ".000000000000.part").mkdir()
    assert asl_release.remove(str(releases), ["000000000000"], True)
    assert len(list(releases.iterdir())) == 3
    assert asl_release.remove(str(releases), ["000000000000"], False)
    assert [path.name for path in releases.iterdir()] == ["000000000001"]
    assert not asl_release.remove(str(releases), ["000000000000"], False)


def test_small_files_are_written_whole_and_can_be_put_back(tmp_path: Path) -> None:
    path = str(tmp_path / "new/asl.service")
    before = asl_files.seen(path, "0644")
    assert before == {"content": None, "mode": "0644"}
    asl_files.put(path, "[Unit]\n", 0o600)
    assert asl_files.seen(path, "0644") == {"content": "[Unit]\n", "mode": "0600"}
    asl_files.put(path, before["content"], 0o644)
    assert list((tmp_path / "new").iterdir()) == []
    (tmp_path / "new/asl.service.part").write_text("half of it, of a deployment that was killed")
    asl_files.put(path, "[Unit]\n", 0o644)
    assert [one.name for one in (tmp_path / "new").iterdir()] == ["asl.service"]
