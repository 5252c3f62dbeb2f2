"""The networks of VQ-VAE: from images to grids of features, and back."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers

from keras_genmod import checks
from keras_genmod.layers.same_conv_2d_transpose import SameConv2DTranspose
from keras_genmod.networks.inputs import activation_of, image_input


def grid_encoder(
    image_shape: Sequence[int],
    code_dim: int,
    filters: int = 128,
    num_downsamplings: int = 2,
    num_blocks: int = 2,
) -> keras.Model:
    """Makes a network from images to a grid of features, for a quantizer to take.

    4x4 convolutions of stride 2 with ReLU, residual blocks of ReLU, 3x3, ReLU, 1x1,
    and a 1x1 convolution to the features.

    Args:
        image_shape: Tuple `(height, width, channels)`; height and width divisible by
            `2 ** num_downsamplings`.
        code_dim: Integer, channels of the features: a quantizer's `input_dim`.
        filters: Integer, channels of the hidden layers; 256 in the paper.
        num_downsamplings: Integer of at least 0, halvings of height and width.
        num_blocks: Integer of at least 0, residual blocks.

    Returns:
        `keras.Model` from images to features `(batch, height / 2**n, width / 2**n,
        code_dim)`.

    Raises:
        ValueError: If an argument is out of its range.

    References:
        van den Oord, Vinyals and Kavukcuoglu, "Neural discrete representation
        learning", 2017, arXiv:1711.00937, section 4.1.

    Example:
        ```python
        encoder = keras_genmod.networks.grid_encoder((28, 28, 1), 64, filters=32)
        encoder.output_shape  # (None, 7, 7, 64)
        ```
    """
    image_shape = checks.sizes("image_shape", image_shape, rank=3)
    code_dim = checks.positive_int("code_dim", code_dim)
    filters = checks.positive_int("filters", filters)
    num_downsamplings = checks.integer("num_downsamplings", num_downsamplings, 0, 16)
    num_blocks = checks.integer("num_blocks", num_blocks, 0)
    factor = 2**num_downsamplings
    if image_shape[0] % factor or image_shape[1] % factor:
        raise ValueError(
            "`image_shape` must have height and width divisible by "
            f"2 ** num_downsamplings = {factor}. Received: image_shape={image_shape}"
        )
    inputs, x = image_input(image_shape, num_classes=None, rescale=True)
    for _ in range(num_downsamplings):
        x = layers.ReLU()(_convolution(filters, 4, strides=2)(x))
    x = _convolution(filters, 3)(x)
    x = _residual_blocks(x, num_blocks)
    return keras.Model(inputs, _convolution(code_dim, 1)(x), name="grid_encoder")


def grid_decoder(
    grid_shape: Sequence[int],
    num_channels: int,
    filters: int = 128,
    num_upsamplings: int = 2,
    num_blocks: int = 2,
    output_activation: Any = None,
) -> keras.Model:
    """Makes the network from a grid of vectors to images that mirrors `grid_encoder`.

    A 3x3 convolution, residual blocks, 4x4 transposed convolutions of stride 2 with
    ReLU, and a 3x3 convolution to the outputs.

    Args:
        grid_shape: Tuple `(height, width, code_dim)` of what comes in.
        num_channels: Integer, channels of the outputs.
        filters: Integer, channels of the hidden layers; 256 in the paper.
        num_upsamplings: Integer of at least 0, doublings of height and width.
        num_blocks: Integer of at least 0, residual blocks.
        output_activation: String, callable or None, after the last layer.

    Returns:
        `keras.Model` to `(batch, height * 2**n, width * 2**n, num_channels)`, logits by
        default.

    Raises:
        ValueError: If an argument is out of its range.

    References:
        van den Oord, Vinyals and Kavukcuoglu, "Neural discrete representation
        learning", 2017, arXiv:1711.00937, section 4.1. There the last transposed
        convolution gives the outputs; a convolution of stride 1 leaves no pattern.

    Example:
        ```python
        decoder = keras_genmod.networks.grid_decoder((7, 7, 64), 1, filters=32)
        decoder.output_shape  # (None, 28, 28, 1)
        ```
    """
    grid_shape = checks.sizes("grid_shape", grid_shape, rank=3)
    num_channels = checks.positive_int("num_channels", num_channels)
    filters = checks.positive_int("filters", filters)
    num_upsamplings = checks.integer("num_upsamplings", num_upsamplings, 0, 16)
    num_blocks = checks.integer("num_blocks", num_blocks, 0)
    activation = activation_of("output_activation", output_activation)
    inputs = keras.Input(grid_shape, name="vectors")
    x = _residual_blocks(_convolution(filters, 3)(inputs), num_blocks)
    for _ in range(num_upsamplings):
        x = SameConv2DTranspose(
            filters,
            4,
            strides=2,
            activation="relu",
        )(x)
    x = _convolution(num_channels, 3, activation=activation)(x)
    return keras.Model(inputs, x, name="grid_decoder")


def _convolution(channels, kernel_size, **kwargs):
    return layers.Conv2D(
        channels, kernel_size, padding="same", data_format="channels_last", **kwargs
    )


def _residual_blocks(x, num_blocks):
    channels = x.shape[-1]
    for _ in range(num_blocks):
        y = layers.ReLU()(_convolution(channels, 3)(layers.ReLU()(x)))
        x = layers.Add()([x, _convolution(channels, 1)(y)])
    return layers.ReLU()(x)
