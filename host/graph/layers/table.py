"""The table of layers. To add one: write its converter, add one line here."""

from __future__ import annotations

from collections.abc import Callable

from host.graph.layers import activation, convolution, pooling, scaling, shape
from host.graph.layers.base import LayerCall

CONVERTERS: dict[str, Callable[[LayerCall], str]] = {
    "Activation": activation.activation,
    "Add": shape.eltwise("add"),
    "AveragePooling2D": pooling.pool("avgpool2d"),
    "BatchNormalization": convolution.batch_normalization,
    "Concatenate": shape.concatenate,
    "Conv2D": convolution.conv2d,
    "Conv2DTranspose": convolution.conv2d_transpose,
    "CustomScaleLayer": scaling.scaled_sum,
    "Dense": convolution.dense,
    "DepthwiseConv2D": convolution.depthwise_conv2d,
    "Dropout": shape.dropout,
    "Flatten": shape.reshape,
    "GlobalAveragePooling2D": pooling.global_pool("avgpool2d"),
    "GlobalMaxPooling2D": pooling.global_pool("maxpool2d"),
    "InputLayer": shape.input_layer,
    "LeakyReLU": activation.leaky_relu,
    "MaxPooling2D": pooling.pool("maxpool2d"),
    "Multiply": shape.eltwise("mul"),
    "Normalization": scaling.normalization,
    "PReLU": activation.prelu,
    "ReLU": activation.relu,
    "Rescaling": scaling.rescaling,
    "Reshape": shape.reshape,
    "SeparableConv2D": convolution.separable_conv2d,
    "Softmax": activation.softmax,
    "SpatialDropout2D": shape.dropout,
    "UpSampling2D": pooling.up_sampling_2d,
    "ZeroPadding2D": shape.zero_padding_2d,
}

# Where a layer must come from; operations such as `a + b` are in host/graph/layers/operation.py.
MODULES = ("keras.layers", "keras.src.applications.inception_resnet_v2")
