"""Strided convolutions and their mirror, for autoencoders of images."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers

from keras_genmod import checks
from keras_genmod.layers.same_conv_2d_transpose import SameConv2DTranspose
from keras_genmod.networks.inputs import activation_of, image_input, latent_input


def convolutional_encoder(
    image_shape: Sequence[int],
    filters: Sequence[int] = (32, 64),
    num_classes: int | None = None,
) -> keras.Model:
    """Makes a network from images to features: 3x3 convolutions of stride 2, ReLU.

    Args:
        image_shape: Tuple `(height, width, channels)`; height and width divisible by
            `2 ** len(filters)`.
        filters: Tuple of integers, the channels after each convolution.
        num_classes: Integer; if given, the network takes `[image, one_hot]` with
            `one_hot` of shape `(batch, num_classes)`, which becomes channels of the
            image.

    Returns:
        `keras.Model` to features of shape `(batch, features)`, the last feature map
        flattened.

    Raises:
        ValueError: If an argument is out of its range.

    Example:
        ```python
        encoder = keras_genmod.networks.convolutional_encoder((28, 28, 1))
        encoder(keras.ops.zeros((16, 28, 28, 1))).shape  # (16, 3136)
        ```
    """
    image_shape = checks.sizes("image_shape", image_shape, rank=3)
    filters = checks.sizes("filters", filters, may_be_empty=True)
    _smallest_map(image_shape, filters)
    inputs, x = image_input(image_shape, num_classes)
    for channels in filters:
        x = layers.Conv2D(
            channels,
            3,
            strides=2,
            padding="same",
            activation="relu",
            data_format="channels_last",
        )(x)
    x = layers.Flatten(data_format="channels_last")(x)
    return keras.Model(inputs, x, name="convolutional_encoder")


def convolutional_decoder(
    latent_dim: int,
    image_shape: Sequence[int],
    filters: Sequence[int] = (64, 32),
    num_classes: int | None = None,
    output_activation: Any = None,
) -> keras.Model:
    """Makes a network from latents to images: 3x3 transposed convolutions.

    A dense layer makes the smallest feature map, each transposed convolution of
    stride 2 doubles it, and a last one of stride 1 gives the image's channels.

    Args:
        latent_dim: Integer, the size of the latents.
        image_shape: Tuple `(height, width, channels)`; height and width divisible by
            `2 ** len(filters)`.
        filters: Tuple of integers, the channels after each doubling.
        num_classes: Integer; if given, the network takes `[latent, one_hot]` with
            `one_hot` of shape `(batch, num_classes)`.
        output_activation: String, callable or None, after the last layer.

    Returns:
        `keras.Model` to images (logits by default) of shape `(batch, *image_shape)`.

    Raises:
        ValueError: If an argument is out of its range.

    Example:
        ```python
        decoder = keras_genmod.networks.convolutional_decoder(2, (28, 28, 1))
        decoder(keras.ops.zeros((16, 2))).shape  # (16, 28, 28, 1)
        ```
    """
    image_shape = checks.sizes("image_shape", image_shape, rank=3)
    filters = checks.sizes("filters", filters, may_be_empty=True)
    height, width = _smallest_map(image_shape, filters)
    output_activation = activation_of("output_activation", output_activation)
    inputs, x = latent_input(latent_dim, num_classes)
    x = layers.Dense(height * width * filters[0], activation="relu")(x)
    x = layers.Reshape((height, width, filters[0]))(x)
    for channels in filters:
        x = _transposed(channels, strides=2, activation="relu")(x)
    x = _transposed(image_shape[-1], strides=1, activation=output_activation)(x)
    return keras.Model(inputs, x, name="convolutional_decoder")


def _transposed(channels, strides, activation):
    return SameConv2DTranspose(
        channels,
        3,
        strides=strides,
        activation=activation,
    )


def _smallest_map(image_shape, filters):
    if not filters:
        raise ValueError("`filters` must not be empty. Received: filters=()")
    height, width, _ = image_shape
    factor = 2 ** len(filters)
    if height % factor or width % factor:
        raise ValueError(
            "`image_shape` must have height and width divisible by "
            f"2 ** len(filters) = {factor}. "
            f"Received: image_shape={image_shape}, filters={filters}"
        )
    return height // factor, width // factor
