"""The discriminator of StyleGAN2: residual, halved by filters.

Karras et al., "Analyzing and improving the image quality of StyleGAN", 2020,
arXiv:1912.04958; with classes Karras et al., "Training generative adversarial networks
with limited data" (ADA), 2020, arXiv:2006.06676.

Departures: the class is mapped by one dense layer and a normalization, where ADA has
its mapping of 8 layers after them; all sides have the residual network, where ADA has
the plain one for CIFAR-10, and StyleGAN that of progressive GANs with filters.
"""

import math

import keras
from keras import layers

from keras_genmod import checks
from keras_genmod.layers import (
    Blur,
    EqualizedConv2D,
    EqualizedDense,
    MinibatchStandardDeviation,
    PixelNormalization,
)
from keras_genmod.networks.inputs import image_input
from keras_genmod.networks.style_gan_parts import activated, style_widths


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

    Note:
        - ADA's embedding of the class goes through a mapping of 8 layers, as latents
          do; here it is normalized alone.
        - It is StyleGAN2's beside a generator of `styled_by="instance_normalization"`,
          too: StyleGAN's has neither residuals nor `sqrt(2)` in its activations.

    Example:
        ```python
        keras_genmod.networks.style_gan_discriminator((32, 32, 3), 64)
        ```
    """
    image_shape, _, widths = style_widths(image_shape, filters, filters_base)
    group_size = checks.integer("group_size", group_size, 2)
    image, x = image_input(image_shape, num_classes=None, rescale=True)
    x = activated(EqualizedConv2D(widths[-1], 1, gain=1.0)(x))
    for width, narrower in zip(widths[:0:-1], widths[-2::-1], strict=True):
        h = activated(EqualizedConv2D(width, 3, gain=1.0)(x))
        h = EqualizedConv2D(narrower, 3, gain=1.0, strides=2)(Blur()(h))
        skip = EqualizedConv2D(narrower, 1, gain=1.0, use_bias=False)(Blur(down=2)(x))
        x = layers.Add()([activated(h), skip])
        x = layers.Rescaling(math.sqrt(0.5))(x)
    x = MinibatchStandardDeviation(group_size)(x)
    x = activated(EqualizedConv2D(widths[0], 3, gain=1.0)(x))
    x = layers.Flatten(data_format="channels_last")(x)
    x = activated(EqualizedDense(widths[0], gain=1.0)(x))
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
