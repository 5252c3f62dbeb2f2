"""Weights that stay float32 under every precision policy."""

from typing import Any

import keras

from keras_genmod.engine import own_of_each_process


def add_float32_weight(
    layer: keras.layers.Layer,
    name: str,
    shape: tuple[int, ...],
    initializer: Any = "zeros",
    trainable: bool = True,
    own: bool = False,
    **kwargs: Any,
) -> keras.Variable:
    """Returns a new float32 weight of a model or layer.

    Args:
        layer: The Keras model or layer that owns it.
        name: String.
        shape: Tuple of ints.
        initializer: String, function or `keras.initializers.Initializer`.
        trainable: Whether optimizers change it.
        own: Whether each of several processes has it for itself.
        **kwargs: As in `keras.layers.Layer.add_weight`.
    """
    weight = layer.add_weight(
        name=name,
        shape=shape,
        initializer=initializer,
        trainable=trainable,
        dtype="float32",
        autocast=False,
        **kwargs,
    )
    return own_of_each_process(weight) if own else weight
