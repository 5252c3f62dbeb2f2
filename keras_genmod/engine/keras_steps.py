"""What steps are on TensorFlow and JAX: Keras' own, which it compiles."""

import contextlib

from keras import ops

branching = contextlib.nullcontext  # gives the batch, with which nothing else came


def apply_scaled(optimizer, keras_apply, gradients, variables):
    """Applies gradients of a scaled loss as Keras does."""
    del optimizer
    keras_apply(gradients, variables)


def train_on_one_loss(model, keras_step, *args):
    """Takes Keras' step for a model with one loss."""
    del model
    return keras_step(*args)


def cond(due, taken, left):
    """Returns `taken()` or `left()`, of which a compiled step holds both."""
    return ops.cond(due, taken, left)


def jit_compile_of_keras(jit_compile):
    """Returns what Keras is to do: what was asked for."""
    return jit_compile


def traced(function, model, name, branches=None, fuse=False):
    """Returns the function: Keras compiles it."""
    del model, name, branches, fuse
    return function


def is_current(function) -> bool:
    """Whether it may still be called: Keras sees to that."""
    del function
    return True


def free_size(name):
    """Returns what stands for a size that an exported program leaves open."""
    del name


def register_variables(layer):
    """Does nothing: exporters find all variables of a layer by themselves."""
    del layer


def rows_in_range(x, low, high):
    """Returns whether all values of a row lie in [low, high], false for NaN.

    Args:
        x: Float tensor `(rows, columns)`.
        low: Float.
        high: Float.
    """
    # No minimum and maximum: XLA on TensorFlow passes over NaN in them.
    return ops.sum(ops.abs(ops.clip(x, low, high) - x), axis=1) == 0


def halved(x):
    """Returns images `(batch, height, width, channels)` of half the sides, by means."""
    return ops.average_pool(x, 2, 2, data_format="channels_last")
