"""Optimizers on PyTorch: Adam and SGD with fewer passes over memory than in Keras."""

import functools
from collections.abc import Callable

import keras
import torch
from keras import ops

from keras_genmod.engine import keras_internals


def shorten(optimizer: keras.optimizers.Optimizer) -> None:
    """Lets Adam, AdamW or SGD update in place; others stay what they are.

    The numbers are those of Keras, to rounding: most of a small network's step is the
    optimizer's way through memory, and Keras' Adam takes it half as often again, by
    five tensors of the weights' size. The rate is a tensor and never read on the host,
    so that a graph does just what the calls do.

    Args:
        optimizer: Keras optimizer, which others may wrap.
    """
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    kind = keras_internals.kind_of_update(optimizer)
    if kind == "Adam" and not optimizer.amsgrad:
        update = functools.partial(_adam_update, optimizer)
        keras_internals.replace_update(optimizer, update)
    elif kind == "SGD":
        update = functools.partial(_sgd_update, optimizer)
        keras_internals.replace_update(optimizer, update)


def shorten_all(optimizer: keras.optimizers.Optimizer) -> None:
    """Lets an optimizer, or the members of a group, take fewer passes over memory."""
    for member in getattr(optimizer, "members", {"": optimizer}).values():
        shorten(member)


def is_foretold(optimizer) -> bool:
    """Whether the host can tell what Keras does with the steps that are to come.

    It cannot where several optimizers, or one that scales the loss, add up gradients or
    overwrite weights now and then: a step is then as Keras has it, which asks.
    """
    members = getattr(optimizer, "members", {"": optimizer}).values()
    inner = [getattr(member, "inner_optimizer", member) for member in members]
    return inner == [optimizer] or not any(map(_periods, inner))


def due_updates(optimizer, branches: Callable | None) -> Callable | None:
    """Returns a function from a number of steps to what is done and left out in them.

    Args:
        optimizer: Keras optimizer, or `None`; those that `is_foretold` refuses have
            nothing of their own.
        branches: The same of other branches, or `None`.
    """
    if not (periods := _periods(optimizer)):
        return branches

    def due(num_steps):
        others = () if branches is None else branches(num_steps)
        done = keras_internals.num_updates(optimizer)
        counts = range(done, done + num_steps)
        flags = [
            (count // steps + 1) % period == 0
            for count in counts
            for steps, period in periods
        ]
        return others, tuple(flags)

    return due


def _periods(optimizer):
    """Returns pairs of steps that count as one, and of how many of them make a turn."""
    every = getattr(optimizer, "gradient_accumulation_steps", None)
    overwrites = getattr(optimizer, "ema_overwrite_frequency", None)
    turns = [(1, every), (every or 1, overwrites)]
    return [(steps, period) for steps, period in turns if period]


@torch.no_grad()
def apply_scaled(optimizer, keras_apply, gradients, variables):
    """Applies gradients of a scaled loss if they are finite; adapts the scale.

    Args:
        optimizer: Built `LossScaleOptimizer`.
        keras_apply: Keras' own way, for other backends.
        gradients: List of tensors or `None`, of the scaled loss.
        variables: The variables that they belong to.
    """
    del keras_apply
    inner, scale = optimizer.inner_optimizer, optimizer.dynamic_scale.value
    count, grows_at = optimizer.step_counter.value, optimizer.dynamic_growth_steps - 1
    finite = torch.stack([g.isfinite().all() for g in gradients if g is not None])
    finite = finite.all()
    state = [v.value for v in (*variables, *inner.variables)]
    before = [tensor.clone() for tensor in state]
    inner.apply(
        [None if g is None else torch.where(finite, g / scale, 0) for g in gradients],
        variables,
    )
    for tensor, old in zip(state, before, strict=True):
        tensor.copy_(torch.where(finite, tensor, old))
    grows = count == grows_at
    scale.copy_(torch.where(finite, torch.where(grows, 2.0, 1.0), 0.5) * scale)
    count.copy_(torch.where(finite & ~grows, count + 1, 0))


def _adam_update(optimizer, gradients, variables, learning_rate):
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


def _sgd_update(optimizer, gradients, variables, learning_rate):
    """Takes a step: m <- momentum m - rate g, then w <- w + m."""
    weights = [v.value for v in variables]
    rates = len(weights) * [ops.cast(learning_rate, weights[0].dtype)]
    if not optimizer.momentum:
        torch._foreach_addcmul_(weights, gradients, rates, -1.0)
        return
    moments = keras_internals.sgd_slots(optimizer, variables)
    torch._foreach_mul_(moments, optimizer.momentum)
    torch._foreach_addcmul_(moments, gradients, rates, -1.0)
    if optimizer.nesterov:
        torch._foreach_addcmul_(weights, gradients, rates, -1.0)
        torch._foreach_add_(weights, moments, alpha=optimizer.momentum)
    else:
        torch._foreach_add_(weights, moments)
