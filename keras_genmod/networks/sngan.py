"""The residual networks of spectrally normalized GANs, for small images.

Miyato et al., "Spectral normalization for generative adversarial networks", 2018,
arXiv:1802.05957, table 4, and Miyato and Koyama, "cGANs with projection discriminator",
2018, arXiv:1802.05637, with the initial weights of the authors' code.

Departures: public pixels are in [0, 1], so that the last layer of the generator and the
first of the discriminator rescale; the number of the generator's blocks follows from
the image size, 3 for 32x32.
"""

import keras
from keras import layers

from keras_genmod import checks
from keras_genmod.networks.inputs import image_input, smallest_map
from keras_genmod.networks.residual_blocks import (
    batch_normalization,
    convolution,
    downward_block,
    first_downward_block,
    glorot,
    latent_and_class,
    score_of_sum,
    upward_block,
)


def sngan_generator(
    latent_dim: int,
    image_shape: tuple[int, ...],
    filters: int = 256,
    num_classes: int | None = None,
) -> keras.Model:
    """Makes SNGAN's generator: a dense layer, residual blocks that double, a tanh.

    Args:
        latent_dim: Integer, the size of the latents; 128 in the paper.
        image_shape: Tuple `(height, width, channels)`, height and width even.
        filters: Integer, the channels of every hidden map.
        num_classes: Integer; if given, the network takes `[latent, one_hot]` with
            `one_hot` of shape `(batch, num_classes)`, and batch normalization in the
            blocks has a gain and a bias for each class.

    Returns:
        `keras.Model` to images in [0, 1] of shape `(batch, *image_shape)`; of 4,276,739
        trainable parameters for 32x32x3 and 128 latents.

    Raises:
        ValueError: If an argument is out of its range.

    References:
        - Miyato et al., 2018, arXiv:1802.05957.

    Example:
        ```python
        generator = keras_genmod.networks.sngan_generator(128, (32, 32, 3))
        generator(keras.ops.zeros((16, 128))).shape  # (16, 32, 32, 3)
        ```
    """
    image_shape = checks.sizes("image_shape", image_shape, rank=3)
    filters = checks.positive_int("filters", filters)
    height, width, num_doublings = smallest_map(image_shape)
    inputs, latent, condition = latent_and_class(latent_dim, num_classes)
    x = layers.Dense(height * width * filters, kernel_initializer=glorot())(latent)
    x = layers.Reshape((height, width, filters))(x)
    for _ in range(num_doublings):
        x = upward_block(x, filters, condition)
    x = layers.ReLU()(batch_normalization(x))
    x = convolution(x, image_shape[-1], 3, glorot())
    x = layers.Rescaling(0.5, 0.5)(layers.Activation("tanh")(x))
    return keras.Model(inputs, x, name="sngan_generator")


def sngan_discriminator(
    image_shape: tuple[int, ...], filters: int = 128, num_classes: int | None = None
) -> keras.Model:
    """Makes SNGAN's discriminator: residual blocks, a sum over pixels, a score.

    Every kernel has spectral norm 1. Two blocks halve the image, two more keep it.

    Args:
        image_shape: Tuple `(height, width, channels)`, sides divisible by 4.
        filters: Integer, the channels of every hidden map.
        num_classes: Integer; if given, the network takes `[image, one_hot]` with
            `one_hot` of shape `(batch, num_classes)`, and the score gets the projection
            of the features on an embedding of the class.

    Returns:
        `keras.Model` from images in [0, 1] to scores (logits) of shape `(batch, 1)`.

    Raises:
        ValueError: If an argument is out of its range.

    References:
        - Miyato et al., 2018, arXiv:1802.05957.
        - Miyato and Koyama, 2018, arXiv:1802.05637 (the projection).

    Example:
        ```python
        discriminator = keras_genmod.networks.sngan_discriminator((32, 32, 3))
        discriminator(keras.ops.zeros((16, 32, 32, 3))).shape  # (16, 1)
        ```
    """
    image_shape = checks.sizes("image_shape", image_shape, rank=3)
    filters = checks.positive_int("filters", filters)
    if image_shape[0] % 4 or image_shape[1] % 4:
        raise ValueError(
            "`image_shape` must have sides divisible by 4, which two blocks halve: "
            f"resize or pad the images. Received: image_shape={image_shape}"
        )
    image, x = image_input(image_shape, num_classes=None, rescale=True)
    x = first_downward_block(x, filters)
    x = downward_block(x, filters, halves=True)
    x = downward_block(x, filters, halves=False)
    x = downward_block(x, filters, halves=False)
    inputs, score = score_of_sum(image, x, num_classes)
    return keras.Model(inputs, score, name="sngan_discriminator")
