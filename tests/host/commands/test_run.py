from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from host.__main__ import main
from tests.host.xmodel.sound_models import sound_model

FILES = (
    "beetlebox_sign_language_mnist_a",
    "dpupynq35_mnist_kria",
    "vai2.5.tf2_custom_op_zcu",
    "vai3.0.tf2_custom_op_zcu",
)


def _run(capsys: pytest.CaptureFixture[str], *args: object) -> dict[str, object]:
    assert main(["run", *map(str, args), "--json"]) == 0
    result: dict[str, object] = json.loads(capsys.readouterr().out)
    return result


@pytest.mark.parametrize("name", FILES)
def test_reference_outputs_of_amds_files(
    name: str, shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = shared / "given" / "xmodels"
    result = _run(capsys, source / f"{name}.xmodel", source / f"{name}.npz", tmp_path / "o.npz")
    with np.load(source / f"{name}.npz") as given, np.load(tmp_path / "o.npz") as got:
        assert any(np.array_equal(got[tensor], given["output"]) for tensor in got.files)
    stopped = result["stopped_at"]
    if "custom_op" in name:  # an operation of the user's own runs on the CPU between two DPU parts
        assert isinstance(stopped, dict) and stopped["subgraph"] and "unknown" in stopped["reason"]
    else:
        assert stopped is None


def test_all_tensors_and_the_final_softmax(
    released: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = released["signnet"]
    golden = folder / "golden" / "vectors.npz"
    _run(capsys, folder / "signnet.xmodel", golden, tmp_path / "o.npz", "--all-tensors")
    with np.load(golden) as given, np.load(tmp_path / "o.npz") as got:
        assert len(got.files) > 12
        assert np.array_equal(got["fc_fix_reshaped"], given["output"])
        np.testing.assert_allclose(got["softmax"].sum(axis=1), 1, rtol=1e-6)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"other": np.zeros((1, 28, 28, 1), np.int8)}, "inputs must have an array of"),
        ({"input": np.zeros((1, 28, 28, 1), np.float32)}, "must be int8"),
        ({"input": np.zeros((1, 14, 14, 1), np.int8)}, "must be int8"),
    ],
    ids=["name", "dtype", "shape"],
)
def test_wrong_inputs(
    released: dict[str, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arrays: dict[str, np.ndarray],
    message: str,
) -> None:
    np.savez(tmp_path / "i.npz", **arrays)  # type: ignore[arg-type]
    model = released["signnet"] / "signnet.xmodel"
    code = main(["run", str(model), str(tmp_path / "i.npz"), str(tmp_path / "o.npz")])
    assert code == 1 and message in capsys.readouterr().err
    assert not (tmp_path / "o.npz").exists()


def test_an_unknown_op_on_the_dpu_is_an_error(
    shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = shared / "given" / "xmodels" / "malformed" / "unknown_op_type.xmodel"
    np.savez(tmp_path / "i.npz", input=np.zeros((1, 28, 28, 1), np.int8))
    assert main(["run", str(model), str(tmp_path / "i.npz"), str(tmp_path / "o.npz")]) == 1
    assert "frobnicate-fix" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["file", "allow_pickle"])
def test_a_tensor_may_be_named_like_an_argument_of_numpys(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    message = sound_model("relu")
    message.op_node[-1].output_tensor.tensor_name = name
    (tmp_path / "m.xmodel").write_bytes(message.SerializeToString())
    np.savez(tmp_path / "i.npz", input=np.ones((3, 4, 4, 2), np.float32))
    _run(capsys, tmp_path / "m.xmodel", tmp_path / "i.npz", tmp_path / "o.npz")
    with np.load(tmp_path / "o.npz") as got:
        assert got.files == [name] and got[name].shape == (3, 4, 4, 2)


def test_codes_for_a_float_input_need_a_fix_point(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    message = sound_model("fix")
    del message.op_node[1].op_attr["fix_point"]
    (tmp_path / "m.xmodel").write_bytes(message.SerializeToString())
    np.savez(tmp_path / "i.npz", input=np.ones((1, 4, 4, 2), np.int8))
    files = [str(tmp_path / name) for name in ("m.xmodel", "i.npz", "o.npz")]
    assert main(["run", *files]) == 1
    assert "fix_point of op 'op' must be an integer, got None" in capsys.readouterr().err
