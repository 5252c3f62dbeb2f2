"""A generator whose weights are averages of another one's over its training."""

import keras
from keras import ops

from keras_genmod.engine import backend, keras_internals


def averaged_copy(network):
    """Returns a network that starts as another one and trains by no optimizer."""
    copy = keras.models.clone_model(network)
    copy.set_weights(network.get_weights())
    copy.trainable = False
    return copy


def update_averages(averaged, network, momentum):
    """Moves averages of trainable weights; what is not trained is copied.

    Moving statistics of batch normalization are averages already, of activations of
    other weights; `standing_statistics` makes those of the averaged ones.

    Args:
        averaged: Network as `averaged_copy` returns it.
        network: The network that trains.
        momentum: Scalar in [0, 1].
    """
    trained = {id(variable) for variable in network.trainable_variables}
    for average, variable in zip(averaged.variables, network.variables, strict=True):
        value = ops.convert_to_tensor(variable)
        if id(variable) in trained:
            old = ops.convert_to_tensor(average)
            value = old + (1.0 - ops.cast(momentum, old.dtype)) * (value - old)
        average.assign(value)


def standing_statistics(network, batches):
    """Gives batch normalization the mean statistics of batches.

    Nothing else of the network changes: no vector of a spectral norm, no seed.

    Args:
        network: Keras model.
        batches: Iterable of what it takes.
    """
    kind = keras.layers.BatchNormalization
    layers = [x for x in keras_internals.sublayers(network) if isinstance(x, kind)]
    before = [(layer.momentum, layer.trainable) for layer in layers]
    statistics = {id(x) for layer in layers for x in layer.non_trainable_variables}
    others = [x for x in network.variables if id(x) not in statistics]
    values = [ops.copy(ops.convert_to_tensor(x)) for x in others]
    random_state = backend.random_state()
    try:
        for layer in layers:
            layer.trainable = True  # a frozen one takes its moving statistics
        for i, batch in enumerate(batches):
            for layer in layers:
                layer.momentum = i / (i + 1.0)  # the mean so far
            network(batch, training=True)
    finally:
        for layer, (momentum, trainable) in zip(layers, before, strict=True):
            layer.momentum, layer.trainable = momentum, trainable
        for variable, value in zip(others, values, strict=True):
            variable.assign(value)
        backend.load_random_state(random_state)
