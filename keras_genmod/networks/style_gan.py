"""The mapping and the synthesis of StyleGAN and StyleGAN2.

Karras et al., "Analyzing and improving the image quality of StyleGAN", 2020,
arXiv:1912.04958: a mapping of latents to styles; a synthesis of modulated convolutions
whose colours are summed over resolutions ("skip"). Before it, "A style-based generator
architecture", 2019, arXiv:1812.04948: convolutions whose maps are normalized, each
image for itself, to gains and biases that follow the style. Weights start from N(0, 1)
and are scaled where they are used.

Departures: public pixels are in [0, 1]: a tanh bounds the generator's, which the
authors' code leaves free, and its last layer rescales. Images are doubled by the filter
in front of a convolution, where the authors convolve transposed and filter then: the
same but at the borders.
"""

from collections.abc import Callable
from typing import Any

import keras
from keras import layers, ops

from keras_genmod import checks
from keras_genmod.layers import (
    AdaptiveInstanceNormalization,
    Blur,
    EqualizedConv2D,
    EqualizedDense,
    LearnedConstant,
    ModulatedConv2D,
    NoiseInjection,
    PixelNormalization,
)
from keras_genmod.networks.style_gan_parts import activated, style_widths

#: How a style enters a layer: in StyleGAN2, and in StyleGAN.
_STYLED_BY = ("modulation", "instance_normalization")


def style_gan_mapping(
    latent_dim: int,
    style_dim: int = 512,
    num_layers: int = 8,
    num_classes: int | None = None,
) -> keras.Model:
    """Makes the mapping of latents to styles, dense layers that learn slowly.

    Args:
        latent_dim: Integer, the size of the latents, 512 in the paper.
        style_dim: Integer, the size of the styles.
        num_layers: Integer; 2 in ADA's setting for CIFAR-10.
        num_classes: Integer; if given, the network takes `[latent, one_hot]` with
            `one_hot` of shape `(batch, num_classes)`.

    Returns:
        `keras.Model` to styles w `(batch, style_dim)`.

    Raises:
        ValueError: If an argument is out of its range.

    References:
        Karras et al., 2019, arXiv:1812.04948.

    Example:
        ```python
        mapping = keras_genmod.networks.style_gan_mapping(64, style_dim=64)
        ```
    """
    num_layers = checks.positive_int("num_layers", num_layers)
    inputs, styles = _mapped(latent_dim, style_dim, num_layers, num_classes)
    return keras.Model(inputs, styles, name="style_gan_mapping")


def style_gan_synthesis(
    image_shape: tuple[int, ...],
    filters: int = 512,
    filters_base: int = 16384,
    style_dim: int = 512,
    styled_by: str = "modulation",
) -> keras.Model:
    """Makes the synthesis of images from a style for each layer.

    There are two styles a resolution, coarse ones first. With "modulation" they scale
    what enters each convolution, as in StyleGAN2, and the colours of all resolutions
    are summed; a resolution's colours share their style with the convolution that
    follows. With "instance_normalization" they are gain and bias of each normalized
    map, as in StyleGAN, and only the last maps become colours. Noise is drawn anew in
    training and fixed otherwise.

    Args:
        image_shape: Tuple `(height, width, channels)`, sides of 4 times a power of two
            (the same one): 32x32, 64x128.
        filters: Integer, the most channels that a map has.
        filters_base: Integer; a map that is 2^k times as large as the first one has at
            most `filters_base / (4 * 2^k)` channels.
        style_dim: Integer, the size of the styles.
        styled_by: "modulation" or "instance_normalization".

    Returns:
        `keras.Model` from styles `(batch, num_styles, style_dim)` to images in [0, 1]
        of shape `(batch, *image_shape)`.

    Raises:
        ValueError: If an argument is out of its range.

    References:
        - Karras et al., 2019, arXiv:1812.04948 (normalization).
        - Karras et al., 2020, arXiv:1912.04958 (modulation).

    Example:
        ```python
        synthesis = keras_genmod.networks.style_gan_synthesis((32, 32, 3), 64)
        synthesis.input_shape  # (None, 8, 512)
        ```
    """
    image_shape, first, widths = style_widths(image_shape, filters, filters_base)
    style_dim = checks.positive_int("style_dim", style_dim)
    checks.choice("styled_by", styled_by, _STYLED_BY)
    number = 2 * len(widths)
    styles = keras.Input((number, style_dim), name="styles")
    each = ops.unstack(styles, number, axis=1)
    make = _modulated if styled_by == "modulation" else _normalized
    image = make(each.__getitem__, image_shape, first, widths)
    return keras.Model(styles, image, name="style_gan_synthesis")


