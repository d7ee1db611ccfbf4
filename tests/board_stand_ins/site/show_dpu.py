"""A stand-in for VART's show_dpu: one line a core."""

from __future__ import annotations

import stand_in_device as device

for core in device.cores():
    print(
        f"device_core_id={core['core']} device= 0 core = {core['core']}"
        f" fingerprint = {core['fingerprint']:#x} batch = 1 full_cu_name={core['name']}"
    )
print()
