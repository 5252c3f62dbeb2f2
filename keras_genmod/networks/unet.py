"""The network of diffusion models: noisy images and times in, images out."""

import math

import keras
from keras import layers

from keras_genmod import checks
from keras_genmod.layers.group_normalization import GroupNormalization
from keras_genmod.layers.same_conv_2d import SameConv2D
from keras_genmod.layers.self_attention_2d import SelfAttention2D
from keras_genmod.networks.inputs import checked_dropout
from keras_genmod.networks.times import time_inputs

_MOST_GROUPS = 32  # of a normalization
_EPSILON = 1e-6
_ATTENTION = (8,)  # unless one says


def unet(
    image_shape: tuple[int, ...],
    filters: int = 64,
    multipliers: tuple[int, ...] = (1, 2, 2),
    num_blocks: int = 2,
    attention_resolutions: tuple[int, ...] = _ATTENTION,
    num_classes: int | None = None,
    dropout: float = 0.0,
    outputs_per_channel: int = 1,
    embedding_dim: int | None = None,
) -> keras.Model:
    """Makes a residual U-Net of images and times, as diffusion models have it.

    On the way down each level has `num_blocks` residual blocks and halves the image;
    on the way up it has one more, each of which also sees the features that the way
    down had there. A block is

        x + conv(dropout(silu((1 + scale) y + shift))),
        y = normalized(conv(silu(normalized(x)))),

    with `scale` and `shift` linear in the embedding of the time and the label. The
    last convolution of each block and that of the network start at zero: at first
    the output is 0.

    Args:
        image_shape: Tuple `(height, width, channels)`; height and width divisible by
            2 to the power of the levels less one.
        filters: Integer, the channels of the first level.
        multipliers: Tuple of integers, one for each level: its channels are so many
            times `filters`.
        num_blocks: Integer, residual blocks of each level on the way down.
        attention_resolutions: Tuple of integers; levels whose longer side is one of
            these have attention after each block. The lowest level has it in its
            middle, too. The default may be the side of no level: images of 28 x 28,
            with levels of 28, 14 and 7, have the middle alone then.
        num_classes: Integer; if given, the network takes `[images, times, one_hot]`
            with `one_hot` of shape `(batch, num_classes)`. A row of zeros stands for
            no label, and has an embedding of its own.
        dropout: Number in [0, 1), of each block.
        outputs_per_channel: Integer, how many numbers each value of the image gets: 2
            for a diffusion model that learns its variance.
        embedding_dim: Integer; if given, the third input are vectors of this length,
            such as captions' embeddings, in place of labels.

    Returns:
        `keras.Model` from `[images, times]`, of shapes `(batch, *image_shape)` and
        `(batch,)` with times in [0, 1], to float32 of shape
        `(batch, height, width, outputs_per_channel * channels)`.

    Raises:
        ValueError: If an argument is out of its range, or `attention_resolutions`
            other than the default are no level's.

    References:
        - Ho, Jain and Abbeel, "Denoising diffusion probabilistic models", 2020,
          arXiv:2006.11239. On CIFAR-10: `filters=128, multipliers=(1, 2, 2, 2),
          attention_resolutions=(16,), dropout=0.1` make 38,307,203 weights, the
          paper's 35.7 million and 2.6 million of the scales, which it has not.
        - Dhariwal and Nichol, "Diffusion models beat GANs on image synthesis", 2021,
          arXiv:2105.05233 (scale and shift).

    Note:
        Groups of normalizations are the most that divide 32 and the channels, and
        attention has one head, as in the first paper.

    Example:
        ```python
        network = keras_genmod.networks.unet((32, 32, 3), filters=32)
        network([keras.ops.zeros((4, 32, 32, 3)), keras.ops.zeros(4)]).shape
        # (4, 32, 32, 3)
        ```
    """
    image_shape = checks.sizes("image_shape", image_shape, rank=3)
    filters = checks.positive_int("filters", filters)
    multipliers = checks.sizes("multipliers", multipliers)
    num_blocks = checks.positive_int("num_blocks", num_blocks)
    resolutions = checks.sizes(
        "attention_resolutions", attention_resolutions, may_be_empty=True
    )
    dropout = checked_dropout(dropout)
    outputs_per_channel = checks.positive_int(
        "outputs_per_channel", outputs_per_channel
    )
    _check_sides(image_shape, len(multipliers))
    _check_resolutions(resolutions, image_shape, len(multipliers))
    inputs, embedding = time_inputs(
        image_shape,
        filters + filters % 2,
        num_classes,
        "image",
        4 * filters,
        embedding_dim,
    )
    embedding = layers.Activation("silu")(embedding)

    def block(x, channels):
        x = _residual_block(x, embedding, channels, dropout)
        return _attention(x) if max(x.shape[1:3]) in resolutions else x

    x = _convolution(filters)(inputs[0])
    skips = [x]
    for level, multiplier in enumerate(multipliers):
        if level > 0:
            x = _convolution(x.shape[-1], strides=2)(x)
            skips.append(x)
        for _ in range(num_blocks):
            x = block(x, multiplier * filters)
            skips.append(x)
    x = _residual_block(x, embedding, x.shape[-1], dropout)
    x = _residual_block(_attention(x), embedding, x.shape[-1], dropout)
    for level, multiplier in reversed(list(enumerate(multipliers))):
        for _ in range(num_blocks + 1):
            x = layers.Concatenate()([x, skips.pop()])
            x = block(x, multiplier * filters)
        if level > 0:
            x = layers.UpSampling2D(2, data_format="channels_last")(x)
            x = _convolution(x.shape[-1])(x)
    x = layers.Activation("silu")(_normalization(x.shape[-1])(x))
    x = _convolution(outputs_per_channel * image_shape[-1], at_zero=True)(x)
    x = layers.Activation("linear", dtype="float32")(x)
    return keras.Model(inputs, x, name="unet")


