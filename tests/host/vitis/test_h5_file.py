"""quantized.h5: names with slashes, lists of names in parts, and files that are none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from host.vitis.h5_file import read_quantized
from target.errors import ModelError
from tests.host.vitis.h5_files import Variables, write_h5

KERNEL = np.arange(8, dtype=np.float32).reshape(2, 2, 2, 1)
LAYERS: Variables = {
    "quant_image": {"quant_image_min": 0, "quant_image_max": 1, "quant_image_pos": 6},
    "softmax": {},
    "quant_a/conv": {
        "depthwise_kernel": KERNEL,
        "depthwise_kernel_pos": 7,
        "bias": np.ones(2),
        "bias_pos": -1,
        "post_activation_pos": 3,
        "optimizer_step": -1,
    },
    "quant_pool": {"output_0_pos": 3.0},
    "quant_scores": {"pre_activation_pos": 2},
}


@pytest.mark.parametrize("chunk", [0, 2], ids=["one list", "in parts"])
def test_positions_and_weights(tmp_path: Path, chunk: int) -> None:
    write_h5(tmp_path / "q.h5", LAYERS, chunk)
    found = read_quantized(tmp_path / "q.h5")
    assert found.positions == {
        "image": {"output": 6},
        "a/conv": {"kernel": 7, "bias": -1, "output": 3},
        "pool": {"output": 3},
        "scores": {"input": 2},
    }
    assert sorted(found.weights) == ["a/conv/bias", "a/conv/kernel"]
    np.testing.assert_array_equal(found.weights["a/conv/kernel"], KERNEL)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ({"conv": {"kernel": 1.0}}, "must have quantized layers, got none"),
        ({"quant_c": {"kernel_pos": 2.5}}, "position of quant_c/kernel_pos is 2.5, no whole"),
        ({"quant_c": {"kernel_pos": [1, 2]}}, "no whole number"),
    ],
    ids=["float model", "fraction", "many"],
)
def test_files_that_are_not_amds(tmp_path: Path, layers: Variables, message: str) -> None:
    write_h5(tmp_path / "q.h5", layers)
    with pytest.raises(ModelError, match=message):
        read_quantized(tmp_path / "q.h5")


@pytest.mark.parametrize("content", [b"", b"no HDF5", None], ids=["empty", "text", "missing"])
def test_damaged_files(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "q.h5").write_bytes(content)
    with pytest.raises(ModelError, match=r"must be a file of AMD's quantizer, got .* in .*q\.h5"):
        read_quantized(tmp_path / "q.h5")
