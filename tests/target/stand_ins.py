"""What tests of the benchmark measure instead of a network and a machine: a table of answers, files."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from target.manifest import Manifest
from target.measure.reference import Reference
from target.runners.base import Staged, TensorSpec, check_tensor
from tests.target import documents

MANIFEST = Manifest(Path("models/stand-in"), documents.manifest())
OUTPUTS = 25  # output 9 is J, which is never an answer


def codes_for(outputs: list[int]) -> np.ndarray:
    """Return int8 codes (n, 25) whose best output is the wanted one."""
    codes = np.full((len(outputs), OUTPUTS), -8, np.int8)
    codes[np.arange(len(outputs)), outputs] = 40
    return codes


def reference_of(outputs: list[int], labels: list[int] | None = None) -> Reference:
    """Return a reference; image number i is of the gray level whose code is i.

    Args:
        outputs: What the DPU and the float model choose.
        labels: What is right; the same if None.
    """
    assert len(outputs) <= 60
    images = np.zeros((len(outputs), 28, 28), np.uint8)
    images += (4 * np.arange(len(outputs), dtype=np.uint8))[:, None, None]
    truth = np.array(outputs if labels is None else labels, np.int64)
    return Reference(
        images, truth, codes_for(outputs), np.array(outputs, np.int64), "made by a test"
    )


class StandIn(Staged):
    """Knows the answers by heart: row i for the image whose first code is i."""

    name = "stand-in"
    device = "a table of answers"
    kind = "measured"
    threads: int | None = 1
    gives_probabilities = False

    def __init__(self, answers: np.ndarray, promise: str = "codes") -> None:
        self.promise = promise
        self.input = TensorSpec("in", (1, 28, 28, 1), "int8", 2.0**-6)
        self.output = TensorSpec("out", (1, OUTPUTS), "int8", 2.0**-2)
        self.answers = answers
        self.asked: list[int] = []
        self.closed = 0

    def put(self, tensor: np.ndarray) -> None:
        check_tensor(tensor, self.input)
        self.asked.append(int(tensor[0, 0, 0, 0]))

    def execute(self) -> None:
        assert not self.closed

    def take(self) -> np.ndarray:
        return self.answers[self.asked[-1]][None]

    def close(self) -> None:
        self.closed += 1


@dataclasses.dataclass
class FakeMachine:
    """A tree with /proc and /sys of a quiet machine that is set up for measuring."""

    root: Path

    def __post_init__(self) -> None:
        self.load()
        for cpu in (0, 1):
            self.cpu(cpu, "cpufreq/scaling_governor", "performance")
            self.cpu(cpu, "cpufreq/scaling_cur_freq", 1200000)
            self.cpu(cpu, "cpufreq/cpuinfo_max_freq", 1200000)
            self.cpu(cpu, "thermal_throttle/core_throttle_count", 3)

    def write(self, path: str, content: object) -> Path:
        """Write a file below the root, with a line end as Linux has it."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{content}\n", encoding="utf-8")
        return file

    def cpu(self, number: int, path: str, content: object) -> None:
        """Write a file of a processor."""
        self.write(f"sys/devices/system/cpu/cpu{number}/{path}", content)

    def load(self, user: int = 5000, steal: int = 0) -> None:
        """Write /proc/stat; ticks since the start."""
        line = f"cpu  {user} 10 300 90000 40 5 6 {steal} 0 0"
        self.write("proc/stat", f"{line}\ncpu0 1 2 3 4 5 6 7 8 9 10\nintr 5")

    def hwmon(self, number: int, name: str, **files: object) -> None:
        """Write a chip of /sys/class/hwmon."""
        for file, content in {"name": name, **files}.items():
            self.write(f"sys/class/hwmon/hwmon{number}/{file}", content)

    def rapl(self, zone: str, name: str, energy_uj: int, span: int = 262143328850) -> None:
        """Write a zone of /sys/class/powercap."""
        folder = f"sys/class/powercap/{zone}"
        self.write(f"{folder}/name", name)
        self.write(f"{folder}/energy_uj", energy_uj)
        self.write(f"{folder}/max_energy_range_uj", span)
