"""The networks of StyleGAN2.

Karras et al., "Analyzing and improving the image quality of StyleGAN", 2020,
arXiv:1912.04958: a mapping of latents to styles; a synthesis of modulated convolutions
whose colours are summed over resolutions ("skip"); a residual discriminator. Weights
start from N(0, 1) and are scaled where they are used.

Departures: public pixels are in [0, 1]: a tanh bounds the generator's, which the
authors' code leaves free, and its last layer and the discriminator's first rescale.
Images are doubled by the filter in front of a convolution, where the authors convolve
transposed and filter then: the same but at the borders.
"""

import math

import keras
from keras import layers

from keras_genmod import checks
from keras_genmod.layers import (
    Blur,
    EqualizedConv2D,
    EqualizedDense,
    LearnedConstant,
    MinibatchStandardDeviation,
    ModulatedConv2D,
    NoiseInjection,
    PixelNormalization,
)
from keras_genmod.networks.inputs import image_input

_GAIN = math.sqrt(2.0)  # of the leaky ReLU


def style_gan_generator(
    latent_dim: int,
    image_shape: tuple[int, ...],
    filters: int = 512,
    filters_base: int = 16384,
    style_dim: int = 512,
    num_mappings: int = 8,
    num_classes: int | None = None,
) -> keras.Model:
    """Makes StyleGAN2's generator, mapping and synthesis in one.

    Noise is drawn anew in training and fixed otherwise.

    Args:
        latent_dim: Integer, the size of the latents, 512 in the paper.
        image_shape: Tuple `(height, width, channels)`, sides of 4 times a power of two
            (the same one): 32x32, 64x128.
        filters: Integer, the most channels that a map has.
        filters_base: Integer; a map that is 2^k times as large as the first one has at
            most `filters_base / (4 * 2^k)` channels.
        style_dim: Integer, the size of the styles.
        num_mappings: Integer, layers of the mapping; 2 in ADA's setting for CIFAR-10.
        num_classes: Integer; if given, the network takes `[latent, one_hot]` with
            `one_hot` of shape `(batch, num_classes)`.

    Returns:
        `keras.Model` to images in [0, 1] of shape `(batch, *image_shape)`. Its layer
        "styles" gives the styles w.

    Raises:
        ValueError: If an argument is out of its range.

    References:
        - Karras et al., 2019, arXiv:1812.04948 (the mapping).
        - Karras et al., 2020, arXiv:1912.04958.

    Example:
        ```python
        model = keras_genmod.GAN(
            keras_genmod.networks.style_gan_generator(64, (32, 32, 3), 64),
            keras_genmod.networks.style_gan_discriminator((32, 32, 3), 64),
            latent_dim=64,
            r1_weight=0.0025,  # 0.01 for images in [-1, 1]
            augmentation=keras_genmod.layers.AdaptiveAugment(),
            ema_momentum=0.999,
        )
        ```
    """
    image_shape, first, widths = _widths(image_shape, filters, filters_base)
    style_dim = checks.positive_int("style_dim", style_dim)
    num_mappings = checks.positive_int("num_mappings", num_mappings)
    latent_dim = checks.positive_int("latent_dim", latent_dim)
    latent = keras.Input((latent_dim,), name="latent")
    inputs, x = latent, PixelNormalization()(latent)
    if num_classes is not None:
        num_classes = checks.positive_int("num_classes", num_classes)
        one_hot = keras.Input((num_classes,), name="one_hot")
        embedding = EqualizedDense(latent_dim, gain=1.0, name="embedding")(one_hot)
        x = layers.Concatenate()([x, PixelNormalization()(embedding)])
        inputs = [latent, one_hot]
    for i in range(num_mappings):
        dense = EqualizedDense(style_dim, gain=1.0, learning_rate_multiplier=0.01)
        x = _activated(dense(x), "styles" if i + 1 == num_mappings else None)
    styles = x

    x = LearnedConstant((*first, widths[0]))(styles)
    x = _styled(x, styles, widths[0])
    image = _colours(x, styles, image_shape[-1])
    for width in widths[1:]:
        x = _styled(Blur(up=2)(x), styles, width)
        x = _styled(x, styles, width)
        colours = _colours(x, styles, image_shape[-1])
        image = layers.Add()([Blur(up=2)(image), colours])
    image = layers.Activation("tanh")(image)
    image = layers.Rescaling(0.5, 0.5)(image)
    return keras.Model(inputs, image, name="style_gan_generator")


