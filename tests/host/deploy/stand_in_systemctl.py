"""A stand-in for systemctl: really starts, stops, watches over and reports the processes of one unit.

Knows what asl.service needs: Type=notify, WatchdogSec, Restart=always with RestartSec, EnvironmentFile,
StateDirectory and RuntimeDirectory below PREFIX. What it does not know of, such as users and sandboxes, it
leaves out. What has begun goes on when the caller is killed, as with systemd: a supervisor does it. Standard
library only; nothing of the project is imported here.

    PREFIX/etc/systemd/system/asl.service    PREFIX/run/systemd/asl.json    PREFIX/var/log/asl.log
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Dict, List, Optional

PREFIX = Path(os.environ["STAND_IN_PREFIX"])
UNITS = PREFIX / "etc/systemd/system"
WANTS = UNITS / "multi-user.target.wants"
STATES = PREFIX / "run/systemd"
LOGS = PREFIX / "var/log"
_POLL_S = 0.05


class Unit:
    """A unit file, as it is when it is read."""

    def __init__(self, name: str) -> None:
        self.name = name if name.endswith(".service") else f"{name}.service"
        self.path = UNITS / self.name
        self.values: Dict[str, List[str]] = {}
        if not self.path.is_file():
            raise FileNotFoundError(f"Unit {self.name} not found.")
        for line in self.path.read_text(encoding="utf-8").splitlines():
            key, separator, value = line.partition("=")
            if separator and not line.startswith(("#", ";")):
                self.values.setdefault(key.strip(), []).append(value.strip())

    def last(self, key: str, default: str = "") -> str:
        return self.values.get(key, [default])[-1]

    def seconds(self, key: str, default: float) -> float:
        text = self.last(key)
        return float(text.rstrip("s")) if text else default

    @property
    def state_file(self) -> Path:
        return STATES / f"{self.name}.json"

    @property
    def log_file(self) -> Path:
        return LOGS / f"{self.name}.log"

    def environment(self) -> Dict[str, str]:
        """Return the environment of the service: little of the caller's."""
        found = {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}
        for key, folder, variable in (
            ("StateDirectory", PREFIX / "var/lib", "STATE_DIRECTORY"),
            ("RuntimeDirectory", PREFIX / "run", "RUNTIME_DIRECTORY"),
        ):
            if self.last(key):
                place = folder / self.last(key)
                place.mkdir(parents=True, exist_ok=True)
                found[variable] = str(place)
        for text in self.values.get("Environment", []):
            found.update(word.split("=", 1) for word in shlex.split(text))
        for name in self.values.get("EnvironmentFile", []):
            path = Path(name.lstrip("-"))
            if not path.is_file() and name.startswith("-"):
                continue
            for line in path.read_text(encoding="utf-8").splitlines():
                if "=" in line and not line.startswith(("#", ";")):
                    variable, value = line.split("=", 1)
                    found[variable.strip()] = "".join(shlex.split(value)[:1])
        return found


