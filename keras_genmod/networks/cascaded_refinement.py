"""The generator that refines a layout from coarse to fine."""

import math
from collections.abc import Sequence

import keras
from keras import layers

from keras_genmod import checks
from keras_genmod.layers.group_normalization import GroupNormalization


def cascaded_refinement(
    layout_shape: Sequence[int],
    filters: Sequence[int] = (1024, 512, 256, 128, 64),
    output_channels: int = 3,
) -> keras.Model:
    """Makes a cascaded refinement network, from layouts to images.

    Each module takes the layout, averaged to its resolution, and the doubled map of the
    module before; two 3x3 convolutions follow, each with normalization and
    LeakyReLU(0.2). The last module has the size of the image; a 3x3 and a 1x1
    convolution end it.

    Args:
        layout_shape: Tuple `(height, width, channels)`; height and width divisible by
            `2 ** (len(filters) - 1)`.
        filters: Tuple of ints, the channels of the modules, coarsest first.
        output_channels: Int, those of images.

    Returns:
        `keras.Model` from layouts to images `(batch, height, width, output_channels)`
        in [0, 1].

    Raises:
        ValueError: If an argument is out of its range.

    References:
        - Chen and Koltun, Photographic image synthesis with cascaded refinement
          networks, 2017, arXiv:1707.09405.
        - Johnson, Gupta and Fei-Fei, Image generation from scene graphs, 2018,
          arXiv:1804.01622.

    Note:
        Groups of up to 8 channels are normalized in each image. The paper normalizes by
        batch, so that an image depends on those beside it, and its first module also
        takes a map of zeros.

    Example:
        ```python
        generator = keras_genmod.networks.cascaded_refinement((64, 64, 160))
        generator.output_shape  # (None, 64, 64, 3)
        ```
    """
    layout_shape = checks.sizes("layout_shape", layout_shape, rank=3)
    filters = checks.sizes("filters", filters)
    output_channels = checks.positive_int("output_channels", output_channels)
    coarsest = 2 ** (len(filters) - 1)
    if layout_shape[0] % coarsest or layout_shape[1] % coarsest:
        raise ValueError(
            "`layout_shape` must have height and width divisible by "
            f"2 ** (len(filters) - 1) = {coarsest}. "
            f"Received: layout_shape={layout_shape}, filters={filters}"
        )
    inputs = keras.Input(layout_shape, name="layout")
    x = None
    for i, channels in enumerate(filters):
        factor = coarsest // 2**i
        layout = inputs
        if factor > 1:
            pool = layers.AveragePooling2D(factor, data_format="channels_last")
            layout = pool(inputs)
        if x is not None:
            x = layers.UpSampling2D(2, data_format="channels_last")(x)
        x = layout if x is None else layers.Concatenate()([layout, x])
        for _ in range(2):
            x = _convolution(channels, 3, use_bias=False)(x)
            groups = channels // math.gcd(channels, 8)
            x = GroupNormalization(groups, epsilon=1e-5)(x)
            x = layers.LeakyReLU(0.2)(x)
    x = layers.LeakyReLU(0.2)(_convolution(filters[-1], 3)(x))
    x = _convolution(output_channels, 1, activation="sigmoid")(x)
    return keras.Model(inputs, x, name="cascaded_refinement")


def _convolution(channels, size, activation=None, use_bias=True):
    return layers.Conv2D(
        channels,
        size,
        padding="same",
        activation=activation,
        use_bias=use_bias,
        kernel_initializer="he_normal",
        data_format="channels_last",
    )
