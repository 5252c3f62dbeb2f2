"""The network of colourisation by classification."""

from collections.abc import Sequence

import keras
from keras import layers

from keras_genmod import checks
from keras_genmod.layers.same_conv_2d_transpose import SameConv2DTranspose

_DEEPEST = 8  # times `filters`


def colorization_network(
    image_size: Sequence[int],
    num_bins: int = 261,
    filters: int = 64,
    num_downsamplings: int = 3,
) -> keras.Model:
    """Makes a network from lightness to logits of colours, one block after another.

    A block is 3x3 convolutions with ReLU, then batch normalization. With three
    downsamplings: 64, 64 with stride 2; 128, 128 with stride 2; 256, 256, 256 with
    stride 2; 512 three times; twice 512 three times with dilation 2; 512 three times;
    a 4x4 transposed convolution of stride 2 to 256, and 256 twice; a 1x1 convolution to
    the bins.

    Args:
        image_size: Pair `(height, width)`, divisible by `2 ** num_downsamplings`.
        num_bins: Int, `Colorization.num_bins()`.
        filters: Int, channels of the first block.
        num_downsamplings: Int of at least 1.

    Returns:
        `keras.Model` from lightness `(batch, height, width, 1)` in [0, 1] to logits
        `(batch, height / k, width / k, num_bins)`, k = 2^(num_downsamplings - 1).

    Raises:
        ValueError: If an argument is out of its range.

    References:
        Zhang, Isola and Efros, "Colorful image colorization", 2016, arXiv:1603.08511.

    Example:
        ```python
        network = keras_genmod.networks.colorization_network((32, 32))
        network.output_shape  # (None, 8, 8, 261)
        ```
    """
    height, width = checks.sizes("image_size", image_size, rank=2)
    num_bins = checks.positive_int("num_bins", num_bins)
    filters = checks.positive_int("filters", filters)
    depth = checks.integer("num_downsamplings", num_downsamplings, 1, 30)
    if height % 2**depth or width % 2**depth:
        raise ValueError(
            f"`image_size` must be divisible by 2 ** num_downsamplings = {2**depth}. "
            f"Received: image_size={(height, width)}"
        )
    inputs = keras.Input((height, width, 1), name="lightness")
    x = layers.Rescaling(1.0, -0.5)(inputs)  # the paper's L, less 50, over 100
    for i in range(depth):
        x = _block(x, filters * min(2**i, _DEEPEST), 2 if i < 2 else 3, strides=2)
    deepest = filters * min(2**depth, _DEEPEST)
    for dilation in (1, 2, 2, 1):
        x = _block(x, deepest, 3, dilation_rate=dilation)
    x = SameConv2DTranspose(
        deepest // 2 or 1,
        4,
        strides=2,
        activation="relu",
    )(x)
    x = _convolution(deepest // 2 or 1, 3, activation="relu")(x)
    x = _convolution(deepest // 2 or 1, 3, activation="relu")(x)
    x = _convolution(num_bins, 1, dtype="float32")(x)
    return keras.Model(inputs, x, name="colorization_network")


def _convolution(channels, kernel_size, **kwargs):
    return layers.Conv2D(
        channels, kernel_size, padding="same", data_format="channels_last", **kwargs
    )


def _block(x, channels, num_convolutions, strides=1, dilation_rate=1):
    for i in range(num_convolutions):
        is_last = i == num_convolutions - 1
        x = _convolution(
            channels,
            3,
            activation="relu",
            strides=strides if is_last else 1,
            dilation_rate=dilation_rate,
        )(x)
    return layers.BatchNormalization(momentum=0.9)(x)
