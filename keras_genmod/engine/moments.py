"""Optimizers that start anew, with the weights that they have trained."""

import numpy as np

from keras_genmod.engine.averages import average_pairs


def reset_moments(optimizer) -> None:
    """Sets step counts and moments to zero; rates and averages of weights stay.

    Args:
        optimizer: `OptimizerGroup`, compiled.
    """
    kept = {id(average) for _, average in average_pairs(optimizer)}
    for member in optimizer.members.values():
        inner = getattr(member, "inner_optimizer", member)
        for variable in inner.variables:
            if id(variable) not in kept and variable is not inner.learning_rate:
                zeros = np.zeros(tuple(variable.shape), variable.numpy().dtype)
                variable.assign(zeros)
