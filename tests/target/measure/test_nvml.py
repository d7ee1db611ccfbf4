from __future__ import annotations

import sys
import types
from typing import Any

import pytest

from target.measure.nvml import find_gpu_energy


class NvmlError(Exception):
    """As pynvml's: of no common kind."""


class FakeNvml(types.ModuleType):
    """pynvml with one GPU; its counter is in millijoules since the driver was loaded."""

    NVMLError = NvmlError

    def __init__(self, name: object = "NVIDIA H200", fails: str = "") -> None:
        super().__init__("pynvml")
        self.total_mj = 7_000_000
        self._name, self.fails = name, fails

    def _give(self, what: str, value: Any) -> Any:
        if self.fails == what:
            raise NvmlError(f"{what}: not supported")
        return value

    def nvmlInit(self) -> None:
        self._give("init", None)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> str:
        return str(self._give("handle", f"GPU {index}"))

    def nvmlDeviceGetName(self, handle: str) -> Any:
        assert handle == "GPU 0"
        return self._name

    def nvmlDeviceGetTotalEnergyConsumption(self, handle: str) -> int:
        assert handle == "GPU 0"
        return int(self._give("energy", self.total_mj))


@pytest.mark.parametrize("name", ["NVIDIA H200", b"NVIDIA H200"], ids=["text", "bytes"])
def test_gpu_energy_is_in_joules_since_it_was_made(
    name: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = FakeNvml(name)
    monkeypatch.setitem(sys.modules, "pynvml", library)
    found = find_gpu_energy()
    assert found is not None and found.name == "GPU NVIDIA H200, NVML"
    assert found.joules() == 0.0
    library.total_mj += 1250
    assert found.joules() == 1.25


@pytest.mark.parametrize("fails", ["init", "handle", "energy"])
def test_no_gpu_energy_without_driver_gpu_or_counter(
    fails: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", FakeNvml(fails=fails))
    assert find_gpu_energy() is None


def test_no_gpu_energy_without_pynvml(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert find_gpu_energy() is None


def test_a_gpu_that_is_lost_is_an_error_of_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    library = FakeNvml()
    monkeypatch.setitem(sys.modules, "pynvml", library)
    found = find_gpu_energy()
    assert found is not None
    library.fails = "energy"
    with pytest.raises(OSError, match="GPU NVIDIA H200, NVML gives no answer any more: energy"):
        found.joules()