def read_state(unit: Unit) -> Dict[str, Any]:
    """Return what the supervisor last wrote; inactive if it is gone."""
    try:
        state: Dict[str, Any] = json.loads(unit.state_file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {"active": "inactive", "supervisor": 0, "pid": 0, "restarts": 0, "starts": 0}
    if not is_alive(int(state["supervisor"])):
        state.update(active="inactive", supervisor=0, pid=0)
    return state


def is_alive(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    except OSError:
        return False
    return pid > 0 and text.rpartition(")")[2].split()[0] != "Z"


class Supervisor:
    """Keeps a unit's process running until SIGTERM; SIGUSR1 replaces it by a new one."""

    def __init__(self, unit: Unit) -> None:
        self._unit = unit
        self._ends = self._renews = False
        self._starts = 0
        self._pid = 0
        self._restarts = 0
        self._ready = False
        self._alive_s = 0.0
        self._notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._address = STATES / f"{unit.name}.notify"
        self._address.unlink(missing_ok=True)
        self._notify.bind(str(self._address))
        self._notify.settimeout(_POLL_S)
        signal.signal(signal.SIGTERM, self._end)
        signal.signal(signal.SIGUSR1, self._renew)

    def _renew(self, number: int, frame: object) -> None:
        self._renews = True

    def _end(self, number: int, frame: object) -> None:
        self._ends = True

    def run(self) -> None:
        """Start the process again and again."""
        while not self._ends:
            self._once()
            if self._ends:
                break
            if self._renews:
                self._renews, self._restarts = False, 0
                continue
            self._restarts += 1
            self._write("activating")
            time.sleep(self._unit.seconds("RestartSec", 0.1))
        self._write("inactive")
        self._address.unlink(missing_ok=True)

    def _once(self) -> None:
        unit = Unit(self._unit.name)
        environment = unit.environment()
        watchdog_s = unit.seconds("WatchdogSec", 0)
        environment["NOTIFY_SOCKET"] = str(self._address)
        if watchdog_s:
            environment["WATCHDOG_USEC"] = str(int(watchdog_s * 1e6))
        with unit.log_file.open("ab") as log:
            child = subprocess.Popen(
                shlex.split(unit.last("ExecStart")),
                cwd=unit.last("WorkingDirectory", "/"),
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._pid, self._ready, began_s = child.pid, False, time.monotonic()
        self._alive_s = began_s
        self._starts += 1
        self._write("activating")
        while child.poll() is None:
            if self._ends or self._renews:
                child.terminate()
                try:
                    child.wait(unit.seconds("TimeoutStopSec", 10))
                except subprocess.TimeoutExpired:
                    child.kill()
                    child.wait()
                return
            self._hear()
            late_s = watchdog_s if self._ready else unit.seconds("TimeoutStartSec", 90)
            if late_s and time.monotonic() - self._alive_s > late_s:
                self._say(
                    f"{'Watchdog timeout' if self._ready else 'Start timeout'}; killing {child.pid}"
                )
                child.send_signal(signal.SIGABRT)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    child.wait(2)
                child.kill()
        self._say(f"Main process exited with {child.returncode}")

    def _hear(self) -> None:
        try:
            lines = self._notify.recv(4096).decode("utf-8", "replace").splitlines()
        except OSError:
            return
        if "READY=1" in lines:
            self._ready = True
            self._write("active")
        if "READY=1" in lines or "WATCHDOG=1" in lines:
            self._alive_s = time.monotonic()

    def _say(self, words: str) -> None:
        with self._unit.log_file.open("a", encoding="utf-8") as log:
            log.write(f"systemd[1]: {self._unit.name}: {words}\n")

    def _write(self, active: str) -> None:
        state = {
            "active": active,
            "supervisor": os.getpid(),
            "pid": self._pid if active != "inactive" else 0,
            "restarts": self._restarts,
            "starts": self._starts,
        }
        temporary = self._unit.state_file.with_suffix(".new")
        temporary.write_text(json.dumps(state), encoding="utf-8")
        temporary.replace(self._unit.state_file)


def start(unit: Unit) -> int:
    """Start a unit and wait until it is ready, or has ended once."""
    if read_state(unit)["active"] == "inactive":
        STATES.mkdir(parents=True, exist_ok=True)
        LOGS.mkdir(parents=True, exist_ok=True)
        unit.state_file.unlink(missing_ok=True)
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                null = os.open(os.devnull, os.O_RDWR)
                for number in (0, 1, 2):
                    os.dup2(null, number)
                os.closerange(3, 256)
                os.chdir("/")
                Supervisor(unit).run()
            os._exit(0)
        os.wait()
    return await_start(unit, 1)


def await_start(unit: Unit, number: int) -> int:
    """Wait until start number so and so is ready, or has ended."""
    until = time.monotonic() + unit.seconds("TimeoutStartSec", 90)
    while time.monotonic() < until:
        state = read_state(unit)
        if state["starts"] >= number and state["active"] == "active":
            return 0
        if state["starts"] >= number and state["restarts"]:
            break
        time.sleep(_POLL_S)
    sys.stderr.write(
        f"Job for {unit.name} failed because the control process exited with error code.\n"
        f'See "systemctl status {unit.name}" and "journalctl -xeu {unit.name}" for details.\n'
    )
    return 1


def restart(unit: Unit) -> int:
    """Replace a unit's process by a new one, and wait until that is ready."""
    state = read_state(unit)
    if state["active"] == "inactive":
        return start(unit)
    os.kill(int(state["supervisor"]), signal.SIGUSR1)
    return await_start(unit, int(state["starts"]) + 1)


def stop(unit: Unit) -> int:
    """Stop a unit and wait for its end."""
    supervisor = int(read_state(unit)["supervisor"])
    if supervisor:
        with contextlib.suppress(ProcessLookupError):
            os.kill(supervisor, signal.SIGTERM)
        while is_alive(supervisor):
            time.sleep(_POLL_S)
    return 0


def enable(unit: Unit) -> int:
    """Link a unit where it starts at boot."""
    WANTS.mkdir(parents=True, exist_ok=True)
    link = WANTS / unit.name
    link.unlink(missing_ok=True)
    link.symlink_to(unit.path)
    return 0


def disable(unit: Unit, now: bool) -> int:
    """Remove that link."""
    (WANTS / unit.name).unlink(missing_ok=True)
    return stop(unit) if now else 0


def status(unit: Unit) -> int:
    """Print how a unit is."""
    state = read_state(unit)
    print(f"{unit.name}: {state['active']}, pid {state['pid']}, {state['restarts']} restarts")
    return 0 if state["active"] == "active" else 3


def is_active(unit: Unit) -> int:
    """Print the state alone."""
    active = read_state(unit)["active"]
    print(active)
    return 0 if active == "active" else 3


def is_enabled(unit: Unit) -> int:
    """Print whether it starts at boot."""
    enabled = (WANTS / unit.name).is_symlink()
    print("enabled" if enabled else "disabled")
    return 0 if enabled else 1


def main(argv: Optional[List[str]] = None) -> int:
    """Run the command."""
    words = sys.argv[1:] if argv is None else argv
    options = {word for word in words if word.startswith("-")}
    words = [word for word in words if not word.startswith("-")]
    if words == ["daemon-reload"]:
        return 0  # units are read anew at every start
    if len(words) != 2:
        print("Unknown command verb", *words, file=sys.stderr)
        return 1
    verb, name = words
    if verb == "try-restart" and name == "systemd-journald":
        return 0  # there is none, and try-restart leaves alone what does not run
    try:
        unit = Unit(name)
    except FileNotFoundError as error:
        print(f"Failed to {verb} {name}: {error}", file=sys.stderr)
        return 5
    verbs = {
        "start": lambda: start(unit),
        "stop": lambda: stop(unit),
        "restart": lambda: restart(unit),
        "enable": lambda: enable(unit),
        "disable": lambda: disable(unit, "--now" in options),
        "status": lambda: status(unit),
        "is-active": lambda: is_active(unit),
        "is-enabled": lambda: is_enabled(unit),
    }
    if verb not in verbs:
        print(f"Unknown command verb '{verb}'.", file=sys.stderr)
        return 1
    return verbs[verb]()


if __name__ == "__main__":
    sys.exit(main())
