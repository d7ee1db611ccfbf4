from __future__ import annotations

from typing import Any

import pytest

from host.training.layer_list import build_layer_list
from target.errors import DataError

CONV = {"type": "conv2d", "filters": 4, "kernel": [3, 3], "strides": [1, 1], "padding": "same"}
POOL = {"type": "max_pool", "size": [2, 2], "strides": [2, 2], "padding": "valid"}


def test_layers_follow_the_list() -> None:
    entries = [
        {**CONV, "batch_norm": True, "activation": "relu"},
        POOL,
        {"type": "flatten"},
        {"type": "dense", "units": 5, "activation": "linear"},
    ]
    model = build_layer_list([8, 6, 3], entries)
    kinds = [type(layer).__name__ for layer in model.layers]
    assert kinds == [
        *("InputLayer", "Conv2D", "BatchNormalization", "Activation"),
        *("MaxPooling2D", "Flatten", "Dense"),
    ]
    assert model.output_shape == (None, 5)
    # 3 * 3 * 3 * 4 + 4; 4 values of each of 4 channels; 4 * 3 * 4 * 5 + 5
    assert model.count_params() == 112 + 16 + 245


@pytest.mark.parametrize(
    ("shape", "entry", "text"),
    [
        (
            [8, 8, 3],
            {"type": "lstm"},
            "layer must be conv2d, max_pool, flatten or dense, got 'lstm'",
        ),
        (
            [8, 8, 3],
            {**CONV, "filters": -1},
            "layer 0 must be one that Keras takes, got ValueError: ",
        ),
        (
            [8, 8, 3],
            {**CONV, "kernel": "3"},
            "layer 0 must be one that Keras takes, got ValueError: ",
        ),
        ([8, 8, 3], {**CONV, "activation": "none"}, "layer 0 must be one .* identifier: none"),
        (
            [8, 8, 3],
            {"type": "dense"},
            "layer 0 must be one that Keras takes, got KeyError: 'units'",
        ),
        ([8, 8, 3], 7, "layer 0 must be one that Keras takes, got TypeError: "),
        ([1, 1, 3], POOL, "layer 0 must be one that Keras takes, got ValueError: "),
        (["a"], CONV, r"input \['a'\] must be one that Keras takes, got "),
    ],
    ids=["type", "filters", "kernel", "activation", "no units", "a number", "too small", "shape"],
)
def test_layer_that_cannot_be_built_is_refused(shape: list[Any], entry: Any, text: str) -> None:
    with pytest.raises(DataError, match=text):
        build_layer_list(shape, [entry])
