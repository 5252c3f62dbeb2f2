"""Weights that each of several processes has for itself."""

import keras

_OWN = "_own_of_each_process"


def own_of_each_process(variable: keras.Variable) -> keras.Variable:
    """Marks a variable that follows the data of one process, such as a Markov chain.

    On torch it is not made the same in all. On JAX it is one array of all.
    """
    setattr(variable, _OWN, True)
    return variable


def is_own(variable: keras.Variable) -> bool:
    """Whether a variable is so marked."""
    return hasattr(variable, _OWN)
