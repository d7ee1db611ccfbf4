"""What AMD's tools say of the DPU, as they print it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from target.runners.device import Device, find_device
from target.runners.releases import (
    describe_fingerprint,
    parse_fingerprint,
    recompile_command,
    release_of,
)

# As a board image of Vitis AI 3.0 prints it, with a log line before the JSON.
_QUERY = """WARNING: Logging before InitGoogleLogging() is written to STDERR
{
    "DPU IP Spec":{ "DPU Core Count":2, "IP version":"v4.1.0", "enable softmax":"False" },
    "VAI Version":{
        "libvart-runner.so":"Xilinx vart-runner Version: 3.0.0-c5d2bd43d951  2023-01-13-06:58:30 ",
        "target_factory":"target-factory.3.0.0 c5d2bd43d951"
    },
    "kernels":[
        { "DPU Arch":"DPUCZDX8G_ISA1_B4096", "DPU Frequency (MHz)":300, "cu_idx":0,
          "fingerprint":"0x101000056010407", "name":"DPU Core 0" },
        { "DPU Arch":"DPUCZDX8G_ISA1_B4096", "DPU Frequency (MHz)":300, "cu_idx":1,
          "fingerprint":"0x101000056010407", "name":"DPU Core 1" }
    ]
}
"""
_SHOW = """device_core_id=0 device= 0 core = 0 fingerprint = 0x1000020f6014407 batch = 1 full_cu_name=DPU:D_1
device_core_id=1 device= 0 core = 1 fingerprint = 0x1000020f6014407 batch = 1 full_cu_name=DPU:D_2

"""


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that is all of the PATH but the shell's."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    find_device.cache_clear()
    yield tmp_path
    find_device.cache_clear()


def _tool(folder: Path, name: str, out: str, code: int = 0, err: str = "") -> None:
    (folder / f"{name}.out").write_text(out)
    (folder / f"{name}.err").write_text(err)
    here = folder / name
    here.write_text(f"#!/bin/sh\ncat {here}.out; cat {here}.err >&2; exit {code}\n")
    here.chmod(0o755)


def test_xdputil_query(tools: Path) -> None:
    _tool(tools, "xdputil", _QUERY)
    found = find_device()
    assert found == Device(
        "xdputil query", (0x101000056010407,) * 2, "DPUCZDX8G_ISA1_B4096", 300, "3.0.0"
    )
    find_device.cache_clear()
    _tool(tools, "xdputil", f"{_QUERY}I0101 a log line after it\n")
    assert find_device() == found
    assert not found.is_stand_in
    assert found.describe() == (
        "2 x DPUCZDX8G_ISA1_B4096 at 300 MHz, fingerprint 0x101000056010407 (Vitis AI 3.0)"
    )


def test_show_dpu_where_there_is_no_xdputil_or_one_that_fails(tools: Path) -> None:
    _tool(tools, "show_dpu", _SHOW)
    assert find_device().fingerprints == (0x1000020F6014407,) * 2
    find_device.cache_clear()
    _tool(tools, "xdputil", "", 1, "ModuleNotFoundError: No module named 'numpy'")
    assert find_device().source == "show_dpu"


@pytest.mark.parametrize(
    ("out", "code", "err", "trouble"),
    [
        (
            "",
            1,
            "Traceback\nModuleNotFoundError: No module named 'numpy'",
            "No module named 'numpy'",
        ),
        ("", 134, "[XRT] ERROR: Cannot open\n*** Check failure stack trace: ***", "Cannot open"),
        ('{"kernels": []}', 0, "", "exit 0"),
        ('{"kernels": [{"fingerprint": "?"}]}', 0, "", "exit 0"),
        ("{ not json", 0, "", "exit 0"),
        ("", 3, "", "exit 3"),
    ],
)
def test_no_device(tools: Path, out: str, code: int, err: str, trouble: str) -> None:
    _tool(tools, "xdputil", out, code, err)
    found = find_device()
    assert found.fingerprint is None
    assert found.trouble.startswith("xdputil query found no DPU: ") and trouble in found.trouble


def test_no_tool_and_one_that_cannot_be_started(tools: Path) -> None:
    assert find_device().trouble == "neither xdputil nor show_dpu is on the PATH"
    find_device.cache_clear()
    (tools / "xdputil").write_bytes(b"\x7fELF")
    (tools / "xdputil").chmod(0o755)
    assert "cannot be started" in find_device().trouble


def test_a_tool_that_does_not_answer(tools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _tool(tools, "xdputil", "")
    (tools / "xdputil").write_text("#!/bin/sh\nexec sleep 60\n")
    monkeypatch.setattr("target.runners.device._TIMEOUT_S", 0.2)
    assert "did not answer within 0.2 s" in find_device().trouble


def test_fingerprints_and_releases() -> None:
    assert release_of(0x1000020F6014407) == "1.4 to 2.0" and release_of(None) is None
    assert describe_fingerprint(0x101000016010407) == "0x101000016010407 (Vitis AI 2.5)"
    assert describe_fingerprint(0x1) == "0x1 (no ZCU104 image)"
    assert [parse_fingerprint(one) for one in ("0x10", 16, "x", None)] == [16, 16, None, None]
    assert recompile_command(0x101000056010407) == (
        "compile it for Vitis AI 3.0: make quantize compile TOOLCHAIN=vitis"
    )
    assert recompile_command(0x1000020F6014407).endswith('VITIS="--release 2.0"')
    assert '{"fingerprint":"0x1"} in arch.json' in recompile_command(1)
    assert recompile_command(1).endswith('VITIS="--arch arch.json"')
