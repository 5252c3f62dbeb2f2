"""The discriminator that judges patches."""

import keras
from keras import layers

from keras_genmod import checks
from keras_genmod.networks.inputs import (
    IMAGE_NORMALIZATIONS,
    dcgan_initializer,
    image_input,
    image_normalization,
)


def patchgan_discriminator(
    image_shape: tuple[int, ...],
    filters: int = 64,
    num_layers: int = 3,
    normalization: str | None = "instance",
) -> keras.Model:
    """Makes the PatchGAN discriminator: C64-C128-C256-C512, then a map of scores.

    Ck is a 4x4 convolution with k channels, normalization (not in the first) and
    LeakyReLU(0.2). The first `num_layers` have stride 2, the next stride 1.
    Each score sees a patch of 70x70 pixels with 3 layers, 34x34 with 2, 16x16 with 1.

    Args:
        image_shape: Tuple `(height, width, channels)`; for pairs, the channels of
            both images. Sides of at least `3 * 2 ** num_layers`.
        filters: Integer, the channels of the first convolution; doubled in each next
            one, up to `8 * filters`.
        num_layers: Integer of at least 1, the convolutions of stride 2.
        normalization: `"instance"`, `"batch"`, as Pix2Pix has it in batches of one
            image, or None, as a penalty on gradients needs it.

    Returns:
        `keras.Model` from images in [0, 1] to scores (logits) of shape
        `(batch, height // 2 ** num_layers - 2, width // 2 ** num_layers - 2, 1)`. Of
        pairs of 256x256x3 it has 2,768,705 parameters.

    Raises:
        ValueError: If an argument is out of its range, or the image is too small.

    References:
        - Isola, Zhu, Zhou and Efros, "Image-to-image translation with conditional
          adversarial networks", 2017, arXiv:1611.07004.
        - Zhu, Park, Isola and Efros, "Unpaired image-to-image translation using
          cycle-consistent adversarial networks", 2017, arXiv:1703.10593.

    Note:
        Padding is that of the authors' code, one pixel of zeros on each side.

    Example:
        ```python
        discriminator = keras_genmod.networks.patchgan_discriminator((256, 256, 3))
        discriminator.output_shape  # (None, 30, 30, 1)
        ```
    """
    image_shape = checks.sizes("image_shape", image_shape, rank=3)
    filters = checks.positive_int("filters", filters)
    num_layers = checks.positive_int("num_layers", num_layers)
    checks.choice("normalization", normalization, IMAGE_NORMALIZATIONS)
    smallest = 3 * 2**num_layers
    if min(image_shape[:2]) < smallest:
        raise ValueError(
            f"`image_shape` must have sides of at least 3 * 2 ** num_layers = "
            f"{smallest}: use fewer layers. "
            f"Received: image_shape={image_shape}, num_layers={num_layers}"
        )
    inputs, x = image_input(image_shape, num_classes=None, rescale=True)
    for i in range(num_layers + 1):
        strides = 2 if i < num_layers else 1
        is_normalized = i > 0 and normalization is not None
        x = _convolution(x, filters * min(2**i, 8), strides, not is_normalized)
        x = image_normalization(normalization)(x) if is_normalized else x
        x = layers.LeakyReLU(0.2)(x)
    x = _convolution(x, 1, strides=1, use_bias=True)
    return keras.Model(inputs, x, name="patchgan_discriminator")


def _convolution(x, channels, strides, use_bias):
    x = layers.ZeroPadding2D(1, data_format="channels_last")(x)
    return layers.Conv2D(
        channels,
        4,
        strides=strides,
        padding="valid",
        use_bias=use_bias,
        kernel_initializer=dcgan_initializer(),
        data_format="channels_last",
    )(x)
