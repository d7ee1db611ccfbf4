"""Ansible module: names the release that launch.py is to try once, or takes that back.

Runs on the board under its own Python (3.8 on), standard library only. A trial is good for as long as it
may last: a restart later, whoever cut this deployment off, starts the release in service.
"""

from __future__ import annotations

import json
import os
import secrets
import time

DOCUMENTATION = """
module: asl_trial
short_description: names the release that is to be tried once
"""


def main() -> None:
    """Do what the playbook asks for."""
    from ansible.module_utils.basic import AnsibleModule  # only Ansible runs this

    module = AnsibleModule(
        argument_spec={
            "prefix": {"type": "str", "required": True},
            "release": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "seconds": {"type": "int", "default": 60},
        },
        supports_check_mode=True,
    )
    given, now = module.params, time.monotonic()
    path = os.path.join(given["prefix"], "trial")
    try:
        changed = given["state"] == "present" or os.path.exists(path)
        if module.check_mode:
            pass
        elif given["state"] == "absent":
            if changed:
                os.unlink(path)
        else:
            trial = {
                "release": given["release"],
                "nonce": secrets.token_hex(8),
                "seconds": given["seconds"],
                "since": now,
                "until": now + given["seconds"],
            }
            with open(f"{path}.new", "w", encoding="utf-8") as file:
                json.dump(trial, file)
            os.chmod(f"{path}.new", 0o644)
            os.replace(f"{path}.new", path)
    except OSError as error:
        module.fail_json(msg=f"trial must be one that can be written, got '{error}'")
    module.exit_json(changed=changed)


if __name__ == "__main__":
    main()
