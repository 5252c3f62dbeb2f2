"""The networks of BigGAN.

Brock, Donahue and Simonyan, "Large scale GAN training for high fidelity natural image
synthesis", 2019, arXiv:1809.11096, tables 4 and 5, and the authors' networks for 32x32.
Every kernel starts orthogonal; all but that of the embedding have spectral norm 1. The
latents are split: the first part starts the image, each block gets another one beside
the class.

Departures: public pixels are in [0, 1], so that the last layer of the generator and the
first of the discriminator rescale; sides are those of the tables, 32 and 128, or any
other power of two from 8 to 256 by the same rule.
"""

import keras
from keras import layers, ops

from keras_genmod import checks
from keras_genmod.layers import OrthogonalRegularizer, SpectralNormalization
from keras_genmod.networks.inputs import image_input
from keras_genmod.networks.residual_blocks import (
    attention,
    convolution,
    downward_block,
    first_downward_block,
    score_of_sum,
    spectral_upward_block,
)

_START = "orthogonal"  # of every kernel

# By the side of the image: channels over `filters` after each block of the generator,
# which all double, and of the discriminator, and how many of the latter halve.
_WIDTHS = {
    8: ((4,), (4, 4, 4, 4), 2),
    16: ((4, 4), (4, 4, 4, 4), 2),
    32: ((4, 4, 4), (4, 4, 4, 4), 2),
    64: ((16, 8, 4, 2), (1, 2, 4, 8, 16), 4),
    128: ((16, 8, 4, 2, 1), (1, 2, 4, 8, 16, 16), 5),
    256: ((16, 8, 8, 4, 2, 1), (1, 2, 4, 8, 8, 16, 16), 6),
}


def big_gan_generator(
    latent_dim: int,
    image_shape: tuple[int, ...],
    num_classes: int,
    filters: int = 64,
    embedding_dim: int = 128,
    attention_side: int | None = None,
    orthogonal_weight: float | None = None,
) -> keras.Model:
    """Makes BigGAN's generator.

    Args:
        latent_dim: Integer, divisible by the number of blocks and one more: 128 for
            32x32 (4 parts), 120 for 128x128 (6 parts).
        image_shape: Tuple `(side, side, channels)`, the side a power of two from 8 to
            256.
        num_classes: Integer; the network takes `[latent, one_hot]` with `one_hot` of
            shape `(batch, num_classes)`.
        filters: Integer, the number that all channels are multiples of; 64 for 32x32,
            96 for 128x128.
        embedding_dim: Integer, the size of the classes' shared embedding.
        attention_side: Integer, the side of the map that attends to itself, 64 for
            128x128; `None` for none.
        orthogonal_weight: Number of at least 0, of `layers.OrthogonalRegularizer` of
            all kernels but those of embedding and attention; 1e-4 in the paper. `None`
            for none.

    Returns:
        `keras.Model` to images in [0, 1] of shape `(batch, *image_shape)`; of
        70,433,988 trainable parameters for 128x128x3, 120 latents, 1,000 classes, 96
        filters and attention at 64.

    Raises:
        ValueError: If an argument is out of its range.

    References:
        - Brock, Donahue and Simonyan, 2019, arXiv:1809.11096.

    Example:
        ```python
        generator = keras_genmod.networks.big_gan_generator(128, (32, 32, 3), 10)
        generator([keras.ops.zeros((4, 128)), keras.ops.eye(10)[:4]]).shape
        ```
    """
    image_shape, (widths, _, _) = _architecture(image_shape)
    filters = checks.positive_int("filters", filters)
    latent_dim = checks.positive_int("latent_dim", latent_dim)
    num_classes = checks.positive_int("num_classes", num_classes)
    embedding_dim = checks.positive_int("embedding_dim", embedding_dim)
    _check_attention(attention_side, image_shape)
    regularizer = None
    if orthogonal_weight is not None:
        checks.non_negative("orthogonal_weight", orthogonal_weight)
        regularizer = OrthogonalRegularizer(orthogonal_weight)
    num_parts = len(widths) + 1
    if latent_dim % num_parts:
        raise ValueError(
            f"`latent_dim` must be divisible by {num_parts}: the first layer and each "
            f"of the {num_parts - 1} blocks get a part. Received: "
            f"latent_dim={latent_dim}"
        )
    latent = keras.Input((latent_dim,), name="latent")
    one_hot = keras.Input((num_classes,), name="one_hot")
    embed = layers.Dense(
        embedding_dim, use_bias=False, kernel_initializer=_START, name="embedding"
    )
    embedding = embed(one_hot)
    first, *parts = ops.split(latent, num_parts, axis=-1)
    channels = widths[0] * filters
    start = layers.Dense(
        16 * channels,
        kernel_initializer=_START,
        kernel_regularizer=regularizer,
    )
    x = layers.Reshape((4, 4, channels))(SpectralNormalization(start)(first))
    for width, part in zip(widths, parts, strict=True):
        condition = layers.Concatenate()([embedding, part])
        x = spectral_upward_block(x, width * filters, condition, regularizer)
        x = attention(x, _START) if x.shape[1] == attention_side else x
    x = layers.ReLU()(layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(x))
    x = convolution(x, image_shape[-1], 3, _START, True, regularizer)
    x = layers.Rescaling(0.5, 0.5)(layers.Activation("tanh")(x))
    return keras.Model([latent, one_hot], x, name="big_gan_generator")


