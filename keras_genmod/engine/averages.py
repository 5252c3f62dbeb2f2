"""The averages of weights that Keras' optimizers keep with `use_ema`."""

import numpy as np
from keras import ops

from keras_genmod.engine import keras_internals


def average_pairs(optimizer, started=False):
    """Returns the variables that an optimizer averages, with their averages.

    Args:
        optimizer: `keras.optimizers.Optimizer`: a plain one, one that scales the loss,
            or an `OptimizerGroup`.
        started: Whether to leave out averages of no step yet, which are zero.

    Returns:
        List of pairs `(variable, average)`, empty without `use_ema`.
    """
    if hasattr(optimizer, "members"):
        members = optimizer.members.values()
        return [pair for member in members for pair in average_pairs(member, started)]
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    if not optimizer.use_ema or not optimizer.built:
        return []
    if started and not keras_internals.num_updates(optimizer):
        return []
    pairs = keras_internals.averaged_variables(optimizer)
    return [(variable, average) for variable, average in pairs if average is not None]


def copies_of(variables):
    """Returns the values of variables as NumPy arrays of their own."""
    return [np.array(ops.convert_to_numpy(variable)) for variable in variables]


def put_averages(optimizer):
    """Gives every variable that the optimizer averages its average.

    Keras' own `variable.assign(average)` makes both share memory on JAX. The next
    `fit` then fails, as a step may not reuse the same memory twice.
    """
    pairs = average_pairs(optimizer, started=True)
    values = copies_of(average for _, average in pairs)
    for (variable, _), value in zip(pairs, values, strict=True):
        variable.assign(value)


def part_averages(optimizer):
    """Gives variables that share memory with their averages memory of their own.

    Keras assigns averages so at the end of `fit`; see `put_averages`.
    """
    for variable, average in average_pairs(optimizer):
        if variable.value is average.value:
            variable.assign(np.array(ops.convert_to_numpy(average)))
