"""Ansible module: writes a few small files, each whole or not at all, and says what was there before.

    files: {PATH: {content: ..., mode: "0644"}}     content: null removes the file
    -> before: the same form, to be given again if the change is to be undone
    suffix: .new    a file that differs is left alone, and what it shall be is written to PATH.new beside it

Runs on the board under its own Python (3.8 on), standard library only.
"""

from __future__ import annotations

import contextlib
import os
from typing import Any, Dict, Optional

DOCUMENTATION = """
module: asl_files
short_description: writes small files and returns what was there before
"""
PART = ".part"  # asl_release knows it too


def main() -> None:
    """Do what the playbook asks for."""
    from ansible.module_utils.basic import AnsibleModule  # only Ansible runs this

    module = AnsibleModule(
        argument_spec={
            "files": {"type": "dict", "required": True},
            "suffix": {"type": "str", "default": ""},
        },
        supports_check_mode=True,
    )
    suffix = module.params["suffix"]
    wanted: Dict[str, Dict[str, Any]] = module.params["files"]
    try:
        before = {path: seen(path, wanted[path]["mode"]) for path in wanted}
        changed = [path for path in wanted if before[path] != wanted[path]]
        left = [
            p + suffix for p in wanted if suffix and p not in changed and os.path.exists(p + suffix)
        ]
        for path in left if not module.check_mode else []:
            os.unlink(path)  # of a deployment that was cut off
        for path in changed if not module.check_mode else []:
            put(path + suffix, wanted[path]["content"], int(wanted[path]["mode"], 8))
    except OSError as error:
        module.fail_json(
            msg=f"file must be one that can be written, got '{error.strerror}' for {error.filename};"
            " deploy as root, or set board_become in the inventory"
        )
    module.exit_json(changed=bool(changed or left), before=before, paths=changed)


def seen(path: str, mode: str) -> Dict[str, Any]:
    """Return content and mode of a file as they are."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return {
                "content": file.read(),
                "mode": f"{os.fstat(file.fileno()).st_mode & 0o7777:04o}",
            }
    except FileNotFoundError:
        return {"content": None, "mode": mode}


def put(path: str, content: Optional[str], mode: int) -> None:
    """Write a file, or remove it; what a kill leaves has a name that the next time takes over."""
    part = path + PART
    with contextlib.suppress(FileNotFoundError):
        os.unlink(part)
    if content is None:
        os.unlink(path)
        return
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(
        os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8"
    ) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.chmod(part, mode)
    os.replace(part, path)


if __name__ == "__main__":
    main()
