"""The order of layers is Keras's own: by depth, then by a walk back from the outputs."""

from __future__ import annotations

import keras
from keras import layers

from host.graph.from_keras import from_keras
from host.quantizer.layer_order import layer_order


def _branches() -> keras.Model:
    """Branches of different length, made in an order that is not Keras's."""
    image = layers.Input((8, 8, 2), name="image")
    short = layers.Conv2D(2, 1, name="short")(image)
    long = layers.Conv2D(2, 1, name="long3")(
        layers.Conv2D(2, 1, name="long2")(layers.Conv2D(2, 1, name="long1")(image))
    )
    side = layers.MaxPooling2D(1, name="side")(image)
    joined = layers.Add(name="join")([side, long, short])
    late = layers.Conv2D(2, 1, name="late")(joined)
    return keras.Model(image, layers.Add(name="end")([late, joined]), name="net")


def test_order_is_that_of_keras() -> None:
    model = _branches()
    graph = from_keras(model)
    kinds = ("conv2d", "maxpool2d", "add")
    ours = [op.name for op in layer_order(graph, *kinds)]
    theirs = [layer.name for layer in model.layers if layer.name != "image"]
    assert ours == theirs


def test_deepest_first_then_as_the_outputs_are_reached() -> None:
    graph = from_keras(_branches())
    names = [op.name for op in layer_order(graph, "conv2d", "maxpool2d")]
    assert names == ["long1", "long2", "side", "long3", "short", "late"]
