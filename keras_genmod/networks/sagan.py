"""The networks of the self-attention GAN.

Zhang, Goodfellow, Metaxas and Odena, "Self-attention generative adversarial networks",
2019, arXiv:1805.08318, with the layers of the authors' code for 128x128. Every kernel
of both networks has spectral norm 1; one map of each attends to itself.

Departures: public pixels are in [0, 1], so that the last layer of the generator and the
first of the discriminator rescale; sides are any power of two from 8 on, by the same
rule; without classes normalization and score have none.
"""

import keras
from keras import layers

from keras_genmod import checks
from keras_genmod.layers import SpectralNormalization
from keras_genmod.networks.inputs import image_input
from keras_genmod.networks.residual_blocks import (
    attention,
    batch_normalization,
    convolution,
    downward_block,
    first_downward_block,
    glorot,
    latent_and_class,
    score_of_sum,
    upward_block,
)


def sagan_generator(
    latent_dim: int,
    image_shape: tuple[int, ...],
    filters: int = 64,
    num_classes: int | None = None,
    attention_side: int | None = 32,
) -> keras.Model:
    """Makes SAGAN's generator: a dense layer and residual blocks that double.

    Args:
        latent_dim: Integer, the size of the latents; 128 in the paper.
        image_shape: Tuple `(side, side, channels)`, the side a power of two from 8 on.
        filters: Integer, the channels of the largest maps; smaller ones have more.
        num_classes: Integer; if given, the network takes `[latent, one_hot]` with
            `one_hot` of shape `(batch, num_classes)`, and batch normalization in the
            blocks has a gain and a bias for each class.
        attention_side: Integer, the side of the map that attends to itself, a power of
            two from 8 to the image's; or `None`.

    Returns:
        `keras.Model` to images in [0, 1] of shape `(batch, *image_shape)`.

    Raises:
        ValueError: If an argument is out of its range.

    References:
        Zhang et al., 2019, arXiv:1805.08318.

    Example:
        ```python
        generator = keras_genmod.networks.sagan_generator(
            128, (64, 64, 3), filters=32
        )
        generator(keras.ops.zeros((4, 128))).shape  # (4, 64, 64, 3)
        ```
    """
    image_shape, widths = _architecture(image_shape, filters, attention_side)
    inputs, latent, condition = latent_and_class(latent_dim, num_classes)
    start = layers.Dense(16 * widths[-1], kernel_initializer=glorot())
    x = layers.Reshape((4, 4, widths[-1]))(SpectralNormalization(start)(latent))
    for width in reversed(widths):
        x = upward_block(x, width, condition, spectral=True)
        x = attention(x) if x.shape[1] == attention_side else x
    x = layers.ReLU()(batch_normalization(x))
    x = convolution(x, image_shape[-1], 3, glorot(), spectral=True)
    x = layers.Rescaling(0.5, 0.5)(layers.Activation("tanh")(x))
    return keras.Model(inputs, x, name="sagan_generator")


def sagan_discriminator(
    image_shape: tuple[int, ...],
    filters: int = 64,
    num_classes: int | None = None,
    attention_side: int | None = 32,
) -> keras.Model:
    """Makes SAGAN's discriminator: residual blocks down to 4x4, a sum, a score.

    Args:
        image_shape: As for the generator.
        filters: Integer, the channels of the largest maps; smaller ones have more.
        num_classes: Integer; if given, the network takes `[image, one_hot]` with
            `one_hot` of shape `(batch, num_classes)`, and the score gets the projection
            of the features on an embedding of the class.
        attention_side: Integer, the side of the map that attends to itself, a power of
            two from 8 to half of the image's; or `None`.

    Returns:
        `keras.Model` from images in [0, 1] to scores (logits) of shape `(batch, 1)`.

    Raises:
        ValueError: If an argument is out of its range.

    References:
        - Zhang et al., 2019, arXiv:1805.08318.
        - Miyato and Koyama, 2018, arXiv:1802.05637 (the projection).

    Example:
        ```python
        discriminator = keras_genmod.networks.sagan_discriminator((64, 64, 3), 32)
        discriminator(keras.ops.zeros((4, 64, 64, 3))).shape  # (4, 1)
        ```
    """
    image_shape, widths = _architecture(image_shape, filters, attention_side, 2)
    image, x = image_input(image_shape, num_classes=None, rescale=True)
    x = first_downward_block(x, widths[0])
    x = attention(x) if x.shape[1] == attention_side else x
    for width in widths[1:]:
        x = downward_block(x, width, halves=True)
        x = attention(x) if x.shape[1] == attention_side else x
    x = downward_block(x, widths[-1], halves=False)
    inputs, score = score_of_sum(image, x, num_classes)
    return keras.Model(inputs, score, name="sagan_discriminator")


def _architecture(image_shape, filters, attention_side, largest=1):
    """Returns the shape, and the channels of maps from the largest one on.

    Args:
        image_shape: Tuple.
        filters: Integer.
        attention_side: Integer or `None`.
        largest: Integer, the side of the image over that of the largest map that may
            attend to itself.
    """
    image_shape = checks.sizes("image_shape", image_shape, rank=3)
    filters = checks.positive_int("filters", filters)
    height, width, _ = image_shape
    if height != width or height < 8 or height & (height - 1):
        raise ValueError(
            "`image_shape` must have two equal sides, a power of two from 8 on: resize "
            f"or pad the images. Received: image_shape={image_shape}"
        )
    num_doublings = height.bit_length() - 3  # from 4x4
    sides = [height // 2**i for i in range(num_doublings)]
    sides = [side for side in sides if side * largest <= height]
    checks.choice("attention_side", attention_side, [None, *sides])
    return image_shape, [filters * 2**i for i in range(num_doublings)]
