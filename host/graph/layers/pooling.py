"""MaxPooling2D, AveragePooling2D, their global kin, UpSampling2D."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from host.graph.layers.base import LayerCall
from host.graph.layers.window import window


def pool(kind: str) -> Callable[[LayerCall], str]:
    """Return the converter of a pool: maxpool2d or avgpool2d."""

    def convert(call: LayerCall) -> str:
        attrs = {**window(call, call.layer.pool_size, (1, 1)), **_counting(kind)}
        del attrs["dilation"]
        return call.add(kind, attrs)

    return convert


def global_pool(kind: str) -> Callable[[LayerCall], str]:
    """Return the converter of a pool over the whole map."""

    def convert(call: LayerCall) -> str:
        height, width = call.dims_in[1:3]
        attrs: dict[str, Any] = {
            "kernel": [width, height],
            "stride": [1, 1],
            "pad": [0, 0, 0, 0],
            "pad_mode": "FLOOR",
            "global": True,
            **_counting(kind),
        }
        return call.add(kind, attrs)

    return convert


def _counting(kind: str) -> dict[str, Any]:
    """TensorFlow leaves padding out of an average; XIR's default is to count it."""
    return {"count_include_pad": False} if kind == "avgpool2d" else {}


def up_sampling_2d(call: LayerCall) -> str:
    """UpSampling2D -> resize."""
    mode = str(call.layer.interpolation).upper()
    if mode not in ("NEAREST", "BILINEAR"):
        raise call.refuse("interpolation", "nearest or bilinear", call.layer.interpolation)
    height, width = (int(factor) for factor in call.layer.size)
    attrs = {
        "mode": mode,
        "align_corners": False,
        "half_pixel_centers": mode == "BILINEAR",
        "scale": [float(width), float(height)],
    }
    return call.add("resize", attrs)
