"""The network of SRResNet and SRGAN, and SRGAN's discriminator."""

from collections.abc import Sequence

import keras
from keras import layers

from keras_genmod import checks
from keras_genmod.layers.icnr import ICNR
from keras_genmod.layers.pixel_shuffle import PixelShuffle
from keras_genmod.networks.inputs import image_input

_NORMALIZATIONS = ("batch", None)


def sr_resnet(
    num_channels: int = 3,
    scale: int = 4,
    filters: int = 64,
    num_blocks: int = 16,
    normalization: str | None = "batch",
) -> keras.Model:
    """Makes SRResNet, from images of any size to images `scale` times as large.

    A 9x9 convolution with PReLU; residual blocks of a 3x3 convolution, normalization,
    PReLU, a 3x3 convolution, normalization; a 3x3 convolution with normalization, to
    which what came into the first block is added; for each doubling a 3x3 convolution
    to four times the filters, a pixel shuffle and PReLU; a 9x9 convolution.

    Args:
        num_channels: Int, channels of images, in and out.
        scale: Power of 2, at least 2.
        filters: Int, channels between.
        num_blocks: Int of at least 0, the residual blocks.
        normalization: "batch", as in the paper, or None, as in later networks: that
            lets the brightness through, and images are made alike in training and
            after it.

    Returns:
        `keras.Model` from images in [0, 1] of shape
        `(batch, height, width, num_channels)` to images around [0, 1], not clipped, of
        shape `(batch, scale height, scale width, num_channels)`. By default it has
        1,550,659 trainable parameters.

    Raises:
        ValueError: If an argument is out of its range.

    References:
        - Ledig et al., "Photo-realistic single image super-resolution using a
          generative adversarial network", 2017, arXiv:1609.04802.
        - Lim et al., "Enhanced deep residual networks for single image
          super-resolution", 2017, arXiv:1707.02921 (without normalization).

    Note:
        Convolutions before a shuffle start by `layers.ICNR`, of which the paper says
        nothing.

    Example:
        ```python
        network = keras_genmod.networks.sr_resnet(scale=4)
        network(keras.ops.zeros((1, 24, 30, 3))).shape  # (1, 96, 120, 3)
        ```
    """
    num_channels = checks.positive_int("num_channels", num_channels)
    scale = checks.integer("scale", scale, 2)
    filters = checks.positive_int("filters", filters)
    num_blocks = checks.integer("num_blocks", num_blocks)
    checks.choice("normalization", normalization, _NORMALIZATIONS)
    if scale & (scale - 1):
        raise ValueError(f"`scale` must be a power of 2. Received: scale={scale}")
    inputs = keras.Input((None, None, num_channels), name="image")
    x = first = _prelu(_convolution(filters, 9)(inputs))
    for _ in range(num_blocks):
        y = _normalized(_convolution(filters, 3)(x), normalization)
        y = _normalized(_convolution(filters, 3)(_prelu(y)), normalization)
        x = layers.Add()([x, y])
    x = _normalized(_convolution(filters, 3)(x), normalization)
    x = layers.Add()([x, first])
    for _ in range(scale.bit_length() - 1):
        x = _convolution(4 * filters, 3, kernel_initializer=ICNR(2))(x)
        x = _prelu(PixelShuffle(2)(x))
    x = _convolution(num_channels, 9)(x)
    x = layers.Rescaling(0.5, 0.5, dtype="float32")(x)
    return keras.Model(inputs, x, name="sr_resnet")


def srgan_discriminator(
    image_shape: Sequence[int],
    filters: int = 64,
    num_stages: int = 4,
    hidden_dim: int = 1024,
    normalization: str | None = "batch",
) -> keras.Model:
    """Makes SRGAN's discriminator of large images.

    Each stage has two 3x3 convolutions, the second of stride 2, with as many channels
    as the last stage's twice; normalization in all but the first; LeakyReLU(0.2). Then
    a dense layer with LeakyReLU(0.2), and a score.

    Args:
        image_shape: Tuple `(height, width, channels)` of the large images that train.
        filters: Int, channels of the first stage.
        num_stages: Int of at least 1; a stage halves the sides.
        hidden_dim: Int, units of the dense layer.
        normalization: "batch", as in the paper, or None.

    Returns:
        `keras.Model` from images in [0, 1] to scores (logits) of shape `(batch, 1)`.

    Raises:
        ValueError: If an argument is out of its range.

    References:
        Ledig et al., "Photo-realistic single image super-resolution using a generative
        adversarial network", 2017, arXiv:1609.04802.

    Example:
        ```python
        discriminator = keras_genmod.networks.srgan_discriminator((96, 96, 3))
        discriminator.output_shape  # (None, 1)
        ```
    """
    image_shape = checks.sizes("image_shape", image_shape, rank=3)
    filters = checks.positive_int("filters", filters)
    num_stages = checks.integer("num_stages", num_stages, 1, 30)
    hidden_dim = checks.positive_int("hidden_dim", hidden_dim)
    checks.choice("normalization", normalization, _NORMALIZATIONS)
    inputs, x = image_input(image_shape, num_classes=None, rescale=True)
    for i in range(num_stages):
        for strides in (1, 2):
            is_first = i == 0 and strides == 1
            x = _convolution(filters * 2**i, 3, strides=strides)(x)
            x = x if is_first else _normalized(x, normalization)
            x = layers.LeakyReLU(0.2)(x)
    x = layers.Flatten(data_format="channels_last")(x)
    x = layers.LeakyReLU(0.2)(layers.Dense(hidden_dim)(x))
    return keras.Model(inputs, layers.Dense(1)(x), name="srgan_discriminator")


def _convolution(channels, kernel_size, **kwargs):
    return layers.Conv2D(
        channels, kernel_size, padding="same", data_format="channels_last", **kwargs
    )


def _prelu(x):
    start = keras.initializers.Constant(0.25)
    return layers.PReLU(start, shared_axes=[1, 2])(x)


def _normalized(x, normalization):
    if normalization is None:
        return x
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(x)
