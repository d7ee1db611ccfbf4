"""Energy of an NVIDIA GPU through NVML. The only file that imports pynvml, which is seldom there."""

from __future__ import annotations

import importlib
from typing import Any, Optional


class GpuEnergy:
    """The energy counter of the first GPU.

    Attributes:
        name: What is measured, in words.
    """

    def __init__(self, library: Any) -> None:
        self._library = library
        self._handle = library.nvmlDeviceGetHandleByIndex(0)
        found = library.nvmlDeviceGetName(self._handle)
        found = found.decode() if isinstance(found, bytes) else found
        self.name = f"GPU {found}, NVML"
        self._start_mj = library.nvmlDeviceGetTotalEnergyConsumption(self._handle)

    def joules(self) -> float:
        """Return the energy since this object was made.

        Raises:
            OSError: If the GPU does not answer.
        """
        try:
            now = self._library.nvmlDeviceGetTotalEnergyConsumption(self._handle)
        except self._library.NVMLError as error:
            raise OSError(f"{self.name} gives no answer any more: {error}") from error
        return float(now - self._start_mj) / 1000


def find_gpu_energy() -> Optional[GpuEnergy]:
    """Return the counter of the first GPU; None without GPU, driver, counter or pynvml."""
    try:
        library = importlib.import_module("pynvml")
        library.nvmlInit()
        return GpuEnergy(library)
    except Exception:  # NVML's exceptions are pynvml's own; whatever it is, there is no counter
        return None
