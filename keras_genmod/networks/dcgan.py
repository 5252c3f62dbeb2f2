"""Generator and discriminator of DCGAN.

The five guidelines of Radford, Metz and Chintala, "Unsupervised representation
learning with deep convolutional generative adversarial networks", 2016,
arXiv:1511.06434:

1. strided convolutions (discriminator) and transposed ones (generator) in place of
   pooling;
2. batch normalization in both, except the generator's output and the discriminator's
   input layer;
3. no fully connected hidden layers: only the projection of the latents, and the score
   of the last feature map;
4. ReLU in the generator, tanh at its output;
5. LeakyReLU of slope 0.2 in the discriminator.

Weights start from N(0, 0.02). Departures: kernels are 4x4 (the authors' are 5x5), since
4 is divisible by the stride and every pixel then gets the same number of taps; the
number of layers follows from the image size; public pixels are in [0, 1], so that the
last layer of the generator and the first of the discriminator rescale.
"""

import keras
from keras import layers

from keras_genmod import checks
from keras_genmod.layers import SpectralNormalization
from keras_genmod.networks.dcgan_layers import convolution, doubling, normalized
from keras_genmod.networks.inputs import (
    dcgan_initializer,
    image_input,
    latent_input,
    smallest_map,
)

NORMALIZATIONS = ("batch", "layer", "spectral", None)


def dcgan_generator(
    latent_dim: int,
    image_shape: tuple[int, ...],
    filters: int = 64,
    num_classes: int | None = None,
) -> keras.Model:
    """Makes DCGAN's generator.

    The latents are projected to the smallest feature map, and each transposed
    convolution doubles it: 64 = 4 * 2**4, 28 = 7 * 2**2, 8 = 2 * 2**2.

    Args:
        latent_dim: Integer, the size of the latents.
        image_shape: Tuple `(height, width, channels)`, height and width even.
        filters: Integer, the channels of the largest hidden map; twice as many in
            each smaller one.
        num_classes: Integer; if given, the network takes `[latent, one_hot]` with
            `one_hot` of shape `(batch, num_classes)`.

    Returns:
        `keras.Model` to images in [0, 1] of shape `(batch, *image_shape)`.

    Raises:
        ValueError: If an argument is out of its range.

    References:
        - Radford, Metz and Chintala, 2016, arXiv:1511.06434.

    Example:
        ```python
        generator = keras_genmod.networks.dcgan_generator(100, (28, 28, 1))
        generator(keras.ops.zeros((16, 100))).shape  # (16, 28, 28, 1)
        ```
    """
    image_shape = checks.sizes("image_shape", image_shape, rank=3)
    filters = checks.positive_int("filters", filters)
    height, width, num_halvings = smallest_map(image_shape)
    widths = [filters * 2**i for i in reversed(range(num_halvings))]
    inputs, x = latent_input(latent_dim, num_classes)
    projection = layers.Dense(
        height * width * widths[0],
        use_bias=False,
        kernel_initializer=dcgan_initializer(),
        name="projection",
    )
    x = layers.Reshape((height, width, widths[0]))(projection(x))
    x = layers.ReLU()(normalized(x, "batch"))
    for channels in widths[1:]:
        x = doubling(channels, use_bias=False)(x)
        x = layers.ReLU()(normalized(x, "batch"))
    x = doubling(image_shape[-1], use_bias=True, activation="tanh")(x)
    x = layers.Rescaling(0.5, 0.5)(x)
    return keras.Model(inputs, x, name="dcgan_generator")


def dcgan_discriminator(
    image_shape: tuple[int, ...],
    filters: int = 64,
    num_classes: int | None = None,
    normalization: str | None = "batch",
) -> keras.Model:
    """Makes DCGAN's discriminator, or with `normalization="layer"` a WGAN-GP critic.

    Convolutions of stride 2 halve the image down to the smallest feature map, and one
    dense unit over all of it gives the score.

    Args:
        image_shape: Tuple `(height, width, channels)`, height and width even.
        filters: Integer, the channels of the first feature map; twice as many in
            each smaller one.
        num_classes: Integer; if given, the network takes `[image, one_hot]` with
            `one_hot` of shape `(batch, num_classes)`, which becomes channels of the
            image.
        normalization: `"batch"`, `"layer"` (over height, width and channels of one
            example, as in WGAN-GP, where batch normalization is wrong), `"spectral"`
            (every kernel has spectral norm 1, as in SNGAN) or None.

    Returns:
        `keras.Model` from images in [0, 1] to scores (logits) of shape `(batch, 1)`.

    Raises:
        ValueError: If an argument is out of its range.

    References:
        - Radford, Metz and Chintala, 2016, arXiv:1511.06434.
        - Gulrajani et al., "Improved training of Wasserstein GANs", 2017,
          arXiv:1704.00028.
        - Miyato et al., "Spectral normalization for generative adversarial networks",
          2018, arXiv:1802.05957.

    Example:
        ```python
        critic = keras_genmod.networks.dcgan_discriminator(
            (28, 28, 1), normalization="layer"
        )
        critic(keras.ops.zeros((16, 28, 28, 1))).shape  # (16, 1)
        ```
    """
    image_shape = checks.sizes("image_shape", image_shape, rank=3)
    filters = checks.positive_int("filters", filters)
    checks.choice("normalization", normalization, NORMALIZATIONS)
    *_, num_halvings = smallest_map(image_shape)
    inputs, x = image_input(image_shape, num_classes, rescale=True)
    is_spectral = normalization == "spectral"
    for i in range(num_halvings):
        kind = normalization if i > 0 and not is_spectral else None
        layer = convolution(filters * 2**i, 4, strides=2, use_bias=kind is None)
        x = (SpectralNormalization(layer) if is_spectral else layer)(x)
        x = normalized(x, kind)
        x = layers.LeakyReLU(0.2)(x)
    x = layers.Flatten(data_format="channels_last")(x)
    # Not a convolution over the whole map, which is the same but has no gradient for
    # one example and a map of 2x2 or 3x3 on torch's CPU.
    layer = layers.Dense(1, kernel_initializer=dcgan_initializer(), name="score")
    score = (SpectralNormalization(layer) if is_spectral else layer)(x)
    return keras.Model(inputs, score, name="dcgan_discriminator")
