"""Damaged and hostile files: reading, describing, drawing and running one gives an answer or an AppError.

Two ways to damage: bytes of real files, mostly outside of their weights; and fields of sound messages, real
ones and one for every type of op. Memory and time are bounded while a file is used. Seeds are fixed; the
long variants are marked slow.
"""

from __future__ import annotations

import collections
import contextlib
import json
import math
import os
import random
import resource
import signal
import warnings
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from host.commands.inspect import describe
from host.dpu.describe import describe_graph
from host.dpu.drawing import draw_svg
from host.dpu.emulator import Emulator
from host.dpu.ops.table import INPUT_TYPES, OPS
from host.dpu.partial import runnable_part
from host.graph.graph import Graph, Op, Tensor
from host.xmodel.reader import read_xmodel
from target.errors import AppError
from tests.host.xmodel.damage import change_often, damage_bytes, put, structure
from tests.host.xmodel.sound_models import parsed, sound_model

MAX_SECONDS = 20  # a file; all but a few take milliseconds
MAX_MORE_BYTES = 4 << 30  # than the process has mapped before; no file here needs a tenth of it
MAX_INPUT_ELEMENTS = 1 << 22  # what a person would give an input of
Change = Callable[[Any], Any]  # of a node
SLOW = pytest.mark.slow
GIVEN = (
    "beetlebox_sign_language_mnist_a",
    "dpupynq35_mnist_kria",
    "vai2.5.tf2_custom_op_zcu",
    "vai3.0.tf2_custom_op_zcu",
)
RELEASED = ("signnet", "signnet_int", "tutorial", "tutorial_int")


