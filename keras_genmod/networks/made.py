"""The masked autoregressive network of vectors."""

import warnings
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import layers

from keras_genmod import checks
from keras_genmod.layers import MaskedDense
from keras_genmod.networks.inputs import activation_of, vector_input


def made(
    event_dim: int,
    hidden_dims: Sequence[int] = (64, 64),
    outputs_per_dim: int = 2,
    condition_dim: int | None = None,
    activation: Any = "relu",
    seed: int | None = None,
) -> keras.Model:
    """Makes a network whose outputs for value i see the values before i only.

    Each hidden unit has a degree m and sees the first m values of the vector; the
    outputs for value i see the units of degree at most i - 1 (see `MaskedDense`). The
    last layer starts at zero.

    Value i + 1 sees value i where each hidden layer has a unit of degree i. With fewer
    units than values some degrees have none: at 784 values and the default widths 64 of
    783 values see the one right before them, the others only those further back. Where
    less than half do, a warning says so; layers at least as wide as the vector, without
    a `seed`, let all do.

    Args:
        event_dim: Integer, the length of a vector.
        hidden_dims: Tuple of integers, the width of each hidden layer; not empty.
        outputs_per_dim: Integer, how many parameters there are for each value.
        condition_dim: Integer; if given, the network takes `[event, condition]` with
            `condition` of shape `(batch, condition_dim)`, which every output sees.
        activation: String or callable, after each hidden layer.
        seed: Integer of at least 0, to draw the degrees of the hidden units, as the
            paper does; None spreads them evenly.

    Returns:
        `keras.Model` to parameters of shape `(batch, event_dim, outputs_per_dim)`.

    Raises:
        ValueError: If an argument is out of its range.

    Warns:
        UserWarning: If fewer than half of the values see the one right before them.

    References:
        - Germain, Gregor, Murray and Larochelle, "MADE: masked autoencoder for
          distribution estimation", 2015, arXiv:1502.03509.
        - Papamakarios, Pavlakou and Murray, "Masked autoregressive flow for density
          estimation", 2017, arXiv:1705.07057.

    Example:
        ```python
        network = keras_genmod.networks.made(6)
        network(keras.ops.zeros((16, 6))).shape  # (16, 6, 2)
        ```
    """
    event_dim = checks.positive_int("event_dim", event_dim)
    outputs_per_dim = checks.positive_int("outputs_per_dim", outputs_per_dim)
    hidden_dims = checks.sizes("hidden_dims", hidden_dims, may_be_empty=True)
    if not hidden_dims:
        raise ValueError("`hidden_dims` must not be empty. Received: hidden_dims=()")
    seed = checks.seed("seed", seed)
    activation = activation_of("activation", activation)
    if condition_dim is not None:
        condition_dim = checks.positive_int("condition_dim", condition_dim)
    inputs, x = vector_input((event_dim,), condition_dim, "event", "condition")
    degrees = [*range(1, event_dim + 1), *[0] * (condition_dim or 0)]
    # The first value's outputs see nothing but units of degree 0: with a condition.
    lowest = 0 if condition_dim is not None or event_dim == 1 else 1
    rng = None if seed is None else np.random.default_rng(seed)
    neighbours = set(range(1, event_dim))  # values that the next one sees
    for units in hidden_dims:
        hidden_degrees = _degrees(units, lowest, event_dim, rng)
        neighbours &= set(hidden_degrees)
        x = MaskedDense(degrees, hidden_degrees, activation=activation)(x)
        degrees = hidden_degrees
    if 2 * len(neighbours) < event_dim - 1:
        warnings.warn(
            f"`hidden_dims` are narrow for event_dim={event_dim}: only "
            f"{len(neighbours)} of {event_dim - 1} values see the value right before "
            f"them. Give each layer {event_dim - 1} units or more. "
            f"Received: hidden_dims={hidden_dims}",
            stacklevel=2,
        )
    output_degrees = [i for i in range(event_dim) for _ in range(outputs_per_dim)]
    x = MaskedDense(degrees, output_degrees, kernel_initializer="zeros")(x)
    x = layers.Reshape((event_dim, outputs_per_dim))(x)
    return keras.Model(inputs, x, name="made")


def _degrees(units, lowest, event_dim, rng):
    """Returns the degrees of hidden units, from `lowest` to `event_dim - 1`."""
    choices = np.arange(lowest, event_dim)
    if rng is None:
        degrees = choices[((np.arange(units) + 0.5) * len(choices) / units).astype(int)]
    else:
        degrees = np.sort(rng.choice(choices, units))
    degrees[0] = lowest  # some unit carries the condition to the first value
    return degrees.tolist()