def style_gan_generator(
    latent_dim: int,
    image_shape: tuple[int, ...],
    filters: int = 512,
    filters_base: int = 16384,
    style_dim: int = 512,
    num_mappings: int = 8,
    num_classes: int | None = None,
) -> keras.Model:
    """Makes StyleGAN2's generator, mapping and synthesis in one, for a plain `GAN`.

    Noise is drawn anew in training and fixed otherwise. The model `StyleGAN2`, which
    mixes styles, takes `style_gan_mapping` and `style_gan_synthesis`.

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
    image_shape, first, widths = style_widths(image_shape, filters, filters_base)
    num_mappings = checks.positive_int("num_mappings", num_mappings)
    inputs, styles = _mapped(latent_dim, style_dim, num_mappings, num_classes)
    image = _modulated(lambda i: styles, image_shape, first, widths)
    return keras.Model(inputs, image, name="style_gan_generator")


def _mapped(latent_dim, style_dim, num_layers, num_classes):
    """Returns the inputs of a mapping, and the styles."""
    latent_dim = checks.positive_int("latent_dim", latent_dim)
    style_dim = checks.positive_int("style_dim", style_dim)
    latent = keras.Input((latent_dim,), name="latent")
    inputs, x = latent, PixelNormalization()(latent)
    if num_classes is not None:
        num_classes = checks.positive_int("num_classes", num_classes)
        one_hot = keras.Input((num_classes,), name="one_hot")
        embedding = EqualizedDense(latent_dim, gain=1.0, name="embedding")(one_hot)
        x = layers.Concatenate()([x, PixelNormalization()(embedding)])
        inputs = [latent, one_hot]
    for i in range(num_layers):
        dense = EqualizedDense(style_dim, gain=1.0, learning_rate_multiplier=0.01)
        x = activated(dense(x), "styles" if i + 1 == num_layers else None)
    return inputs, x


def _modulated(style: Callable[[int], Any], image_shape, first, widths):
    """Returns the images of StyleGAN2, from the style of each layer."""
    x = LearnedConstant((*first, widths[0]))(style(0))
    x = _styled(x, style(0), widths[0])
    image = _colours(x, style(1), image_shape[-1])
    for i, width in enumerate(widths[1:]):
        x = _styled(Blur(up=2)(x), style(2 * i + 1), width)
        x = _styled(x, style(2 * i + 2), width)
        colours = _colours(x, style(2 * i + 3), image_shape[-1])
        image = layers.Add()([Blur(up=2)(image), colours])
    return _pixels(image)


def _styled(x, style, width):
    """A modulated convolution, noise and an activation."""
    x = NoiseInjection()(ModulatedConv2D(width, 3)([x, style]))
    return activated(x)


def _colours(x, style, channels):
    return ModulatedConv2D(channels, 1, demodulate=False)([x, style])


def _normalized(style: Callable[[int], Any], image_shape, first, widths):
    """Returns the images of StyleGAN, from the style of each layer."""
    x = LearnedConstant((*first, widths[0]), "ones")(style(0))
    x = _noisy(x, style(0))
    x = _noisy(EqualizedConv2D(widths[0], 3)(x), style(1))
    for i, width in enumerate(widths[1:], start=1):
        x = layers.UpSampling2D(2, data_format="channels_last")(x)
        x = Blur((1, 2, 1))(EqualizedConv2D(width, 3)(x))
        x = _noisy(x, style(2 * i))
        x = _noisy(EqualizedConv2D(width, 3)(x), style(2 * i + 1))
    return _pixels(EqualizedConv2D(image_shape[-1], 1, gain=1.0)(x))


def _noisy(x, style):
    """Noise on each channel, an activation, normalization to a style."""
    x = layers.LeakyReLU(0.2)(NoiseInjection(per_channel=True)(x))
    return AdaptiveInstanceNormalization()([x, style])


def _pixels(image):
    return layers.Rescaling(0.5, 0.5)(layers.Activation("tanh")(image))
