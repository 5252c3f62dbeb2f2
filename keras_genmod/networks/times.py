"""Data, times and labels as networks of noisy data take them."""

import keras
from keras import layers

from keras_genmod import checks
from keras_genmod.layers.sinusoidal_embedding import SinusoidalEmbedding


def time_inputs(data_shape, dim, num_classes, name, units, **waves):
    """Makes the inputs of a network of noisy data.

    Args:
        data_shape: Tuple of integers, the shape of one example.
        dim: Even integer, the size of the time's sinusoidal embedding.
        num_classes: Integer, or `None` for a network without labels.
        name: String, the name of the data's input.
        units: Integer, the size of the embedding.
        **waves: Arguments of `SinusoidalEmbedding`.

    Returns:
        `(inputs, embedding)`: the list `[data, times]`, or `[data, times, one_hot]`;
        and the embedding of time and label, `(batch, units)`. That of a row of zeros,
        any label, is the bias of the labels' layer.

    Raises:
        ValueError: If `num_classes` is out of its range.
    """
    # Times stay float32 under every policy: `SinusoidalEmbedding` does not cast them.
    inputs = [keras.Input(data_shape, name=name), keras.Input((), name="time")]
    embedding = SinusoidalEmbedding(dim, **waves)(inputs[1])
    embedding = layers.Dense(units, activation="silu")(embedding)
    embedding = layers.Dense(units)(embedding)
    if num_classes is None:
        return inputs, embedding
    num_classes = checks.positive_int("num_classes", num_classes)
    inputs.append(keras.Input((num_classes,), name="one_hot"))
    return inputs, layers.Add()([embedding, layers.Dense(units)(inputs[2])])