def big_gan_discriminator(
    image_shape: tuple[int, ...],
    num_classes: int,
    filters: int = 64,
    attention_side: int | None = None,
) -> keras.Model:
    """Makes BigGAN's discriminator, with a projection on the class.

    Args:
        image_shape: Tuple `(side, side, channels)`, the side a power of two from 8 to
            256.
        num_classes: Integer; the network takes `[image, one_hot]` with `one_hot` of
            shape `(batch, num_classes)`.
        filters: Integer, the number that all channels are multiples of.
        attention_side: Integer, the side of the map that attends to itself, 64 for
            128x128; `None` for none.

    Returns:
        `keras.Model` from images in [0, 1] to scores (logits) of shape `(batch, 1)`; of
        87,982,370 trainable parameters for 128x128x3, 1,000 classes, 96 filters and
        attention at 64.

    Raises:
        ValueError: If an argument is out of its range.

    References:
        - Brock, Donahue and Simonyan, 2019, arXiv:1809.11096.

    Example:
        ```python
        discriminator = keras_genmod.networks.big_gan_discriminator((32, 32, 3), 10)
        ```
    """
    image_shape, (_, widths, num_halvings) = _architecture(image_shape)
    filters = checks.positive_int("filters", filters)
    num_classes = checks.positive_int("num_classes", num_classes)
    _check_attention(attention_side, image_shape)
    image, x = image_input(image_shape, num_classes=None, rescale=True)
    for i, width in enumerate(widths):
        if i == 0:
            x = first_downward_block(x, width * filters, _START)
        else:
            x = downward_block(
                x, width * filters, halves=i < num_halvings, initializer=_START
            )
        if i < num_halvings and x.shape[1] == attention_side:
            x = attention(x, _START)
    inputs, score = score_of_sum(image, x, num_classes, _START)
    return keras.Model(inputs, score, name="big_gan_discriminator")


def _architecture(image_shape):
    image_shape = checks.sizes("image_shape", image_shape, rank=3)
    height, width, _ = image_shape
    if height != width or height not in _WIDTHS:
        raise ValueError(
            f"`image_shape` must have two equal sides of {list(_WIDTHS)}: resize or "
            f"pad the images. Received: image_shape={image_shape}"
        )
    return image_shape, _WIDTHS[height]


def _check_attention(attention_side, image_shape):
    sides = [2**i for i in range(3, 8) if 2**i < image_shape[0]]
    checks.choice("attention_side", attention_side, [None, *sides])
