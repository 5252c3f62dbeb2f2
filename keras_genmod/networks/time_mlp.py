"""The network of diffusion models of points."""

from typing import Any

import keras
from keras import layers

from keras_genmod import checks
from keras_genmod.networks.inputs import activation_of
from keras_genmod.networks.times import time_inputs

_WAVES = {"scale": 100.0, "longest": 1000.0}  # smoother than those of images


def time_mlp(
    event_dim: int,
    hidden_dims: tuple[int, ...] = (128, 128, 128),
    num_classes: int | None = None,
    activation: Any = "silu",
    outputs_per_dim: int = 1,
) -> keras.Model:
    """Makes a network of vectors and times: dense layers that are told the time.

    Each hidden layer is activation(W x + U e + b), with e the embedding of the time and
    the label. The last layer starts at zero.

    Args:
        event_dim: Integer, the length of a vector.
        hidden_dims: Tuple of integers, the width of each hidden layer.
        num_classes: Integer; if given, the network takes `[vectors, times, one_hot]`
            with `one_hot` of shape `(batch, num_classes)`. A row of zeros stands for
            no label, and has an embedding of its own.
        activation: String or callable, after each hidden layer.
        outputs_per_dim: Integer, how many numbers each value gets: 2 for a diffusion
            model that learns its variance.

    Returns:
        `keras.Model` from `[vectors, times]`, of shapes `(batch, event_dim)` and
        `(batch,)` with times in [0, 1], to float32 of shape
        `(batch, outputs_per_dim * event_dim)`.

    Raises:
        ValueError: If an argument is out of its range.

    References:
        - Ho, Jain and Abbeel, "Denoising diffusion probabilistic models", 2020,
          arXiv:2006.11239 (the embedding of time).

    Example:
        ```python
        network = keras_genmod.networks.time_mlp(2, (64, 64))
        network([keras.ops.zeros((16, 2)), keras.ops.zeros(16)]).shape  # (16, 2)
        ```
    """
    event_dim = checks.positive_int("event_dim", event_dim)
    hidden_dims = checks.sizes("hidden_dims", hidden_dims)
    outputs_per_dim = checks.positive_int("outputs_per_dim", outputs_per_dim)
    activation = activation_of("activation", activation)
    units = hidden_dims[0]
    inputs, embedding = time_inputs(
        (event_dim,), units + units % 2, num_classes, "vector", units, **_WAVES
    )
    x = inputs[0]
    for units in hidden_dims:
        told = layers.Dense(units, use_bias=False)(embedding)
        x = layers.Activation(activation)(layers.Add()([layers.Dense(units)(x), told]))
    x = layers.Dense(outputs_per_dim * event_dim, kernel_initializer="zeros")(x)
    x = layers.Activation("linear", dtype="float32")(x)
    return keras.Model(inputs, x, name="time_mlp")