def _residual_block(x, embedding, channels, dropout):
    y = layers.Activation("silu")(_normalization(x.shape[-1])(x))
    y = _convolution(channels)(y)
    scale = layers.Reshape((1, 1, channels))(layers.Dense(channels)(embedding))
    shift = layers.Reshape((1, 1, channels))(layers.Dense(channels)(embedding))
    y = _normalization(channels)(y)
    y = layers.Add()([y, layers.Multiply()([y, scale]), shift])
    y = layers.Activation("silu")(y)
    if dropout > 0:
        y = layers.Dropout(dropout)(y)
    y = _convolution(channels, at_zero=True)(y)
    if x.shape[-1] != channels:
        x = layers.Dense(channels)(x)
    return layers.Add()([x, y])


def _attention(x):
    return SelfAttention2D(groups=_num_groups(x.shape[-1]))(x)


def _num_groups(channels):
    return math.gcd(_MOST_GROUPS, channels)


def _normalization(channels):
    return GroupNormalization(_num_groups(channels), epsilon=_EPSILON)


def _convolution(channels, strides=1, at_zero=False):
    initializer = "zeros" if at_zero else "glorot_uniform"
    if strides == 1:
        return SameConv2D(channels, 3, kernel_initializer=initializer)
    return layers.Conv2D(
        channels,
        3,
        strides=strides,
        padding="same",
        kernel_initializer=initializer,
        data_format="channels_last",
    )


def _check_sides(image_shape, num_levels):
    factor = 2 ** (num_levels - 1)
    if image_shape[0] % factor or image_shape[1] % factor:
        raise ValueError(
            "`image_shape` must have height and width divisible by "
            f"2 ** (len(multipliers) - 1) = {factor}: pad the images, or use fewer "
            f"levels. Received: image_shape={image_shape}"
        )


def _check_resolutions(resolutions, image_shape, num_levels):
    sides = [max(image_shape[:2]) // 2**level for level in range(num_levels)]
    if resolutions != _ATTENTION and not set(resolutions) <= set(sides):
        raise ValueError(
            f"`attention_resolutions` must be some of {sides}, the longer sides of the "
            f"levels, or none. Received: attention_resolutions={resolutions}"
        )
