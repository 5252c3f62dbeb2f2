"""A network with other values of its weights."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops


def call_with(
    network: keras.Layer,
    weights: Sequence[tuple[Any, Any]],
    inputs: Any,
    training: bool = False,
) -> Any:
    """Returns `network(inputs)` as float32, with other values of some weights.

    Nothing that the call changes stays, random states least of all: a call that
    follows draws what this one drew.

    Args:
        network: Built Keras model or layer.
        weights: Pairs of a variable of the network and the variable or tensor whose
            value it has.
        inputs: What the network takes.
        training: Whether it is called to train.
    """
    values = {id(variable): other for variable, other in weights}
    mapping = [
        (variable, ops.convert_to_tensor(values.get(id(variable), variable)))
        for variable in network.variables
    ]
    with keras.StatelessScope(state_mapping=mapping):
        outputs = network(inputs, training=training)
    return ops.cast(outputs, "float32")
