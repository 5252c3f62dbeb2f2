"""The residual blocks of SNGAN and the networks after it.

The 1x1 convolution of a shortcut runs at the smaller of its two sizes: each pixel is
convolved alone, so that doubling may follow it and averages may precede it.
"""

import keras
from keras import layers, ops

from keras_genmod import checks
from keras_genmod.layers import (
    ConditionalBatchNormalization,
    ProjectionHead,
    SelfAttention2D,
    SpectralNormalization,
)
from keras_genmod.networks.inputs import latent_input


def glorot(gain=1.0):
    """Returns a new Glorot uniform initializer of a gain."""
    return keras.initializers.VarianceScaling(gain**2, "fan_avg", "uniform")


def convolution(
    x, channels, kernel_size, initializer, spectral=False, regularizer=None
):
    """Convolves to images of the same size, with spectral norm 1 if `spectral`."""
    layer = layers.Conv2D(
        channels,
        kernel_size,
        padding="same",
        kernel_initializer=initializer,
        kernel_regularizer=regularizer,
        data_format="channels_last",
    )
    return (SpectralNormalization(layer) if spectral else layer)(x)


def doubled(x):
    """Doubles the sides by nearest neighbours."""
    return layers.UpSampling2D(2, data_format="channels_last")(x)


def halved(x):
    """Halves the sides by averages of 2x2 pixels."""
    return layers.AveragePooling2D(2, data_format="channels_last")(x)


def batch_normalization(x, condition=None, epsilon=2e-5):
    """Normalizes a batch; gain and bias follow a condition, if there is one."""
    if condition is None:
        return layers.BatchNormalization(momentum=0.9, epsilon=epsilon)(x)
    return ConditionalBatchNormalization(epsilon=epsilon)([x, condition])


def upward_block(x, channels, condition=None, spectral=False):
    """BN ReLU up conv3 BN ReLU conv3, and a shortcut of conv1 up (SNGAN, SAGAN)."""
    h = layers.ReLU()(batch_normalization(x, condition))
    h = convolution(doubled(h), channels, 3, glorot(2**0.5), spectral)
    h = layers.ReLU()(batch_normalization(h, condition))
    h = convolution(h, channels, 3, glorot(2**0.5), spectral)
    shortcut = convolution(x, channels, 1, glorot(), spectral)
    return layers.Add()([h, doubled(shortcut)])


def spectral_upward_block(x, channels, condition, regularizer=None):
    """The same with kernels of spectral norm 1, those of gains and biases too."""
    kernels = {"spectral": True, "regularizer": regularizer}
    h = x
    for i in range(2):
        normalize = ConditionalBatchNormalization(
            epsilon=1e-5, spectral=True, kernel_regularizer=regularizer
        )
        h = layers.ReLU()(normalize([h, condition]))
        h = doubled(h) if i == 0 else h
        h = convolution(h, channels, 3, "orthogonal", **kernels)
    shortcut = convolution(x, channels, 1, "orthogonal", **kernels)
    return layers.Add()([h, doubled(shortcut)])


def attention(x, initializer="glorot_uniform"):
    """Adds SAGAN's attention of pixels, which starts as nothing."""
    channels = x.shape[-1]
    return SelfAttention2D(
        key_dim=max(1, channels // 8),
        value_dim=max(1, channels // 2),
        pool_size=2,
        gated=True,
        spectral=True,
        kernel_initializer=initializer,
    )(x)


def _main_convolution(x, channels, initializer):
    return convolution(x, channels, 3, initializer or glorot(2**0.5), spectral=True)


def _shortcut(x, channels, initializer):
    return convolution(x, channels, 1, initializer or glorot(), spectral=True)


def first_downward_block(x, channels, initializer=None):
    """conv3 ReLU conv3 down, and a shortcut of down conv1: the image is not ReLU'd.

    Kernels start by an initializer's name, and else by Glorot's.
    """
    h = _main_convolution(x, channels, initializer)
    h = _main_convolution(layers.ReLU()(h), channels, initializer)
    return layers.Add()([halved(h), _shortcut(halved(x), channels, initializer)])


def downward_block(x, channels, halves, initializer=None):
    """ReLU conv3 ReLU conv3 (down), and a shortcut of (down) conv1.

    The shortcut is x itself where neither its channels nor its sides change. Kernels
    start by an initializer's name, and else by Glorot's.
    """
    h = _main_convolution(layers.ReLU()(x), channels, initializer)
    h = _main_convolution(layers.ReLU()(h), channels, initializer)
    if halves:
        h, x = halved(h), halved(x)
    if halves or x.shape[-1] != channels:
        x = _shortcut(x, channels, initializer)
    return layers.Add()([h, x])


def latent_and_class(latent_dim, num_classes):
    """Makes the inputs of a generator whose normalization follows the class.

    Returns:
        `(inputs, latent, condition)`: what `keras.Model` takes, and both; `condition`
        is None without classes.
    """
    inputs, latent = latent_input(latent_dim, None)
    if num_classes is None:
        return inputs, latent, None
    num_classes = checks.positive_int("num_classes", num_classes)
    condition = keras.Input((num_classes,), name="one_hot")
    return [latent, condition], latent, condition


def score_of_sum(image, x, num_classes, initializer="glorot_uniform"):
    """Scores images by the sum over their last maps, with a projection of the class.

    Returns:
        `(inputs, score)`: what `keras.Model` takes, and the score `(batch, 1)`.
    """
    features = ops.sum(layers.ReLU()(x), axis=(1, 2))  # (batch, channels)
    if num_classes is None:
        head = layers.Dense(1, kernel_initializer=initializer)
        return image, SpectralNormalization(head)(features)
    num_classes = checks.positive_int("num_classes", num_classes)
    one_hot = keras.Input((num_classes,), name="one_hot")
    return [image, one_hot], ProjectionHead(initializer)([features, one_hot])
