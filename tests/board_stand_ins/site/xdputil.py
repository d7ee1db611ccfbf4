"""A stand-in for AMD's xdputil: query and status."""

from __future__ import annotations

import json
import sys

import stand_in_device as device

_ARCHS = {0x1000020F6014407: "DPUCZDX8G_ISA0_B4096_MAX_BG2"}
_IP = {"3": "v4.1.0", "2": "v4.0.0", "1": "v3.3.0"}


def query() -> int:
    """Print what the device is."""
    found = device.settings()
    if not device.cores():
        device.uni_fatal("[XRT][cannot open]", "Cannot open firmware, no device is available")
    release = found["release"]
    answer = {
        "DPU IP Spec": {
            "DPU Core Count": found["cores"],
            "IP version": _IP.get(release[0], "v4.1.0"),
            "enable softmax": "False",
        },
        "VAI Version": {
            "libvart-runner.so": f"Xilinx vart-runner Version: {release}-stand-in ",
            "libvitis_ai_library-dpu_task.so": f"Xilinx vitis_ai_library dpu_task Version: {release}",
            "libxir.so": "Xilinx xir Version: xir-stand-in",
            "target_factory": f"target-factory.{release} stand-in",
        },
        "kernels": [
            {
                "DPU Arch": _ARCHS.get(core["fingerprint"], "DPUCZDX8G_ISA1_B4096"),
                "DPU Frequency (MHz)": found["frequency_mhz"],
                "IP Type": "DPU",
                "XRT Frequency (MHz)": found["frequency_mhz"],
                "cu_idx": core["core"],
                "cu_name": core["name"],
                "fingerprint": f"{core['fingerprint']:#x}",
                "name": f"DPU Core {core['core']}",
            }
            for core in device.cores()
        ],
    }
    if found["device"] is not None:
        answer["device"] = found["device"]
    sys.stderr.write("WARNING: Logging before InitGoogleLogging() is written to STDERR\n")
    print(json.dumps(answer, indent=4))
    return 0


def main() -> int:
    """Run the command."""
    if sys.argv[1:] == ["query"]:
        return query()
    print("usage: xdputil <command>  (the stand-in knows: query)", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
