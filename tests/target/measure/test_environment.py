from __future__ import annotations

import json
from pathlib import Path

import pytest

from target.measure import environment


def test_environment_names_machine_and_versions() -> None:
    found = environment.describe_environment()
    assert set(found) == {
        "machine", "cpu", "cores", "memory_mb", "system", "python", "governor", "load_average",
        "versions",
    }  # fmt: skip
    assert found["versions"]["numpy"]
    assert json.loads(json.dumps(found)) == found


def test_environment_of_a_machine_that_tells_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(self: Path, **options: object) -> str:
        raise FileNotFoundError(self)

    monkeypatch.setattr(Path, "read_text", silent)
    monkeypatch.setattr(environment.platform, "processor", lambda: "")
    found = environment.describe_environment()
    assert (found["cpu"], found["memory_mb"], found["governor"]) == (None, None, None)


def test_environment_of_a_board(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = {
        "/proc/cpuinfo": "processor : 0\nCPU part : 0xd03\n",
        "/proc/device-tree/model": "ZynqMP ZCU104 RevC\0",
        "/proc/meminfo": "MemTotal:        2043652 kB\n",
        "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "performance\n",
    }
    monkeypatch.setattr(Path, "read_text", lambda self, **options: texts[str(self)])
    found = environment.describe_environment()
    assert found["cpu"] == "ZynqMP ZCU104 RevC"
    assert found["memory_mb"] == 1995  # 2043652 / 1024
    assert found["governor"] == "performance"
