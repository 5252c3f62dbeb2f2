"""The image translator of Pix2Pix."""

import keras
from keras import layers

from keras_genmod import checks
from keras_genmod.layers.persistent_dropout import PersistentDropout
from keras_genmod.layers.same_conv_2d_transpose import SameConv2DTranspose
from keras_genmod.networks.inputs import (
    checked_dropout,
    dcgan_initializer,
    image_input,
    image_normalization,
)

_MOST_DOWNSAMPLINGS = 8  # of the paper, for 256x256
_NUM_DROPOUTS = 3


def unet_generator(
    image_shape: tuple[int, ...],
    filters: int = 64,
    num_downsamplings: int | None = None,
    output_channels: int | None = None,
    dropout: float = 0.5,
) -> keras.Model:
    """Makes Pix2Pix's generator, a U-Net of 4x4 convolutions of stride 2.

    With n downsamplings the encoder is C64-C128-C256-C512-...-C512, down to a map of
    the sides over 2^n; Ck is LeakyReLU(0.2), a convolution with k channels, and
    instance normalization. The first has neither, the last no normalization: of a map
    of 1x1 it would leave nothing. The decoder mirrors it with ReLU, transposed
    convolutions and normalization, its first three maps with dropout. Each decoder
    map is joined with the encoder map of its size; the last ends in tanh.

    Args:
        image_shape: Tuple `(height, width, channels)` of what comes in; height and
            width divisible by `2 ** num_downsamplings`.
        filters: Integer, the channels of the first map; doubled in each next one, up
            to `8 * filters`.
        num_downsamplings: Integer of at least 1; `None` takes as many as halve both
            sides, at most 8, the paper's for 256x256.
        output_channels: Integer, of what goes out; `None` for as many as come in.
        dropout: Number in [0, 1): the generator's only noise, on in training and
            after it (`layers.PersistentDropout`).

    Returns:
        `keras.Model` from images in [0, 1] of shape `(batch, *image_shape)` to images
        in [0, 1] of shape `(batch, height, width, output_channels)`. For 256x256x3 it
        has 54,413,955 parameters.

    Raises:
        ValueError: If an argument is out of its range, or a side is not divisible.

    References:
        - Isola, Zhu, Zhou and Efros, "Image-to-image translation with conditional
          adversarial networks", 2017, arXiv:1611.07004.
        - Ronneberger, Fischer and Brox, "U-Net: Convolutional networks for biomedical
          image segmentation", 2015, arXiv:1505.04597.

    Note:
        The paper normalizes by batch in batches of one image, which is by instance;
        here it is by instance for batches of any size.

    Example:
        ```python
        generator = keras_genmod.networks.unet_generator((64, 64, 3), filters=16)
        generator.output_shape  # (None, 64, 64, 3)
        ```
    """
    image_shape = checks.sizes("image_shape", image_shape, rank=3)
    filters = checks.positive_int("filters", filters)
    if output_channels is None:
        output_channels = image_shape[-1]
    output_channels = checks.positive_int("output_channels", output_channels)
    dropout = checked_dropout(dropout)
    depth = _depth(image_shape, num_downsamplings)
    widths = [filters * min(2**i, 8) for i in range(depth)]
    inputs, x = image_input(image_shape, num_classes=None, rescale=True)
    maps = []
    for i, width in enumerate(widths):
        if i > 0:
            x = layers.LeakyReLU(0.2)(x)
        x = _convolution(layers.Conv2D, width)(x)
        if 0 < i < depth - 1:
            x = image_normalization("instance")(x)
        maps.append(x)
    maps.pop()
    for i, width in enumerate(reversed(widths[:-1])):
        x = _convolution(SameConv2DTranspose, width)(layers.ReLU()(x))
        x = image_normalization("instance")(x)
        if i < _NUM_DROPOUTS:
            x = PersistentDropout(dropout)(x)
        x = layers.Concatenate()([x, maps.pop()])
    x = _convolution(
        SameConv2DTranspose, output_channels, use_bias=True, activation="tanh"
    )(layers.ReLU()(x))
    x = layers.Rescaling(0.5, 0.5)(x)
    return keras.Model(inputs, x, name="unet_generator")


def _convolution(kind, channels, use_bias=False, activation=None):
    return kind(
        channels,
        4,
        strides=2,
        padding="same",
        use_bias=use_bias,
        activation=activation,
        kernel_initializer=dcgan_initializer(),
        data_format="channels_last",
    )


def _depth(image_shape, num_downsamplings):
    """Returns the number of halvings, checked against the sides."""
    height, width, _ = image_shape
    halves = [n for n in range(1, _MOST_DOWNSAMPLINGS + 1) if not _odd(image_shape, n)]
    if num_downsamplings is None:
        if not halves:
            raise ValueError(
                "`image_shape` must have an even height and width, or nothing halves: "
                f"pad or crop the images. Received: image_shape={image_shape}"
            )
        return halves[-1]
    depth = checks.integer("num_downsamplings", num_downsamplings, 1, 30)
    if _odd(image_shape, depth):
        possible = f"at most {halves[-1]} here" if halves else "even sides at least"
        raise ValueError(
            f"`image_shape` must have height {height} and width {width} divisible by "
            f"2 ** num_downsamplings = {2**depth}: pad or crop the images, or use "
            f"fewer downsamplings ({possible}). "
            f"Received: image_shape={image_shape}, num_downsamplings={depth}"
        )
    return depth


def _odd(image_shape, depth):
    return bool(image_shape[0] % 2**depth or image_shape[1] % 2**depth)
