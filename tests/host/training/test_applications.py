from __future__ import annotations

from typing import Any

import pytest

from host.training.applications import application_names, build_application
from target.errors import ModelError


def test_names_are_those_of_keras() -> None:
    names = application_names()
    assert {"MobileNet", "ResNet50", "VGG16"} <= set(names) and "Any" not in names


def test_application_of_a_size_with_arguments() -> None:
    model = build_application("MobileNet", (32, 64), {"alpha": 0.25, "classes": 7})
    assert (model.input_shape, model.output_shape) == ((None, 32, 64, 3), (None, 7))
    assert model.layers[1].filters == 8  # a quarter of 32


@pytest.mark.parametrize(
    ("size", "arguments", "text"),
    [
        ((1, 1), {}, "at least 32x32"),
        (None, {"alpha": "x"}, "can only concatenate"),
        (None, {"depth": 3}, "unexpected keyword argument 'depth'"),
        (None, {"weights": "/nowhere.h5"}, "`weights` argument should be either"),
        (None, {"classes": -1}, "expected a positive integer"),
        (None, {"name": 5}, "must be a string"),
    ],
    ids=["size", "text for a number", "unknown argument", "weights", "classes", "name"],
)
def test_what_keras_refuses_is_refused_in_one_line(
    size: tuple[int, int] | None, arguments: dict[str, Any], text: str
) -> None:
    with pytest.raises(ModelError, match=f"must be some that MobileNetV2 takes, got .*: .*{text}"):
        build_application("MobileNetV2", size, arguments)


def test_unknown_name_lists_the_names() -> None:
    with pytest.raises(
        ModelError, match="must be one of ConvNeXtBase, .*, Xception, got 'AlexNet'"
    ):
        build_application("AlexNet", None, {})
