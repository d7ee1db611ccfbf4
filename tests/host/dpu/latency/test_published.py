from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from host.dpu.latency.published import Row, SmallRow, read_rows, read_small
from target.errors import DataError

ENTRY = {
    "network": "MobileNet v1",
    "model_zoo_name": "tf_mobilenetv1",
    "keras_application": "MobileNet",
    "keras_arguments": {"dropout": 0, "alpha": 0.5},
    "input_hw": [128, 160],
    "gops": 1.14,
    "architecture_known": True,
    "pruned": None,
    "release": "3.0",
    "board": "zcu104",
    "fps_1_thread": 250,
    "fps_multi_thread": 700.5,
}
RUN = {
    "board": "zcu102",
    "release": "1.3",
    "api": "C++",
    "what": "in memory",
    "threads": 1,
    "fps": 2000,
}
NETWORK = {
    "network": "small",
    "input_shape": [8, 8, 3],
    "layers": [{"type": "flatten"}],
    "measurements": [RUN],
}


def _file(folder: Path, content: Any) -> Path:
    path = folder / "published.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_read_rows_gives_times_and_layers(tmp_path: Path) -> None:
    rows, excluded = read_rows(_file(tmp_path, [ENTRY]))
    arguments = '{"alpha": 0.5, "dropout": 0}'
    # 1000 / 250 = 4 ms
    assert rows == [
        Row("MobileNet v1", "MobileNet", arguments, (128, 160), 1.14, "zcu104", "3.0", 4.0, 700.5)
    ]
    assert excluded == {}
    assert rows[0].model == ("MobileNet v1", "MobileNet", arguments, (128, 160), 0.0)


def test_rows_of_no_application_are_told_apart_by_their_operations(tmp_path: Path) -> None:
    entries = [{**ENTRY, "keras_application": None, "gops": gops} for gops in (3.0, 3.16)]
    one, other = read_rows(_file(tmp_path, entries))[0]
    assert one.model != other.model
    entries = [{**ENTRY, "gops": gops} for gops in (7.7, 7.76)]
    one, other = read_rows(_file(tmp_path, entries))[0]
    assert one.model == other.model


@pytest.mark.parametrize("value", [None, 0, 0.0], ids=["null", "0", "0.0"])
def test_unpublished_throughput_is_none(value: float | None, tmp_path: Path) -> None:
    ((row,), _) = read_rows(_file(tmp_path, [{**ENTRY, "fps_multi_thread": value}]))
    assert row.multi_fps is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"input_hw": None, "gops": None}, "input size not published"),
        ({"input_hw": []}, "input size not published"),
        ({"architecture_known": False}, "layers do not reproduce the published operations"),
        ({"pruned": 0.5}, "pruned"),
        ({"board": "vck190"}, "board or release not modelled"),
        ({"release": "0.9"}, "board or release not modelled"),
        ({"fps_1_thread": None}, "no result with one thread"),
        ({"fps_1_thread": 0}, "no result with one thread"),
    ],
    ids=[
        *("no size", "empty size", "unknown layers", "pruned", "other board", "other release"),
        *("null frames", "0 frames"),
    ],
)
def test_rows_that_cannot_be_used_are_counted_by_reason(
    changes: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    rows, excluded = read_rows(_file(tmp_path, [ENTRY, {**ENTRY, **changes}, {**ENTRY, **changes}]))
    assert len(rows) == 1 and excluded == {reason: 2}


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"fps_1_thread": "fast"}, "fps_1_thread must be 1e-06 to 1e+09, 0 or null, got 'fast'"),
    ({"fps_1_thread": -3}, "fps_1_thread must be 1e-06 to 1e+09, 0 or null, got -3"),
    ({"fps_1_thread": [250]}, r"fps_1_thread must be .*, got \[250\]"),
    ({"fps_1_thread": True}, "fps_1_thread must be .*, got True"),
    ({"fps_1_thread": float("nan")}, "fps_1_thread must be .*, got nan"),
    ({"fps_1_thread": float("inf")}, "fps_1_thread must be .*, got inf"),
    ({"fps_1_thread": 1e-310}, "fps_1_thread must be .*, got 1e-310"),
    ({"fps_multi_thread": -1}, "fps_multi_thread must be .*, got -1"),
    ({"gops": {}}, "gops must be .*, got {}"),
    ({"keras_application": None, "gops": None}, "gops must be above 0 .*, got None"),
    ({"keras_application": None, "gops": 0}, "gops must be above 0 .*, got 0"),
    ({"input_hw": [224]}, r"input_hw must be \[height, width\] or null, got \[224\]"),
    ({"input_hw": [224, -1]}, r"input_hw must be .*, got \[224, -1\]"),
    ({"input_hw": [224.5, 224]}, r"input_hw must be .*, got \[224.5, 224\]"),
    ({"input_hw": "ab"}, "input_hw must be .*, got 'ab'"),
    ({"network": ["a"]}, r"network must be text, got \['a'\]"),
    ({"board": ["zcu104"]}, "board must be text, got .'zcu104'."),
    ({"release": 3.0}, "release must be text, got 3.0"),
    ({"keras_application": 5}, "keras_application must be text or null, got 5"),
    ({"keras_arguments": [1]}, r"keras_arguments must be an object or null, got \[1\]"),
]


