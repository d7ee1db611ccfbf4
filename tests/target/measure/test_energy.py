from __future__ import annotations

import sys
import threading
from pathlib import Path

import pytest

from target.measure import energy
from target.measure.energy import PowerCounter, find_counter, measure_energy
from target.measure.sensors import PowerFiles
from tests.target.measure.test_nvml import FakeNvml
from tests.target.stand_ins import FakeMachine

NO_SENSOR = Path("no-such-root")


class FakeTime:
    """The module time, with a clock that moves when it is told to."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def monotonic(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeTime:
    made = FakeTime()
    monkeypatch.setattr(energy, "time", made)
    return made


class FakeCounter:
    """A device that draws `idle_w`, and `extra_mj` more for every frame."""

    name = "a device"

    def __init__(self, clock: FakeTime, idle_w: float, extra_mj: float) -> None:
        self._clock, self._idle_w, self._extra_mj, self._frames = clock, idle_w, extra_mj, 0

    def joules(self) -> float:
        return self._idle_w * self._clock.now_s + self._frames * self._extra_mj / 1000

    def work(self) -> None:
        self._clock.now_s += 0.0078125  # 1/128 s
        self._frames += 1


def test_measure_energy_subtracts_what_the_device_draws_at_rest(clock: FakeTime) -> None:
    counter = FakeCounter(clock, idle_w=2.0, extra_mj=30.0)
    assert measure_energy(counter, counter.work) == {
        "sensor": "a device",
        "idle_w": 2.0,
        "busy_w": 5.84,  # 2 W and 128 frames a second of 30 mJ
        "seconds": 5.0,
        "frames": 640,
        "mj_per_frame": 30.0,
    }


def test_measure_energy_below_rest_is_unknown(clock: FakeTime) -> None:
    counter = FakeCounter(clock, idle_w=2.0, extra_mj=-1.0)  # it cooled down meanwhile
    found = measure_energy(counter, counter.work, idle_s=1.0, busy_s=1.0)
    assert (found["busy_w"], found["mj_per_frame"], found["frames"]) == (1.872, None, 128)


class FakeSensor(PowerFiles):
    """Gives one reading after the other, 0.5 s apart; then it fails."""

    def __init__(self, clock: FakeTime, watts: list[float]) -> None:
        super().__init__("a sensor", [])
        self._clock, self._left, self.exhausted = clock, watts, threading.Event()

    def watts(self) -> float:
        if not self._left:
            self.exhausted.set()
            raise OSError("busy")
        value = self._left.pop(0)
        if value < 0:
            raise ValueError("no number")
        if self._left:
            self._clock.now_s += 0.5
        return value


def test_power_counter_adds_up_trapezoids(clock: FakeTime) -> None:
    sensor = FakeSensor(clock, [1.0, 3.0, 5.0])  # at 0, 0.5 and 1 s
    counter = PowerCounter(sensor, period_s=0.001)
    assert sensor.exhausted.wait(60)
    counter.close()
    # (1 + 3) / 2 * 0.5 + (3 + 5) / 2 * 0.5
    assert counter.joules() == 3.0
    clock.now_s += 0.25  # until now it draws what it drew last
    assert counter.joules() == 4.25


def test_power_counter_passes_over_a_reading_that_failed(clock: FakeTime) -> None:
    sensor = FakeSensor(clock, [4.0, -1.0, -1.0, 4.0, 4.0])
    counter = PowerCounter(sensor, period_s=0.001)
    assert sensor.exhausted.wait(60)
    counter.close()
    assert counter.joules() == 4.0  # 4 W for a second


def test_power_counter_does_not_make_up_what_a_lost_sensor_drew(clock: FakeTime) -> None:
    sensor = FakeSensor(clock, [4.0])
    counter = PowerCounter(sensor, period_s=0.001)
    counter.close()
    clock.now_s += 5.0
    with pytest.raises(OSError, match="a sensor gives no answer any more"):
        counter.joules()


def test_power_counter_ends_its_thread(clock: FakeTime) -> None:
    before = threading.active_count()
    counter = PowerCounter(FakeSensor(clock, [1.0]), period_s=3600)
    assert threading.active_count() == before + 1
    counter.close()
    assert threading.active_count() == before


def test_find_counter_prefers_the_board_to_the_processor(tmp_path: Path) -> None:
    machine = FakeMachine(tmp_path)
    machine.rapl("intel-rapl:0", "package-0", 0)
    found = find_counter("CPU, LiteRT", tmp_path)
    assert found is not None and found.name == "processor, RAPL (1 package)"
    machine.hwmon(0, "ina226", power1_input=9000000)
    found = find_counter("DPUCZDX8G through VART", tmp_path)
    assert isinstance(found, PowerCounter) and found.name == "board, ina226 through hwmon (1 rail)"
    found.close()


@pytest.mark.parametrize("device", ["DPUCZDX8G through VART", "CPU, LiteRT"])
def test_find_counter_is_none_where_no_sensor_is(
    device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", FakeNvml())  # a GPU that does none of the work
    assert find_counter(device, NO_SENSOR) is None


def test_find_counter_of_a_gpu_is_the_gpus(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    FakeMachine(tmp_path).rapl("intel-rapl:0", "package-0", 0)
    device = "GPU NVIDIA H200, Keras on torch"
    monkeypatch.setitem(sys.modules, "pynvml", FakeNvml())
    found = find_counter(device, tmp_path)
    assert found is not None and found.name == "GPU NVIDIA H200, NVML"
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert find_counter(device, tmp_path) is None  # the processor's energy is not the GPU's
