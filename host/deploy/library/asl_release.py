"""Ansible module: puts releases in place on the board, whole or not at all, and removes old ones.

    state: present    unpack `archive` beside the others, check every sha256, rename to releases/ID
    state: pruned     remove all but the last `keep` releases and those named in `protect`, if there is room
                      for `release` then, or it is there
    state: absent     remove releases/ID unless it is in service

Runs on the board under its own Python (3.8 on), standard library only.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tarfile
from typing import Any, Dict, List, Set, Tuple

DOCUMENTATION = """
module: asl_release
short_description: puts a release in place, or removes old ones
"""
NAME = "release.json"
SETTINGS = {"settings.json", "settings.json.new"}  # this board's, beside the release's own files
# What a kill leaves of writing those: of asl_files.
LEFT = re.compile(r"settings\.json(\.new)?\.part|\.asl-.*")
ID = re.compile("[0-9a-f]{12}")
LEFT_BYTES = 64 << 20  # of the disk, besides a new release and its archive


class Refused(Exception):
    """What an archive or a release is not."""


def main() -> None:
    """Do what the playbook asks for."""
    from ansible.module_utils.basic import AnsibleModule  # only Ansible runs this

    module = AnsibleModule(
        argument_spec={
            "prefix": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "pruned", "absent"], "required": True},
            "release": {"type": "dict"},
            "archive": {"type": "str"},
            "keep": {"type": "int", "default": 3},
            "protect": {"type": "list", "elements": "str", "default": []},
        },
        required_if=[
            ("state", "present", ["release", "archive"]),
            ("state", "pruned", ["release"]),
            ("state", "absent", ["release"]),
        ],
        supports_check_mode=True,
    )
    given = module.params
    releases = os.path.join(given["prefix"], "releases")
    try:
        if given["state"] == "present":
            changed = put(releases, given["release"], given["archive"], module.check_mode)
            module.exit_json(changed=changed)
        if given["state"] == "absent":
            doomed = [given["release"]["id"]]
        else:
            doomed = surplus(releases, given["keep"], given["protect"])
        doomed = [one for one in doomed if one != in_service(given["prefix"])]
        if given["state"] == "pruned":
            check_room(releases, given["release"], doomed)
        module.exit_json(changed=remove(releases, doomed, module.check_mode), removed=doomed)
    except (Refused, OSError, tarfile.TarError, ValueError) as error:
        module.fail_json(msg=str(error))


def put(releases: str, release: Dict[str, Any], archive: str, only_check: bool) -> bool:
    """Put a release in place; returns whether anything changed.

    Raises:
        Refused: If what the archive holds is not the release.
    """
    folder = os.path.join(releases, release["id"])
    if os.path.isdir(folder):
        check(folder, release)
        left = [name for name in os.listdir(folder) if LEFT.fullmatch(name)]
        for name in left if not only_check else []:
            os.unlink(os.path.join(folder, name))
        return bool(left)
    if only_check:
        return True
    part = os.path.join(releases, f".{release['id']}.part")
    shutil.rmtree(part, ignore_errors=True)
    os.makedirs(part)
    with tarfile.open(archive) as packed:
        for member in packed:
            path = os.path.normpath(member.name)
            known = path == NAME or path in release["files"]
            if not member.isfile() or not known:
                raise Refused(f"archive must hold the release's files alone, got {member.name}")
            goal = os.path.join(part, path)
            os.makedirs(os.path.dirname(goal), exist_ok=True)
            source = packed.extractfile(member)
            assert source is not None
            with open(goal, "wb") as file:
                shutil.copyfileobj(source, file)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(goal, 0o644)
    for place, _, _ in os.walk(part):
        os.chmod(place, 0o755)
    check(part, release)
    os.sync()
    os.rename(part, folder)
    os.sync()
    return True


def check(folder: str, release: Dict[str, Any]) -> None:
    """Check every file of a release.

    Raises:
        Refused: If one is missing, differs, or is one too many.
    """
    with open(os.path.join(folder, NAME), encoding="utf-8") as file:
        if json.load(file) != release:
            raise Refused(
                f"{NAME} must be the one that was sent, got another one in {folder}; make undeploy, then"
                " make deploy again"
            )
    found: Set[str] = set()
    for place, folders, names in os.walk(folder):
        folders[:] = [one for one in folders if one != "__pycache__"]
        found.update(os.path.relpath(os.path.join(place, name), folder) for name in names)
    found = {name for name in found - SETTINGS if not LEFT.fullmatch(name)}
    odd = sorted(found ^ {NAME, *release["files"]})
    if odd:
        raise Refused(
            f"release must hold its files and no others, got it differ in {odd[0]} in {folder};"
            f" {'rm it on the board' if odd[0] in found else 'make undeploy'}, then make deploy again"
        )
    for name, facts in release["files"].items():
        got = sha256_of(os.path.join(folder, name))
        if got != facts["sha256"]:
            raise Refused(
                f"file must have sha256 {facts['sha256'][:16]}..., got {got[:16]}... in"
                f" {os.path.join(folder, name)}; make undeploy, then make deploy again"
            )


def sha256_of(path: str) -> str:
    """Return the SHA-256 of a file."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def surplus(releases: str, keep: int, protect: List[str]) -> List[str]:
    """Return the releases beyond the last `keep`, oldest first; protected ones count among the last.

    What never came into service, because its deployment was cut off, has no settings and goes first.
    """
    if not os.path.isdir(releases):
        return []
    names = [name for name in os.listdir(releases) if ID.fullmatch(name)]

    def worth(name: str) -> Tuple[bool, float]:
        folder = os.path.join(releases, name)
        return os.path.exists(os.path.join(folder, "settings.json")), os.stat(folder).st_mtime

    names.sort(key=worth, reverse=True)
    kept = [name for name in names if name in protect]
    rest = [name for name in names if name not in protect]
    return rest[max(keep - len(kept), 0) :][::-1]


