from __future__ import annotations

from pathlib import Path

import pytest

from target.measure.sensors import find_board_power, find_package_energy
from tests.target.stand_ins import FakeMachine


@pytest.fixture
def machine(tmp_path: Path) -> FakeMachine:
    return FakeMachine(tmp_path)


def test_nothing_is_found_where_nothing_is(machine: FakeMachine) -> None:
    assert find_board_power(machine.root) is None
    assert find_package_energy(machine.root) is None


def test_board_power_is_the_ina226_in_microwatts(machine: FakeMachine) -> None:
    machine.hwmon(0, "ams_ps", temp1_input=45000)
    machine.hwmon(1, "ina226", power1_input=12345678, curr1_input=1028, in1_input=12000)
    machine.hwmon(2, "irps5401", power1_input=99000000, power1_label="pin")
    found = find_board_power(machine.root)
    assert found is not None and found.watts() == 12.345678
    assert found.name == "board, ina226 through hwmon (1 rail)"


def test_rails_of_a_board_with_many_sensors_are_added(machine: FakeMachine) -> None:
    machine.hwmon(3, "ina226_u76", power1_input=1500000)
    machine.hwmon(10, "ina226_u77", power1_input=250000)
    found = find_board_power(machine.root)
    assert found is not None and found.watts() == 1.75
    assert found.name == "board, ina226 through hwmon (2 rails)"


def test_of_a_regulator_only_what_goes_in_counts(machine: FakeMachine) -> None:
    pin, pout = {"power1_input": 4000000, "power1_label": "pin"}, {"power2_label": "pout1"}
    machine.hwmon(0, "irps5401", **pin, **pout, power2_input=3500000)
    machine.hwmon(1, "irps5401", power1_input=2000000, power1_label="pin1", power2_input=1)
    machine.hwmon(2, "pmbus", power1_input=500000, power1_label="pout1")  # it tells nothing else
    found = find_board_power(machine.root)
    assert found is not None and found.watts() == 6.5
    assert found.name == "board, irps5401/pmbus through hwmon (3 rails)"


def test_a_sensor_that_cannot_be_read_is_none(machine: FakeMachine) -> None:
    machine.hwmon(0, "ina226", power1_input="")
    (machine.root / "sys/class/hwmon/hwmon0/power2_input").mkdir()
    machine.hwmon(1, "acpitz", power1_input=5)  # not one of the board's
    assert find_board_power(machine.root) is None


def test_a_sensor_that_fails_later_says_so(machine: FakeMachine) -> None:
    machine.hwmon(0, "ina226", power1_input=1000000)
    found = find_board_power(machine.root)
    assert found is not None
    machine.hwmon(0, "ina226", power1_input="")
    with pytest.raises(ValueError, match="invalid literal"):
        found.watts()
    (machine.root / "sys/class/hwmon/hwmon0/power1_input").unlink()
    with pytest.raises(FileNotFoundError):
        found.watts()


def test_package_energy_in_joules_since_it_was_made(machine: FakeMachine) -> None:
    machine.rapl("intel-rapl:0", "package-0", 5000000)
    found = find_package_energy(machine.root)
    assert found is not None and found.name == "processor, RAPL (1 package)"
    assert found.joules() == 0.0
    machine.rapl("intel-rapl:0", "package-0", 7500000)
    assert found.joules() == 2.5
    assert found.joules() == 2.5


def test_package_energy_counts_on_when_the_counter_starts_again(machine: FakeMachine) -> None:
    machine.rapl("intel-rapl:0", "package-0", 9000000, span=10000000)
    found = find_package_energy(machine.root)
    assert found is not None
    for energy_uj, joules in ((500000, 1.5), (9500000, 10.5), (1500000, 12.5)):
        machine.rapl("intel-rapl:0", "package-0", energy_uj, span=10000000)
        assert found.joules() == pytest.approx(joules, abs=1e-9)


def test_packages_are_added_their_parts_are_not(machine: FakeMachine) -> None:
    machine.rapl("intel-rapl:0", "package-0", 0)
    machine.rapl("intel-rapl:0:0", "core", 0)
    machine.rapl("intel-rapl:1", "package-1", 0)
    machine.rapl("intel-rapl:2", "psys", 0)
    machine.write("sys/class/powercap/intel-rapl/enabled", 1)
    found = find_package_energy(machine.root)
    assert found is not None and found.name == "processor, RAPL (2 packages)"
    machine.rapl("intel-rapl:0", "package-0", 1000000)
    machine.rapl("intel-rapl:0:0", "core", 600000)
    machine.rapl("intel-rapl:1", "package-1", 2000000)
    machine.rapl("intel-rapl:2", "psys", 9000000)
    assert found.joules() == 3.0


def test_a_counter_only_root_may_read_is_none(machine: FakeMachine) -> None:
    machine.rapl("intel-rapl:0", "package-0", 5)
    path = machine.root / "sys/class/powercap/intel-rapl:0/energy_uj"
    path.unlink()
    path.mkdir()  # cannot be read, not even by root
    assert find_package_energy(machine.root) is None
