"""Layers of DCGAN, with its small normal starts."""

from typing import Any

import keras
from keras import layers

from keras_genmod.layers.group_normalization import GroupNormalization
from keras_genmod.layers.same_conv_2d_transpose import SameConv2DTranspose
from keras_genmod.networks.inputs import dcgan_initializer


def convolution(channels: int, kernel_size: int, **kwargs: Any) -> keras.Layer:
    """Returns a convolution that keeps the sides, or divides them by its stride."""
    return layers.Conv2D(
        channels,
        kernel_size,
        padding="same",
        kernel_initializer=dcgan_initializer(),
        data_format="channels_last",
        **kwargs,
    )


def doubling(channels: int, **kwargs: Any) -> keras.Layer:
    """Returns a 4x4 transposed convolution of stride 2."""
    return SameConv2DTranspose(
        channels,
        4,
        strides=2,
        kernel_initializer=dcgan_initializer(),
        **kwargs,
    )


def normalized(x: Any, kind: str | None) -> Any:
    """Returns `x` normalized: "batch", "layer" over each example, or as it is."""
    if kind is None:
        return x
    if kind == "batch":
        return layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(x)
    return GroupNormalization(groups=1, epsilon=1e-5)(x)