def check_room(releases: str, release: Dict[str, Any], doomed: List[str]) -> None:
    """Check that the disk has room for a release and its archive, unless the release is there.

    Args:
        releases: Folder of all of them; need not be there.
        release: That is to come.
        doomed: Ids of those that go before.

    Raises:
        Refused: If it has not.
    """
    if os.path.isdir(os.path.join(releases, release["id"])):
        return
    place = os.path.abspath(releases)
    while not os.path.isdir(place):
        place = os.path.dirname(place)
    least = LEFT_BYTES + 2 * sum(one["bytes"] for one in release["files"].values())
    free = shutil.disk_usage(place).free
    for name in doomed:
        for folder, _, names in os.walk(os.path.join(releases, name)):
            free += sum(os.lstat(os.path.join(folder, one)).st_blocks * 512 for one in names)
    if free < least:
        raise Refused(
            f"disk must have {least >> 20} MB free for the release, got {free >> 20} MB at {place};"
            " remove files there, or set board_prefix to a larger disk"
        )


def in_service(prefix: str) -> str:
    """Return the id that `current` names; empty if there is none."""
    return os.path.basename(os.path.realpath(os.path.join(prefix, "current")))


def remove(releases: str, doomed: List[str], only_check: bool) -> bool:
    """Remove releases, and halves of some; returns whether there were any."""
    halves = []
    if os.path.isdir(releases):
        halves = [name for name in os.listdir(releases) if name.startswith(".")]
    gone = [os.path.join(releases, name) for name in [*doomed, *halves]]
    gone = [path for path in gone if os.path.isdir(path)]
    for path in gone if not only_check else []:
        half = os.path.join(releases, f".{os.path.basename(path).strip('.')}.gone")
        if path != half:
            os.rename(path, half)  # never half a release under its own name
        shutil.rmtree(half)
    return bool(gone)


if __name__ == "__main__":
    main()