@pytest.mark.parametrize(
    ("changes", "text"),
    WRONG,
    ids=[" ".join(f"{key} {value}" for key, value in changes.items()) for changes, _ in WRONG],
)
def test_a_value_of_another_kind_is_refused_with_its_row(
    changes: dict[str, Any], text: str, tmp_path: Path
) -> None:
    path = _file(tmp_path, [ENTRY, {**ENTRY, **changes}])
    with pytest.raises(
        DataError, match=f"^{text.replace('+', '[+]')} in row 1 of .*published.json"
    ):
        read_rows(path)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("", "published rows must be a JSON list, got 'Expecting value"),
        ("[{]", "published rows must be a JSON list, got 'Expecting property name"),
        ({}, "published rows must be a JSON list, got dict in "),
        ([1], "row must have network, model_zoo_name, .*, got none in row 0 of "),
        ([ENTRY, {"network": "a"}], "row must have model_zoo_name, release, .* in row 1 of "),
    ],
    ids=["empty", "damaged", "an object", "a number", "keys missing"],
)
def test_read_rows_of_another_file(content: Any, text: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=text):
        read_rows(_file(tmp_path, content))


def test_read_rows_of_no_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="published rows must be a JSON list, got .*No such file"):
        read_rows(tmp_path / "none.json")


def test_read_small_takes_runs_of_one_thread_that_read_no_files(tmp_path: Path) -> None:
    runs = [
        RUN,
        {**RUN, "api": "Python", "fps": 1000},
        {**RUN, "threads": 4},
        {**RUN, "what": "DNNDK, includes reading the images"},
        {**RUN, "fps": None},
    ]
    found = read_small(_file(tmp_path, [{**NETWORK, "measurements": runs}]))
    layers = ({"type": "flatten"},)
    # 1000 / 2000 and 1000 / 1000 ms
    assert found == [
        SmallRow("small", (8, 8, 3), layers, "zcu102", "1.3", False, 0.5),
        SmallRow("small", (8, 8, 3), layers, "zcu102", "1.3", True, 1.0),
    ]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("", "small networks must be a JSON list .*, got 'Expecting value"),
        ({}, "small networks must be a JSON list .*, got 'dict' in "),
        ([1], "small networks must be a JSON list "),
        ([{"network": "a"}], "got ''measurements'' in "),
        ([{**NETWORK, "input_shape": 8}], "small networks must be a JSON list "),
        ([{**NETWORK, "measurements": [{**RUN, "fps": "2000"}]}], "small networks must be "),
        ([{**NETWORK, "measurements": [{**RUN, "fps": -1}]}], "got '-1000.0 ms for small' in "),
        ([{**NETWORK, "measurements": [{**RUN, "board": "pynq"}]}], "board must be one of .* in "),
        ([{**NETWORK, "measurements": [{**RUN, "board": ["a"]}]}], "small networks must be "),
        ([{**NETWORK, "measurements": [{**RUN, "release": "9"}]}], "release must be one of .* in "),
        ([{**NETWORK, "measurements": [{**RUN, "what": None}]}], "small networks must be "),
    ],
    ids=[
        *("empty", "an object", "a number", "keys missing", "shape", "text for frames"),
        *("negative", "other board", "list for board", "other release", "what"),
    ],
)
def test_read_small_of_another_file(content: Any, text: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=text):
        read_small(_file(tmp_path, content))


def test_the_published_tables_have_the_rows_that_the_shipped_parameters_state(shared: Path) -> None:
    folder = shared / "given" / "performance"
    rows, excluded = read_rows(folder / "zcu104_published.json")
    # of 268: 16 without a size, 26 with unknown layers
    assert len(rows) == 226 and sum(excluded.values()) == 42
    boards = [row.board for row in rows]
    assert boards.count("zcu104") + boards.count("kv260") == 139
    assert len(read_small(folder / "small_nets.json")) == 8