@contextlib.contextmanager
def _bounded() -> Iterator[None]:
    """Turn too much memory into a MemoryError and too much time into a TimeoutError."""

    def late(*_: object) -> None:
        raise TimeoutError(f"more than {MAX_SECONDS} s for one file")

    limits = resource.getrlimit(resource.RLIMIT_AS)
    with open("/proc/self/statm", encoding="ascii") as status:
        mapped = int(status.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    before = signal.signal(signal.SIGALRM, late)
    resource.setrlimit(resource.RLIMIT_AS, (mapped + MAX_MORE_BYTES, limits[1]))
    signal.alarm(MAX_SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        resource.setrlimit(resource.RLIMIT_AS, limits)
        signal.signal(signal.SIGALRM, before)


def _use(content: bytes, folder: Path) -> str:
    """Do with a file what `inspect` and `run` do; returns how far it went, with what it was refused."""
    path = folder / "damaged.xmodel"
    path.write_bytes(content)
    with _bounded(), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # overflow and NaN of damaged float weights
        try:
            graph = read_xmodel(path)
        except AppError as error:
            return _one_line("refused", error)
        try:
            _describe(graph)
            _run(graph)
        except AppError as error:
            return _one_line("read", error)
    return "ran"


def _one_line(stage: str, error: AppError) -> str:
    text = str(error)
    assert text.isprintable() and len(text) < 20_000
    return f"{stage}: {text}"


def _describe(graph: Graph) -> None:
    described = describe_graph(graph)
    json.dumps(described)
    describe(described)
    ET.fromstring(draw_svg(described))


def _run(graph: Graph) -> None:
    generator = np.random.default_rng(1)
    inputs = {}
    for op in graph.of_type(*INPUT_TYPES):
        shape = (1, *op.tensor.dims[1:])
        if math.prod(shape) <= MAX_INPUT_ELEMENTS:
            codes = generator.integers(-128, 128, shape, dtype=np.int8)
            inputs[op.name] = codes if op.type == "data-fix" else codes / np.float32(32)
    part, _ = runnable_part(graph, set(inputs))
    for value in Emulator(part).run(inputs).values():
        assert value.size


@pytest.mark.parametrize("kind", OPS)
def test_sound_models_run(kind: str, tmp_path: Path) -> None:
    assert _use(sound_model(kind).SerializeToString(), tmp_path) == "ran"


def _damage_often(path: Path, times: int, folder: Path) -> None:
    message = parsed(path.read_bytes())
    # Else maps come in another order each time.
    content = message.SerializeToString(deterministic=True)
    places, chance = structure(content, message), random.Random(path.name)
    assert 5000 < len(places) < len(content) / 2
    ends = collections.Counter(
        _use(damage_bytes(content, places, chance), folder).split(":")[0] for _ in range(times)
    )
    assert min(ends["refused"], ends["ran"]) > times / 10, ends


@pytest.mark.parametrize("times", [50, pytest.param(2000, marks=SLOW)], ids=["some", "many"])
@pytest.mark.parametrize("name", GIVEN)
def test_damaged_bytes_of_amds_files(shared: Path, name: str, times: int, tmp_path: Path) -> None:
    _damage_often(shared / "given" / "xmodels" / f"{name}.xmodel", times, tmp_path)


@pytest.mark.parametrize("times", [50, pytest.param(2000, marks=SLOW)], ids=["some", "many"])
@pytest.mark.parametrize("name", RELEASED)
def test_damaged_bytes_of_our_files(
    released: dict[str, Path], name: str, times: int, tmp_path: Path
) -> None:
    folder = released[name.removesuffix("_int")]
    _damage_often(folder / f"{name}.xmodel", times, tmp_path)


@pytest.mark.parametrize("length", [*range(0, 64, 7), 100, 1000, 10_000, 129_898])
def test_first_part_of_a_file(released: dict[str, Path], length: int, tmp_path: Path) -> None:
    content = (released["signnet"] / "signnet.xmodel").read_bytes()
    assert _use(content[:length], tmp_path).startswith("refused: ")


def _change_often(messages: list[Any], times: int, folder: Path) -> None:
    ends = change_often(messages, times, lambda content: _use(content, folder).split(":")[0])
    assert min(ends["refused"], ends["read"], ends["ran"]) > times / 20, ends


@pytest.mark.parametrize("times", [200, pytest.param(8000, marks=SLOW)], ids=["some", "many"])
def test_changed_fields_of_a_given_file(shared: Path, times: int, tmp_path: Path) -> None:
    path = shared / "given" / "xmodels" / "vai2.5.tf2_custom_op_zcu.xmodel"
    _change_often([parsed(path.read_bytes())], times, tmp_path)


@pytest.mark.parametrize("times", [200, pytest.param(8000, marks=SLOW)], ids=["some", "many"])
def test_changed_fields_of_our_files(released: dict[str, Path], times: int, tmp_path: Path) -> None:
    paths = [released["signnet"] / f"{name}.xmodel" for name in ("signnet", "signnet_int")]
    _change_often([parsed(path.read_bytes()) for path in paths], times, tmp_path)


@pytest.mark.parametrize("times", [1500, pytest.param(25_000, marks=SLOW)], ids=["some", "many"])
def test_changed_fields_of_every_type_of_op(times: int, tmp_path: Path) -> None:
    _change_often([sound_model(kind) for kind in OPS], times, tmp_path)


# Single faults: the type of op, what is wrong with its node, the error.


def _attr(key: str, field: str, content: Any) -> Change:
    return lambda node: put(node.op_attr[key], field, content)


def _ints(key: str, *numbers: int) -> Change:
    return _attr(key, "int32_vec_value", numbers)


def _dims(*dims: int) -> Change:
    def change(node: Any) -> None:
        node.output_tensor.tensor_dim[:] = dims

    return change


def _arg(arg: str, *names: str) -> Change:
    """Return a change of the inputs of an argument."""

    def change(node: Any) -> None:
        (args,) = (args for args in node.args if args.arg_name == arg)
        args.arg_ops[:] = names

    return change


def _all(*changes: Change) -> Change:
    def change(node: Any) -> None:
        for one in changes:
            one(node)

    return change


def _tensor_of_x(node: Any) -> None:
    node.output_tensor.tensor_name = "x_t"


def _name(field: str, name: str) -> Change:
    return lambda node: setattr(node, field, name)


_WIDE = _all(_ints("pad", 0, 2**20, 0, 2**20), _ints("stride", 2**20, 2**20))
_LASTING = _all(_ints("kernel", 512, 512), _dims(1, 8192, 4096, 2))
_LARGE = _all(_ints("kernel", 2**15, 2**15), _ints("pad", *[2**15] * 4))
FAULTS: dict[str, tuple[str, Change, str]] = {
    "dims-9": ("relu", _dims(*[1] * 9), "refused: tensor of op 'op' must have at most 8 dims, got 9"),
    "dims-0": ("relu", _dims(), "refused: tensor of op 'op' must have dims, got none"),
    "name-lines": ("relu", _name("op_name", "o\np"), "refused: name of op must be printable and at most"),
    "name-long": ("relu", _name("op_type", "n" * 5000), "at most 4096 characters long, got 5000: 'nnn"),
    "input-lines": ("relu", _arg("input", "x\n"), "refused: name of an input of op 'op' must be printable"),
    "tensor-twice": ("relu", _tensor_of_x, "refused: tensor names must be unique, got 'x_t' twice"),
    "arg-twice": ("conv2d", lambda n: setattr(n.args[1], "arg_name", "input"), "got 'input' twice"),
    "no-kernel": ("pool-fix", lambda n: n.op_attr.pop("kernel"), "must have attribute 'kernel', got none"),
    "kernel": ("pool-fix", _attr("kernel", "string_value", "2"), "must be a list of integers, got '2'"),
    "kernel-1": ("transposed-conv2d-fix", _ints("kernel", 2), "must be [w, h] of at least 1, got [2]"),
    "pad": ("pool-fix", _attr("pad", "int32_value", 1), "pad of op 'op' must be a list of integers, got 1"),
    "pad-less": ("transposed-conv2d", _ints("pad", 0, 0, 0, -9), "must be four sizes of at least 0, got [0"),
    "epsilon": ("batchnorm", _attr("epsilon", "bytes_value", b"1"), "must be a float32 number, got b'1'"),
    "axis": ("reduction_max", _attr("axis", "bool_vec_value", [True]), "an integer or a list of them, got"),
    "factor": ("avgpool2d", _ints("dpu_factor", 1, -2000), "must be [N, M] with M of 0..60, got [1, -2000]"),
    "round-mode": ("fix", _attr("round_mode", "string_value", "UP"), "round_mode of op 'op' must be one of"),
    "huge-kernel": ("maxpool2d", _LARGE, "kernel of op 'op' must have at most 262144 pixels, got"),
    "huge-pad": ("conv2d", _WIDE, "padded input of op 'op' must have at most 268435456 elements, got"),
    "huge-stride": ("maxpool2d", _ints("stride", 2**31 - 1, 2), "padded input of op 'op' must have at most"),
    "huge-gaps": ("transposed-conv2d", _ints("dilation", 2**20, 2**20), "padded input of op 'op' must have"),
    "huge-map": ("conv2d", _dims(1, 11585, 11585, 2), "windows of op 'op' must have at most 53687"),
    "long": ("pool-fix", _LASTING, "graph must take at most 4398046511104 operations an image, got"),
    "no-input": ("concat", _arg("input"), "read: inputs of op 'op' must agree in all axes but 3, got []"),
    "bias": ("conv2d", _arg("bias", "c_weights"), "read: bias of op 'op' must have 2 values, got"),
    "bias-dense": ("inner-product", _arg("bias", "c_weights"), "read: bias of op 'op' must have 2 values"),
    "bias-depthwise": ("depthwise-conv2d", _arg("bias", "x"), "read: bias of op 'op' must have 2 values"),
    "bias-matrix": ("matmul", _arg("bias", "x"), "read: bias of op 'op' must have 3 values, got"),
    "weights": ("conv2d", _arg("weights", "c_bias"), "read: weights of op 'op' must be ['oc', 2, 2, 'ic']"),
    "gamma": ("batchnorm", _arg("gamma", "x"), "read: gamma of op 'op' must have 2 values, got"),
    "slopes": ("prelu", _arg("input", "c_weight"), "read: inputs of op 'op' must broadcast to"),
    "multiplier": ("depthwise-conv2d", _dims(1, 2, 2, 4), "must have 2 channels by its weights, got dims"),
    "codes": ("pool-fix", _name("op_type", "maxpool2d"), "input of op 'op' must be real values, got codes"),
    "vector": ("matmul", _arg("input", "x", "c_bias"), "read: inputs of op 'op' must be matrices that fit"),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "change", "text"), FAULTS.values(), ids=FAULTS)
def test_one_fault_is_refused_by_name(kind: str, change: Change, text: str, tmp_path: Path) -> None:
    message = sound_model(kind)
    change(next(node for node in message.op_node if node.op_name == "op"))
    assert text in _use(message.SerializeToString(), tmp_path)


def test_name_of_two_lines_in_a_subgraph_is_refused(tmp_path: Path) -> None:
    message = sound_model("relu")
    message.subg_root.op_name.append("no\nbody")
    end = _use(message.SerializeToString(), tmp_path)
    assert "name of an op in a subgraph must be printable" in end


def test_a_name_that_no_xml_has_is_drawn(tmp_path: Path) -> None:
    graph = Graph("\x00<\uffff")  # from Keras: it has not been through the reader
    graph.add(Op("\x1b", "data", Tensor("x", (1, 2))))
    drawing = draw_svg(describe_graph(graph))
    assert "\ufffd&lt;\ufffd" in drawing and "<title>\ufffd</title>" in drawing


def test_time_grows_with_the_number_of_parts(tmp_path: Path) -> None:
    message = sound_model("relu")
    for number in range(2000):
        node = message.op_node.add()
        node.CopyFrom(message.op_node[1])
        node.op_name = node.output_tensor.tensor_name = f"relu{number}"
        node.args[0].arg_ops[0] = f"relu{number - 1}" if number else "op"
        message.subg_root.subg_child[1].op_name.append(node.op_name)
    assert _use(message.SerializeToString(), tmp_path) == "ran"
    message.op_node[1].output_tensor.tensor_dim[:] = [2**32 - 1] * 1_000_000
    assert "at most 8 dims" in _use(message.SerializeToString(), tmp_path)
