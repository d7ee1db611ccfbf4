"""Networks of AMD's published performance tables that keras.applications does not have, without weights.

Sources: Szegedy et al., Going deeper with convolutions (Inception v1; TF-slim's has 3x3 in place of
    5x5);
Iandola et al., SqueezeNet, version 1.1; He et al., Deep residual learning (ResNet-50, TF-slim's
placing of strides: the last unit of a stage halves the map).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from host.quiet import import_keras
from target.errors import ModelError

_TOLERANCE = 0.025  # of operations
# Filters of 1x1, 3x3 (reduced, full), 5x5 (reduced, full) and behind the pool; None halves the map.
_INCEPTION = (
    *((64, 96, 128, 16, 32, 32), (128, 128, 192, 32, 96, 64), None),
    *((192, 96, 208, 16, 48, 64), (160, 112, 224, 24, 64, 64), (128, 128, 256, 24, 64, 64)),
    *((112, 144, 288, 32, 64, 64), (256, 160, 320, 32, 128, 128), None),
    *((256, 160, 320, 32, 128, 128), (384, 192, 384, 48, 128, 128)),
)
_FIRE = (
    (16, 64),
    (16, 64),
    None,
    (32, 128),
    (32, 128),
    None,
    (48, 192),
    (48, 192),
    (64, 256),
    (64, 256),
)
_RESNET = ((64, 3, 2), (128, 4, 2), (256, 6, 2), (512, 3, 1))


def build_published(network: str, input_hw: tuple[int, int], gops: float) -> Any:
    """Build the variant of a network that has the published operations.

    Args:
        network: As the table names it.
        input_hw: Height and width.
        gops: Published operations in 10**9, two a multiply-add.

    Raises:
        ModelError: If no variant reproduces the operations, or the input is too small.
    """
    import_keras()
    for build in _VARIANTS.get(network, ()):
        try:
            model = build(input_hw)
        except ValueError as error:  # Keras, where a map would be empty
            reason = " ".join(str(error).split())[:200]
            raise ModelError(
                f"input size must be one that {network} takes, got {input_hw}: {reason}"
            ) from error
        if abs(_gops(model) / gops - 1) < _TOLERANCE:
            return model
    raise ModelError(
        f"network must be one of {', '.join(_VARIANTS)} with the published operations, got '{network}'"
        f" of {gops} GOP"
    )


def _gops(model: Any) -> float:
    """Count two operations a multiply-add of convolutions and dense layers."""
    total = 0
    for layer in model.layers:
        if hasattr(layer, "kernel"):
            shape = layer.output.shape
            pixels = shape[1] * shape[2] if len(shape) == 4 else 1
            total += 2 * pixels * int(layer.kernel.shape.num_elements())
    return total / 1e9


def _conv(x: Any, filters: int, kernel: int, stride: int = 1, padding: str = "same") -> Any:
    from keras import layers

    return layers.Conv2D(filters, kernel, stride, padding, activation="relu")(x)


def _inception_v1(input_hw: tuple[int, int], large: int) -> Any:
    import keras
    from keras import layers

    image = x = keras.Input((*input_hw, 3))
    x = layers.MaxPooling2D(3, 2, "same")(_conv(x, 64, 7, 2))
    x = layers.MaxPooling2D(3, 2, "same")(_conv(_conv(x, 64, 1), 192, 3))
    for filters in _INCEPTION:
        if filters is None:
            x = layers.MaxPooling2D(3, 2, "same")(x)
            continue
        one, reduced, three, small, five, behind = filters
        pooled = layers.MaxPooling2D(3, 1, "same")(x)
        branches = [
            _conv(x, one, 1),
            _conv(_conv(x, reduced, 1), three, 3),
            _conv(_conv(x, small, 1), five, large),
            _conv(pooled, behind, 1),
        ]
        x = layers.Concatenate()(branches)
    return keras.Model(image, layers.Dense(1000)(layers.GlobalAveragePooling2D()(x)))


def _squeezenet(input_hw: tuple[int, int]) -> Any:
    import keras
    from keras import layers

    image = x = keras.Input((*input_hw, 3))
    x = layers.MaxPooling2D(3, 2)(_conv(x, 64, 3, 2, "valid"))
    for filters in _FIRE:
        if filters is None:
            x = layers.MaxPooling2D(3, 2)(x)
            continue
        squeezed = _conv(x, filters[0], 1)
        x = layers.Concatenate()([_conv(squeezed, filters[1], 1), _conv(squeezed, filters[1], 3)])
    return keras.Model(image, layers.GlobalAveragePooling2D()(_conv(x, 1000, 1)))


def _resnet50_slim(input_hw: tuple[int, int]) -> Any:
    import keras
    from keras import layers

    image = x = keras.Input((*input_hw, 3))
    x = layers.MaxPooling2D(3, 2, "same")(_conv(x, 64, 7, 2))
    for filters, units, last_stride in _RESNET:
        for unit in range(units):
            stride = last_stride if unit == units - 1 else 1
            shortcut = x if stride == 1 else layers.MaxPooling2D(1, stride)(x)
            if unit == 0:
                shortcut = layers.Conv2D(4 * filters, 1, stride)(x)
            inner = _conv(_conv(x, filters, 1), filters, 3, stride)
            x = layers.Add()([shortcut, layers.Conv2D(4 * filters, 1)(inner)])
            x = layers.Activation("relu")(x)
    return keras.Model(image, layers.Dense(1000)(layers.GlobalAveragePooling2D()(x)))


_VARIANTS: dict[str, tuple[Callable[[tuple[int, int]], Any], ...]] = {
    "Inception v1": (lambda size: _inception_v1(size, 5), lambda size: _inception_v1(size, 3)),
    "ResNet-50 v1": (_resnet50_slim,),
    "SqueezeNet": (_squeezenet,),
}
