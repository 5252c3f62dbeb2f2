"""Adam on PyTorch, with fewer passes over memory than Keras takes."""

import functools

import keras
import torch
from keras import ops

from keras_genmod.engine import keras_internals


def shorten(optimizer: keras.optimizers.Optimizer) -> None:
    """Lets Adam or AdamW update in place; others stay what they are.

    The numbers are those of Keras, to rounding: most of a small network's step is the
    optimizer's way through memory, and Keras takes it half as often again, by five
    tensors of the weights' size. The rate is read as a tensor, not on the host.

    Args:
        optimizer: Keras optimizer, which others may wrap.
    """
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    if keras_internals.updates_as_adam(optimizer) and not optimizer.amsgrad:
        update = functools.partial(_update, optimizer)
        keras_internals.replace_update(optimizer, update)


def _update(optimizer, gradients, variables, learning_rate):
    """Takes a step: the moments, then w <- w - m / ((sqrt(v) + epsilon) / alpha)."""
    weights = [v.value for v in variables]
    moments, velocities = keras_internals.adam_slots(optimizer, variables)
    dtype, beta_1, beta_2 = weights[0].dtype, optimizer.beta_1, optimizer.beta_2
    step = ops.cast(optimizer.iterations + 1, dtype)
    alpha = ops.cast(learning_rate, dtype) * ops.sqrt(1 - ops.power(beta_2, step))
    alpha = alpha / (1 - ops.power(beta_1, step))
    torch._foreach_lerp_(moments, gradients, 1 - beta_1)
    torch._foreach_mul_(velocities, beta_2)
    torch._foreach_addcmul_(velocities, gradients, gradients, 1 - beta_2)
    sizes = torch._foreach_sqrt(velocities)
    torch._foreach_add_(sizes, optimizer.epsilon)
    torch._foreach_div_(sizes, alpha)
    torch._foreach_addcdiv_(weights, moments, sizes, -1.0)
