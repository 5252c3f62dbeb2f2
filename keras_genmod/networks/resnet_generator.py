"""The image translator of CycleGAN."""

import keras
from keras import layers

from keras_genmod import checks
from keras_genmod.layers.group_normalization import GroupNormalization
from keras_genmod.layers.reflection_padding_2d import ReflectionPadding2D
from keras_genmod.networks.inputs import dcgan_initializer, image_input


def resnet_generator(
    image_shape: tuple[int, ...],
    filters: int = 64,
    num_blocks: int = 9,
    num_downsamplings: int = 2,
) -> keras.Model:
    """Makes CycleGAN's generator: c7s1-64, d128, d256, R256 x 9, u128, u64, c7s1-3.

    c7s1-k is a 7x7 convolution of stride 1, dk a 3x3 one of stride 2, Rk a residual
    block of two 3x3 ones, uk a 3x3 transposed one of stride 2. Each is followed by
    instance normalization and ReLU, the last by tanh. The 7x7 and the residual
    convolutions pad by reflection.

    Args:
        image_shape: Tuple `(height, width, channels)`, of what comes in and goes out;
            height and width divisible by `2 ** num_downsamplings`, at least 4, and at
            least 2 after the downsamplings.
        filters: Integer, the channels of the first convolution; doubled by each
            downsampling.
        num_blocks: Integer, the residual blocks: 9 in the paper for images of 256x256,
            6 for 128x128.
        num_downsamplings: Integer of at least 0.

    Returns:
        `keras.Model` from images in [0, 1] to images in [0, 1], both of shape
        `(batch, *image_shape)`.

    Raises:
        ValueError: If an argument is out of its range.

    References:
        - Zhu, Park, Isola and Efros, "Unpaired image-to-image translation using
          cycle-consistent adversarial networks", 2017, arXiv:1703.10593.
        - Johnson, Alahi and Fei-Fei, "Perceptual losses for real-time style transfer
          and super-resolution", 2016, arXiv:1603.08155.

    Example:
        ```python
        generator = keras_genmod.networks.resnet_generator((32, 32, 3), filters=16)
        generator.output_shape  # (None, 32, 32, 3)
        ```
    """
    image_shape = checks.sizes("image_shape", image_shape, rank=3)
    filters = checks.positive_int("filters", filters)
    num_blocks = checks.integer("num_blocks", num_blocks, 0)
    num_downsamplings = checks.integer("num_downsamplings", num_downsamplings, 0)
    _check_size(image_shape, num_downsamplings)
    inputs, x = image_input(image_shape, num_classes=None, rescale=True)
    x = ReflectionPadding2D(3)(x)
    x = _normalized_relu(_convolution(filters, 7)(x))
    for i in range(1, num_downsamplings + 1):
        x = layers.ZeroPadding2D(1, data_format="channels_last")(x)
        x = _normalized_relu(_convolution(filters * 2**i, 3, strides=2)(x))
    for _ in range(num_blocks):
        x = _residual_block(x)
    for i in reversed(range(num_downsamplings)):
        x = _normalized_relu(_doubling(filters * 2**i)(x))
    x = ReflectionPadding2D(3)(x)
    x = _convolution(image_shape[-1], 7, use_bias=True, activation="tanh")(x)
    x = layers.Rescaling(0.5, 0.5)(x)
    return keras.Model(inputs, x, name="resnet_generator")


def _convolution(channels, kernel_size, use_bias=False, **kwargs):
    # The normalization that follows would cancel a bias.
    return layers.Conv2D(
        channels,
        kernel_size,
        padding="valid",
        use_bias=use_bias,
        kernel_initializer=dcgan_initializer(),
        data_format="channels_last",
        **kwargs,
    )


def _doubling(channels):
    return layers.Conv2DTranspose(
        channels,
        3,
        strides=2,
        padding="same",
        use_bias=False,
        kernel_initializer=dcgan_initializer(),
        data_format="channels_last",
    )


def _instance_normalization():
    return GroupNormalization(groups=-1, epsilon=1e-5)


def _normalized_relu(x):
    return layers.ReLU()(_instance_normalization()(x))


def _residual_block(x):
    channels = x.shape[-1]
    y = _convolution(channels, 3)(ReflectionPadding2D(1)(x))
    y = _convolution(channels, 3)(ReflectionPadding2D(1)(_normalized_relu(y)))
    return layers.Add()([x, _instance_normalization()(y)])


def _check_size(image_shape, num_downsamplings):
    height, width, _ = image_shape
    factor = 2**num_downsamplings
    smallest = max(4, 2 * factor)
    if height % factor or width % factor or min(height, width) < smallest:
        raise ValueError(
            "`image_shape` must have height and width divisible by "
            f"2 ** num_downsamplings = {factor} and of at least {smallest}. "
            f"Received: image_shape={image_shape}"
        )
