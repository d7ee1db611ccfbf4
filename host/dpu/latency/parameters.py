"""The parameters of the latency model: what each means, what is known of it beforehand, what was fitted.

`parameters.json` holds the fitted values and the errors of that fit; `python -m host refit` writes
it.
"""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

from target.errors import ModelError

_FILE = Path(__file__).with_name("parameters.json")


@dataclasses.dataclass(frozen=True)
class Parameters:
    """Rates and overheads.

    Attributes:
        array_efficiency: Share of the array's cycles that do work while a layer computes.
        alu_efficiency: The same of the ALU; above 1 where it works beside the array.
        bandwidth_gb_s: Of one core to memory, alone.
        kv260_isa0_bandwidth: The KV260's bandwidth up to release 2.0, relative to that.
        layer_ms: Start of a layer that waits for the one before.
        isa0_layer: The same on ISA0, relative to that.
        isa0_depthwise: Cycles of a depthwise convolution on ISA0, which has an engine of its own
            for them, relative to ISA1's ALU.
        isa0_pool: The same of a pool by itself.
        free_layer: Start of a layer that does not wait, relative to one that does.
        on_chip_maps: Share of the bytes of maps still moved where they fit on the chip.
        overlap: Share of the shorter of computing and moving that is not hidden behind the longer.
        host_ms: Of the C++ library for one image: call, resize, softmax; what does not grow with
            the image.
        host_ns_per_byte: The same, by byte of the network's input.
        zcu104_host_ms: What the ZCU104's processor takes longer than that.
        memory_gb_s: Of all cores together.
    """

    array_efficiency: float
    alu_efficiency: float
    bandwidth_gb_s: float
    kv260_isa0_bandwidth: float
    layer_ms: float
    isa0_layer: float
    isa0_depthwise: float
    isa0_pool: float
    free_layer: float
    on_chip_maps: float
    overlap: float
    host_ms: float
    host_ns_per_byte: float
    zcu104_host_ms: float
    memory_gb_s: float


@dataclasses.dataclass(frozen=True)
class Prior:
    """What is known of a parameter before the fit: a value, off by a factor exp(spread) or so."""

    value: float
    spread: float
    source: str

    @property
    def log(self) -> float:
        """Natural logarithm of the value."""
        return math.log(self.value)


# Of the rows that are fitted only the two of the host are derived: from the difference of one
# thread and all threads on the KV260, over all networks.
PRIORS = {
    "array_efficiency": Prior(0.92, 0.03, "DNNDK layer profile of FCN8: 0.89 to 0.925"),
    "alu_efficiency": Prior(1.0, 0.2, "PG338: 16 channels x 4 pixels a cycle"),
    "bandwidth_gb_s": Prior(
        6.8, 0.15, "DNNDK profile of AlexNet fc6, fc7: 4.8 to 6.9; port peak 9.6"
    ),
    "kv260_isa0_bandwidth": Prior(
        0.85, 0.2, "Assumed; its VGG-16 is slower by the time of its weights"
    ),
    "layer_ms": Prior(8e-3, 0.08, "DNNDK profile of miniVggNet: 5.8 and 8.9 us above the ideal"),
    "isa0_layer": Prior(0.9, 0.3, "Assumed"),
    "isa0_depthwise": Prior(1.2, 0.3, "Assumed; MobileNet became faster with ISA1"),
    "isa0_pool": Prior(0.8, 0.4, "Assumed; the engine beside the array may hide some of it"),
    "free_layer": Prior(0.7, 0.3, "Assumed"),
    "on_chip_maps": Prior(
        0.8, 0.2, "compiled files: every map between layers has an address in DDR"
    ),
    "overlap": Prior(0.25, 0.7, "Assumed"),
    "host_ms": Prior(0.082, 0.3, "KV260, single minus multi thread, 34 rows of the zoo"),
    "host_ns_per_byte": Prior(2.88, 0.2, "the same"),
    "zcu104_host_ms": Prior(0.035, 0.3, "ZCU104 minus KV260 on networks below 1 ms: 0.03 to 0.05"),
}
# Of the runtime alone, where nothing is fitted.
CALL_MS = 0.057  # C++ call of VART: KV260, xdputil benchmark with one thread and two
PYTHON_CALL_MS = 0.225  # on top of that from Python: ZCU102, three networks, 0.20 to 0.25


def load_parameters(path: Path = _FILE) -> tuple[Parameters, dict[str, Any]]:
    """Return the fitted parameters and the errors of their fit.

    Args:
        path: As `python -m host refit` writes it.

    Raises:
        ModelError: If the file is not one.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return Parameters(**content["parameters"]), content["error"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"latency parameters must be a file of python -m host refit, got '{error}' in {path}"
        ) from error
