"""The DPU as a compiler must know it: its name, fingerprint, parallelism, memories and operator limits.

Sources: DPUCZDX8G product guide PG338; Vitis AI user guide UG1414 "Currently Supported Operators";
the target file create_target_DPUCZDX8G_ISA1.cpp of Vitis AI 3.5.
"""

from __future__ import annotations

import dataclasses

from target.errors import ModelError

FAMILY = "DPUCZDX8G"


@dataclasses.dataclass(frozen=True)
class DpuArch:
    """One configuration of the DPUCZDX8G.

    Attributes:
        name: As in `dpu_name` and arch.json.
        fingerprint: The number that file and hardware must share.
        releases: Vitis AI releases whose board images carry it.
        channel_parallel: Input and output channels a cycle.
        pixel_parallel: Rows a cycle.
        bank_depth: 16-byte words of a memory bank; bounds kernel size times input channels.
        conv_kernel: Largest side of a convolution's kernel.
        conv_stride: Largest stride of a convolution.
        conv_channels: Most input and most output channels of a convolution.
        alu_kernel: Largest kernel side and stride of pools and depthwise convolutions.
        nonlinear: Activations that a convolution does on its way out.
        weight_alignment: Bytes at whose multiples each constant starts.
    """

    name: str
    fingerprint: int
    releases: tuple[str, ...]
    channel_parallel: int = 16
    pixel_parallel: int = 8
    bank_depth: int = 2048
    conv_kernel: int = 16
    conv_stride: int = 8
    conv_channels: int = 4096
    alu_kernel: int = 256
    nonlinear: tuple[str, ...] = ("NONE", "RELU", "RELU6", "LEAKYRELU")
    weight_alignment: int = 4096


ZCU104 = DpuArch("DPUCZDX8G_ISA1_B4096", 0x101000056010407, ("3.0", "3.5"))
ARCHS = (
    ZCU104,
    DpuArch("DPUCZDX8G_ISA1_B4096", 0x101000016010407, ("2.5",), weight_alignment=1),
    DpuArch(
        "DPUCZDX8G_ISA0_B4096_MAX_BG2",
        0x1000020F6014407,
        ("1.4", "2.0"),
        alu_kernel=16,
        weight_alignment=1,
    ),
)


def arch_of_fingerprint(fingerprint: int) -> DpuArch:
    """Return the configuration with a fingerprint.

    Raises:
        ModelError: If it is none that a ZCU104 image carries.
    """
    for arch in ARCHS:
        if arch.fingerprint == fingerprint:
            return arch
    known = ", ".join(f"{a.fingerprint:#x} (Vitis AI {'/'.join(a.releases)})" for a in ARCHS)
    raise ModelError(f"fingerprint must be one of {known}, got {fingerprint:#x}")
