"""Fully connected networks, for vectors and small images."""

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import layers

from keras_genmod import checks
from keras_genmod.layers import SpectralNormalization
from keras_genmod.networks.inputs import activation_of, latent_input, vector_input


def mlp_encoder(
    image_shape: Sequence[int],
    hidden_dims: Sequence[int] = (400,),
    num_classes: int | None = None,
    activation: Any = "relu",
) -> keras.Model:
    """Makes a network from data to features: flatten, then dense layers.

    Args:
        image_shape: Tuple of integers, the shape of one example: an image, or a vector
            such as `(2,)`.
        hidden_dims: Tuple of integers, the width of each layer; not empty.
        num_classes: Integer; if given, the network takes `[data, one_hot]` with
            `one_hot` of shape `(batch, num_classes)`.
        activation: String or callable, after each layer.

    Returns:
        `keras.Model` to features of shape `(batch, hidden_dims[-1])`.

    Raises:
        ValueError: If an argument is out of its range.

    References:
        - Kingma and Welling, "Auto-encoding variational Bayes", 2014,
          arXiv:1312.6114.

    Example:
        ```python
        encoder = keras_genmod.networks.mlp_encoder((28, 28, 1))
        encoder(keras.ops.zeros((16, 28, 28, 1))).shape  # (16, 400)
        ```
    """
    image_shape = checks.sizes("image_shape", image_shape)
    hidden_dims = checks.sizes("hidden_dims", hidden_dims, may_be_empty=True)
    if not hidden_dims:
        raise ValueError("`hidden_dims` must not be empty. Received: hidden_dims=()")
    activation = activation_of("activation", activation)
    inputs, x = vector_input(image_shape, num_classes, name="data")
    for units in hidden_dims:
        x = layers.Dense(units, activation=activation)(x)
    return keras.Model(inputs, x, name="mlp_encoder")


def mlp_decoder(
    latent_dim: int,
    image_shape: Sequence[int],
    hidden_dims: Sequence[int] = (400,),
    num_classes: int | None = None,
    activation: Any = "relu",
    output_activation: Any = None,
) -> keras.Model:
    """Makes a network from latents to data: dense layers, then a reshape.

    It is the decoder of an autoencoder, with logits out, and the generator of an
    adversarial model, with `output_activation="sigmoid"` for images in [0, 1].

    Args:
        latent_dim: Integer, the size of the latents.
        image_shape: Tuple of integers, the shape of one example: an image, or a vector
            such as `(2,)`.
        hidden_dims: Tuple of integers, the width of each hidden layer; if empty, the
            network is linear.
        num_classes: Integer; if given, the network takes `[latent, one_hot]` with
            `one_hot` of shape `(batch, num_classes)`.
        activation: String or callable, after each hidden layer.
        output_activation: String, callable or None, after the last layer.

    Returns:
        `keras.Model` to data of shape `(batch, *image_shape)`.

    Raises:
        ValueError: If an argument is out of its range.

    References:
        - Kingma and Welling, "Auto-encoding variational Bayes", 2014,
          arXiv:1312.6114.

    Example:
        ```python
        generator = keras_genmod.networks.mlp_decoder(
            64, (28, 28, 1), hidden_dims=(256, 512), output_activation="sigmoid"
        )
        generator(keras.ops.zeros((16, 64))).shape  # (16, 28, 28, 1)
        ```
    """
    image_shape = checks.sizes("image_shape", image_shape)
    activation = activation_of("activation", activation)
    output_activation = activation_of("output_activation", output_activation)
    inputs, x = latent_input(latent_dim, num_classes)
    for units in checks.sizes("hidden_dims", hidden_dims, may_be_empty=True):
        x = layers.Dense(units, activation=activation)(x)
    x = layers.Dense(math.prod(image_shape), activation=output_activation)(x)
    if len(image_shape) > 1:
        x = layers.Reshape(image_shape)(x)
    return keras.Model(inputs, x, name="mlp_decoder")


def mlp_discriminator(
    image_shape: Sequence[int],
    hidden_dims: Sequence[int] = (512, 256),
    num_classes: int | None = None,
    normalization: str | None = None,
) -> keras.Model:
    """Makes a network from data to one score: dense layers with LeakyReLU(0.2).

    There is no batch normalization: the network is a Wasserstein critic too.

    Args:
        image_shape: Tuple of integers, the shape of one example: an image, or a vector
            such as `(2,)`.
        hidden_dims: Tuple of integers, the width of each hidden layer.
        num_classes: Integer; if given, the network takes `[data, one_hot]` with
            `one_hot` of shape `(batch, num_classes)`.
        normalization: `"spectral"` (every kernel has spectral norm 1) or None.

    Returns:
        `keras.Model` to scores (logits) of shape `(batch, 1)`.

    Raises:
        ValueError: If an argument is out of its range.

    References:
        - Goodfellow et al., "Generative adversarial networks", 2014,
          arXiv:1406.2661.
        - Miyato et al., "Spectral normalization for generative adversarial networks",
          2018, arXiv:1802.05957.

    Note:
        The 2014 paper's discriminator has maxout units and dropout.

    Example:
        ```python
        discriminator = keras_genmod.networks.mlp_discriminator((2,), (64, 64))
        discriminator(keras.ops.zeros((16, 2))).shape  # (16, 1)
        ```
    """
    image_shape = checks.sizes("image_shape", image_shape)
    checks.choice("normalization", normalization, ("spectral", None))

    def dense(units):
        layer = layers.Dense(units)
        return SpectralNormalization(layer) if normalization else layer

    inputs, x = vector_input(image_shape, num_classes, name="data")
    for units in checks.sizes("hidden_dims", hidden_dims, may_be_empty=True):
        x = layers.LeakyReLU(0.2)(dense(units)(x))
    return keras.Model(inputs, dense(1)(x), name="mlp_discriminator")
