"""Derivatives by the running backend, as NumPy arrays."""

import keras
import numpy as np
from keras import ops


def gradients(function, variables):
    """Returns d function() / d variable for each of the Keras variables."""
    values = [variable.value for variable in variables]
    if keras.backend.backend() == "jax":
        import jax

        def with_values(values):
            mapping = list(zip(variables, values, strict=True))
            with keras.StatelessScope(state_mapping=mapping):
                return function()

        results = jax.jit(jax.grad(with_values))(values)
    elif keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            result = function()
        results = tape.gradient(result, values)
    else:
        import torch

        results = torch.autograd.grad(function(), values, allow_unused=True)
    return [
        np.zeros(variable.shape) if result is None else ops.convert_to_numpy(result)
        for variable, result in zip(variables, results, strict=True)
    ]


def gradient(function, x):
    """Returns d function(x) / dx of a scalar function, of the shape of `x`."""
    x = ops.convert_to_tensor(np.asarray(x, "float32"))
    if keras.backend.backend() == "jax":
        import jax

        return np.asarray(jax.jit(jax.grad(function))(x))
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            tape.watch(x)
            result = function(x)
        return tape.gradient(result, x).numpy()
    import torch

    (result,) = torch.autograd.grad(function(x.requires_grad_()), x)
    return result.numpy()


def jacobians(function, x, outputs):
    """Returns the Jacobian of every example, `(batch, outputs, inputs)`.

    Examples must not depend on each other: each stands once for every one of the
    `outputs` values of an example, so that one backward pass gives all rows.
    """
    batch = len(x)
    chosen = np.tile(np.eye(outputs, dtype="float32"), (batch, 1))

    def summed(repeated):
        rows = ops.reshape(function(repeated), (batch * outputs, outputs))
        return ops.sum(ops.multiply(rows, chosen))

    rows = gradient(summed, np.repeat(x, outputs, axis=0))
    return rows.reshape(batch, outputs, -1)
