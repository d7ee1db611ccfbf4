"""A board on this machine: a real sshd on a port of its own, stand-ins for AMD's runtime and for systemctl.

Everything lies below one folder; users, sandboxes and /etc are left alone.
"""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.board_stand_ins.install import install

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
SSHD = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/usr/bin")
ANSIBLE = ROOT / ".venv-deploy" / "bin" / "ansible-playbook"
_CONFIG = """
ListenAddress 127.0.0.1
Port {port}
HostKey {prefix}/etc/ssh/host_key
AuthorizedKeysFile {prefix}/etc/ssh/authorized_keys
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
SetEnv PATH={prefix}/bin:/usr/bin:/bin
ForceCommand {prefix}/bin/session
"""
# A session's process; killed shortly after its start, children and all, while the file `armed` is there.
_SESSION = """#!{python} -S
import os, signal, subprocess, sys, time
child = subprocess.Popen(["/bin/sh", "-c", os.environ.get("SSH_ORIGINAL_COMMAND", "exit 1")], process_group=0)
if os.path.exists({armed!r}):
    time.sleep(float(open({armed!r}).read()))
    os.killpg(child.pid, signal.SIGKILL)
    os.kill(os.getppid(), signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)
sys.exit(child.wait())
"""
_TOOL = '#!/bin/sh\nSTAND_IN_PREFIX="{prefix}" exec "{python}" -S "{script}" "$@"\n'


class Loopback:
    """One board.

    Args:
        folder: Short: sockets below it have names of at most 107 bytes.
        without: Of vart, xir, xdputil: what it lacks.

    Attributes:
        prefix: Its file system, so to speak.
        port: Of its sshd.
        key: Private key to log in with.
        known_hosts: Of the machine that deploys.
    """

    def __init__(self, folder: Path, without: tuple[str, ...] = (), **device: Any) -> None:
        self.prefix = folder
        self.armed = folder / "armed"
        self.key, self.known_hosts = folder / "client" / "key", folder / "client" / "known hosts"
        self.app = folder / "opt/asl"
        self.socket = folder / "run/asl/health.sock"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        install(folder, without=without, **device)
        for tool in ("systemctl", "journalctl"):
            self._script(tool, _TOOL, script=HERE / f"stand_in_{tool}.py", prefix=folder)
        self._script("session", _SESSION, armed=str(self.armed))
        self._make_keys()
        self._sshd: subprocess.Popen[bytes] | None = None
        self.begin()

    def _script(self, name: str, text: str, **values: Any) -> None:
        path = self.prefix / "bin" / name
        path.write_text(text.format(python=sys.executable, **values), encoding="utf-8")
        path.chmod(0o755)

    def _make_keys(self) -> None:
        etc = self.prefix / "etc/ssh"
        etc.mkdir(parents=True)
        self.key.parent.mkdir()
        for path in (etc / "host_key", self.key):
            command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", str(path)]
            subprocess.run(command, check=True)
        shutil.copyfile(f"{self.key}.pub", etc / "authorized_keys")

    @property
    def fingerprint(self) -> str:
        """SHA256:... of the host key, as ssh-keygen prints it."""
        command = ["ssh-keygen", "-l", "-f", str(self.prefix / "etc/ssh/host_key")]
        return subprocess.check_output(command, text=True).split()[1]

    def begin(self) -> None:
        """Start the sshd."""
        assert SSHD is not None
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # sshd does not start without
        config = self.prefix / "etc/ssh/sshd_config"
        config.write_text(_CONFIG.format(port=self.port, prefix=self.prefix), encoding="utf-8")
        log = (self.prefix / "sshd.log").open("ab")
        self._sshd = subprocess.Popen(
            [SSHD, "-D", "-e", "-f", str(config)], stdin=subprocess.DEVNULL, stderr=log
        )
        log.close()
        for _ in range(400):
            with socket.socket() as probe, contextlib.suppress(OSError):
                probe.connect(("127.0.0.1", self.port))
                return
            time.sleep(0.05)
        raise RuntimeError((self.prefix / "sshd.log").read_text(encoding="utf-8"))

    def shut(self) -> None:
        """End the sshd and its sessions; the service runs on."""
        if self._sshd is not None:
            kill_tree(self._sshd.pid)
            self._sshd.wait()
            self._sshd = None

    def end(self) -> None:
        """End everything."""
        self.shut()
        if (self.prefix / "etc/systemd/system/asl.service").is_file():
            self.tool("systemctl", "stop", "asl")

    def tool(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a program of the board as a session would."""
        path = {"PATH": f"{self.prefix}/bin:/usr/bin:/bin"}
        command = [str(self.prefix / "bin" / words[0]), *words[1:]]
        return subprocess.run(command, env=path, capture_output=True, text=True, check=False)

    @property
    def settings(self) -> dict[str, str]:
        """What an inventory says of it."""
        return {
            "board_prefix": str(self.app),
            "board_python": str(self.prefix / "bin/python3"),
            "board_units": str(self.prefix / "etc/systemd/system"),
            "board_journald": str(self.prefix / "etc/systemd/journald.conf.d"),
            "board_run": str(self.prefix / "run/asl"),
            "board_states": str(self.prefix / "var/lib/asl"),
            "board_input": "/dev/video250",  # none: the page waits for it
            "board_page_host": "127.0.0.1",
            "board_page_port": "0",
        }

    @property
    def options(self) -> list[str]:
        """What the commands need to reach it."""
        words = ["--board-ip", "127.0.0.1", "--board-port", str(self.port), *self.login]
        return [*words, *(w for item in self.settings.items() for w in ("--set", "=".join(item)))]

    @property
    def login(self) -> list[str]:
        """User and keys."""
        user = ["--board-user", getpass.getuser(), "--board-key", str(self.key)]
        return [*user, "--known-hosts", str(self.known_hosts)]

    def trust(self) -> None:
        """Accept its host key, as a person does."""
        from host.deploy.known_hosts import trust

        trust("127.0.0.1", self.port, self.fingerprint, self.known_hosts)

    def health(self, wait: float = 0, *more: str) -> dict[str, Any]:
        """Ask the service, as the board's own command does; {} if it does not answer or is not well."""
        folder = self.app / "current"
        if not folder.is_dir():
            return {}
        words = ["-m", "target", "health", "--json", "--socket", str(self.socket)]
        done = subprocess.run(
            [sys.executable, "-B", *words, "--wait", str(wait), *more],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        return json.loads(done.stdout) if not done.returncode else {}

    @property
    def releases(self) -> list[str]:
        """Names below releases/."""
        return sorted(path.name for path in (self.app / "releases").iterdir())

    @property
    def current(self) -> str:
        """Id of the release in service."""
        link = self.app / "current"
        return os.path.basename(os.readlink(link)) if link.is_symlink() else ""


def kill_tree(pid: int, number: int = signal.SIGKILL) -> None:
    """Kill a process and all below it."""
    children = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False
    )
    for child in children.stdout.split():
        kill_tree(int(child), number)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


@contextlib.contextmanager
def loopback(without: tuple[str, ...] = (), **device: Any) -> Iterator[Loopback]:
    """Make a board, and take it away."""
    with tempfile.TemporaryDirectory(prefix="asl", ignore_cleanup_errors=True) as made:
        board = Loopback(Path(made), without, **device)
        try:
            yield board
        finally:
            board.end()
