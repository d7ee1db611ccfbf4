from __future__ import annotations

import pytest

from host.dpu.arch import ARCHS, ZCU104, arch_of_fingerprint
from target.errors import ModelError


@pytest.mark.parametrize("arch", ARCHS, ids=lambda arch: "/".join(arch.releases))
def test_arch_is_found_by_its_fingerprint(arch: object) -> None:
    assert arch_of_fingerprint(arch.fingerprint) is arch  # type: ignore[attr-defined]


def test_the_zcu104_is_that_of_release_3() -> None:
    assert (ZCU104.name, ZCU104.fingerprint) == ("DPUCZDX8G_ISA1_B4096", 0x101000056010407)
    assert "3.0" in ZCU104.releases


def test_unknown_fingerprint_lists_the_known() -> None:
    with pytest.raises(
        ModelError,
        match=r"fingerprint must be one of 0x101000056010407 \(Vitis AI 3\.0/3\.5\), .*, got 0x7b",
    ):
        arch_of_fingerprint(123)
