"""Weights that several losses of a step read once, on TensorFlow."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from keras_genmod.engine import keras_internals


class WeightReads:
    """Values of weights that stay the same until an objective has updated them.

    Two reads of a variable are two tensors in a graph, whose optimizer then cannot see
    that two objectives compute the same of them: the translations of a Pix2Pix, first
    for the discriminator and then for the generator.

    Args:
        variables: Keras variables, the trainable ones of a model.
    """

    def __init__(self, variables: Sequence[Any]) -> None:
        self._variables = variables
        self._values: dict[int, Any] = {}

    def of(self, variables: Sequence[Any]) -> list:
        """Returns the values of variables, read now if they were not before."""
        for variable in variables:
            if id(variable) not in self._values:
                value = tf.convert_to_tensor(variable.value)
                self._values[id(variable)] = value
        return [self._values[id(variable)] for variable in variables]

    def forget(self, variables: Sequence[Any]) -> None:
        """Lets variables be read anew, which were updated."""
        for variable in variables:
            self._values.pop(id(variable), None)

    def scope(self) -> keras.StatelessScope:
        """Returns a context in which the weights have these values.

        Other variables are read and assigned as without it.
        """
        values = self.of(self._variables)
        return _Scope(list(zip(self._variables, values, strict=True)))


class _Scope(keras.StatelessScope):
    def __init__(self, mapping):
        super().__init__(mapping, collect_losses=True)

    def add_update(self, update):
        variable, value = update
        keras_internals.assign_in_any_scope(variable, value)
        if id(variable) in self.state_mapping:
            super().add_update((variable, tf.convert_to_tensor(value, variable.dtype)))
