"""Weights of a bijector that a condition moves, an example at a time."""

import math

import keras
from keras import ops

_DEVIATION = 0.01  # of the kernel at the start: conditions move little


def add_kernel(bijector, weights, seed=None):
    """Adds the linear map from the condition to moves of the weights.

    Args:
        bijector: The `Bijector` that the weights belong to.
        weights: List of its variables.
        seed: Int or `None`, of the initial values.

    Returns:
        Variable `(condition_dim, total size of the weights)`, or `None` for a bijector
        without a condition.
    """
    if bijector.condition_dim is None:
        return None
    size = sum(math.prod(weight.shape) for weight in weights)
    return bijector.add_weight(
        shape=(bijector.condition_dim, size),
        initializer=keras.initializers.RandomNormal(0.0, _DEVIATION, seed=seed),
        dtype="float32",
        autocast=False,
        name="kernel",
    )


def moved(weights, kernel, condition):
    """Returns the weights as tensors: those of each example, where there is a kernel.

    Args:
        weights: List of variables.
        kernel: What `add_kernel` returned.
        condition: Tensor `(batch, condition_dim)`, or `None` without a kernel.

    Returns:
        List of tensors: of the shapes of the weights, or of `(batch, *shape)`.
    """
    tensors = [ops.convert_to_tensor(weight) for weight in weights]
    if kernel is None:
        return tensors
    moves = ops.matmul(condition, kernel)
    results, start = [], 0
    for tensor in tensors:
        stop = start + math.prod(tensor.shape)
        move = ops.reshape(moves[:, start:stop], (-1, *tensor.shape))
        results.append(tensor + move)
        start = stop
    return results
