"""Networks of coupling layers: from an event to the parameters of its map."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers

from keras_genmod import checks
from keras_genmod.networks.inputs import activation_of, image_input, vector_input


def coupling_mlp(
    event_dim: int,
    hidden_dims: Sequence[int] = (64, 64),
    outputs_per_dim: int = 2,
    condition_dim: int | None = None,
    activation: Any = "relu",
    num_moving: int | None = None,
) -> keras.Model:
    """Makes the network of a coupling layer of vectors: dense layers.

    The last layer starts at zero, so that the coupling layer starts at the identity.

    Args:
        event_dim: Integer, the length of a vector.
        hidden_dims: Tuple of integers, the width of each hidden layer; if empty, the
            network is linear.
        outputs_per_dim: Integer, how many parameters each value's map has: 2 for
            `AffineCoupling`, 1 for `AdditiveCoupling`, `3 * num_bins - 1` for
            `SplineCoupling`.
        condition_dim: Integer; if given, the network takes `[event, condition]` with
            `condition` of shape `(batch, condition_dim)`.
        activation: String or callable, after each hidden layer.
        num_moving: Integer; if given, the network gives the parameters of so many
            values: those that the mask "half" moves, the last
            `event_dim - event_dim // 2` or, with `flip`, the first `event_dim // 2`.

    Returns:
        `keras.Model` to parameters of shape `(batch, event_dim * outputs_per_dim)`, or
        `(batch, num_moving * outputs_per_dim)`.

    Raises:
        ValueError: If an argument is out of its range.

    References:
        - Dinh, Krueger and Bengio, "NICE: non-linear independent components
          estimation", 2014, arXiv:1410.8516.

    Example:
        ```python
        network = keras_genmod.networks.coupling_mlp(6)
        network(keras.ops.zeros((16, 6))).shape  # (16, 12)
        ```
    """
    event_dim = checks.positive_int("event_dim", event_dim)
    outputs_per_dim = checks.positive_int("outputs_per_dim", outputs_per_dim)
    activation = activation_of("activation", activation)
    if condition_dim is not None:
        condition_dim = checks.positive_int("condition_dim", condition_dim)
    inputs, x = vector_input((event_dim,), condition_dim, "event", "condition")
    for units in checks.sizes("hidden_dims", hidden_dims, may_be_empty=True):
        x = layers.Dense(units, activation=activation)(x)
    num_outputs = _num_moving(num_moving, event_dim) * outputs_per_dim
    x = layers.Dense(num_outputs, kernel_initializer="zeros")(x)
    return keras.Model(inputs, x, name="coupling_mlp")


def coupling_cnn(
    image_shape: Sequence[int],
    filters: int = 64,
    num_blocks: int = 2,
    outputs_per_channel: int = 2,
    condition_dim: int | None = None,
    num_moving: int | None = None,
) -> keras.Model:
    """Makes the network of a coupling layer of images: a small residual network.

    A 3x3 convolution, blocks x + conv(relu(conv(relu(x)))) of 3x3 convolutions, and a
    last 1x1 convolution that starts at zero, so that the coupling layer starts at the
    identity.

    Args:
        image_shape: Tuple `(height, width, channels)`.
        filters: Integer, the width of the hidden feature maps.
        num_blocks: Integer of at least 0, how many residual blocks there are.
        outputs_per_channel: Integer, how many parameters each value's map has: 2 for
            `AffineCoupling`, 1 for `AdditiveCoupling`, `3 * num_bins - 1` for
            `SplineCoupling`.
        condition_dim: Integer; if given, the network takes `[image, condition]` with
            `condition` of shape `(batch, condition_dim)`, which becomes channels of
            the image.
        num_moving: Integer; if given, the network gives the parameters of so many
            channels: those that the mask "channel" moves, the last
            `channels - channels // 2` or, with `flip`, the first `channels // 2`.

    Returns:
        `keras.Model` to parameters of shape
        `(batch, height, width, channels * outputs_per_channel)`, or with `num_moving`
        in place of `channels`.

    Raises:
        ValueError: If an argument is out of its range.

    References:
        - Dinh, Sohl-Dickstein and Bengio, "Density estimation using Real NVP", 2017,
          arXiv:1605.08803.

    Note:
        The paper's networks have batch and weight normalization. Here is none, so that
        the density of an image does not depend on the batch that it stands in.

    Example:
        ```python
        network = keras_genmod.networks.coupling_cnn((14, 14, 4), filters=32)
        network(keras.ops.zeros((16, 14, 14, 4))).shape  # (16, 14, 14, 8)
        ```
    """
    image_shape = checks.sizes("image_shape", image_shape, rank=3)
    filters = checks.positive_int("filters", filters)
    num_blocks = checks.integer("num_blocks", num_blocks, 0)
    outputs_per_channel = checks.positive_int(
        "outputs_per_channel", outputs_per_channel
    )
    if condition_dim is not None:
        condition_dim = checks.positive_int("condition_dim", condition_dim)
    inputs, x = image_input(image_shape, condition_dim, condition="condition")
    x = _convolution(filters, 3)(x)
    for _ in range(num_blocks):
        hidden = _convolution(filters, 3)(layers.ReLU()(x))
        hidden = _convolution(filters, 3)(layers.ReLU()(hidden))
        x = layers.Add()([x, hidden])
    num_outputs = _num_moving(num_moving, image_shape[-1]) * outputs_per_channel
    last = _convolution(num_outputs, 1, kernel_initializer="zeros")
    return keras.Model(inputs, last(layers.ReLU()(x)), name="coupling_cnn")


def _num_moving(num_moving, num_values):
    if num_moving is None:
        return num_values
    return checks.integer(
        "num_moving", num_moving, 1, num_values, "the number of all values"
    )


def _convolution(filters, kernel_size, **kwargs):
    return layers.Conv2D(
        filters, kernel_size, padding="same", data_format="channels_last", **kwargs
    )