def style_gan_discriminator(
    image_shape: tuple[int, ...],
    filters: int = 512,
    filters_base: int = 16384,
    group_size: int = 4,
    num_classes: int | None = None,
) -> keras.Model:
    """Makes StyleGAN2's discriminator.

    Scores depend on the other images of the batch, by their standard deviation.

    Args:
        image_shape: Tuple `(height, width, channels)`, sides of 4 times a power of two
            (the same one).
        filters: Integer, as in `style_gan_generator`.
        filters_base: Integer, as in `style_gan_generator`.
        group_size: Integer, images of which the standard deviation is taken.
        num_classes: Integer; if given, the network takes `[image, one_hot]`, and the
            score is the inner product of the features with an embedding of the class.

    Returns:
        `keras.Model` from images in [0, 1] to scores (logits) of shape `(batch, 1)`.

    Raises:
        ValueError: If an argument is out of its range.

    References:
        - Karras et al., 2020, arXiv:1912.04958; 2006.06676 (the classes).

    Example:
        ```python
        keras_genmod.networks.style_gan_discriminator((32, 32, 3), 64)
        ```
    """
    image_shape, _, widths = _widths(image_shape, filters, filters_base)
    group_size = checks.integer("group_size", group_size, 2)
    image, x = image_input(image_shape, num_classes=None, rescale=True)
    x = _activated(EqualizedConv2D(widths[-1], 1, gain=1.0)(x))
    for width, narrower in zip(widths[:0:-1], widths[-2::-1], strict=True):
        h = _activated(EqualizedConv2D(width, 3, gain=1.0)(x))
        h = EqualizedConv2D(narrower, 3, gain=1.0, strides=2)(Blur()(h))
        skip = EqualizedConv2D(narrower, 1, gain=1.0, use_bias=False)(Blur(down=2)(x))
        x = layers.Add()([_activated(h), skip])
        x = layers.Rescaling(math.sqrt(0.5))(x)
    x = MinibatchStandardDeviation(group_size)(x)
    x = _activated(EqualizedConv2D(widths[0], 3, gain=1.0)(x))
    x = layers.Flatten(data_format="channels_last")(x)
    x = _activated(EqualizedDense(widths[0], gain=1.0)(x))
    if num_classes is None:
        score = EqualizedDense(1, gain=1.0, name="score")(x)
        return keras.Model(image, score, name="style_gan_discriminator")
    num_classes = checks.positive_int("num_classes", num_classes)
    one_hot = keras.Input((num_classes,), name="one_hot")
    x = EqualizedDense(widths[0], gain=1.0)(x)
    embedding = EqualizedDense(widths[0], gain=1.0, name="embedding")(one_hot)
    score = layers.Dot(axes=-1)([x, PixelNormalization()(embedding)])
    score = layers.Rescaling(1.0 / math.sqrt(widths[0]))(score)
    return keras.Model([image, one_hot], score, name="style_gan_discriminator")


def _activated(x, name=None):
    return layers.Rescaling(_GAIN, name=name)(layers.LeakyReLU(0.2)(x))


def _styled(x, styles, width):
    """A modulated convolution, noise and an activation."""
    x = NoiseInjection()(ModulatedConv2D(width, 3)([x, styles]))
    return _activated(x)


def _colours(x, styles, channels):
    return ModulatedConv2D(channels, 1, demodulate=False)([x, styles])


def _widths(image_shape, filters, filters_base):
    """Returns the shape, the sides of the smallest map, the channels of all maps."""
    image_shape = checks.sizes("image_shape", image_shape, rank=3)
    filters = checks.positive_int("filters", filters)
    filters_base = checks.positive_int("filters_base", filters_base)
    height, width, _ = image_shape
    num_doublings = 0
    while height % 2 == 0 and width % 2 == 0 and min(height, width) > 4:
        height, width, num_doublings = height // 2, width // 2, num_doublings + 1
    if min(height, width) != 4:
        raise ValueError(
            "`image_shape` must have sides that halve to a smallest one of 4: 4 times "
            "a power of two. Resize or pad the images. "
            f"Received: image_shape={image_shape}"
        )
    widths = [
        max(1, min(filters_base // 2 ** (i + 2), filters))
        for i in range(num_doublings + 1)
    ]
    return image_shape, (height, width), widths
