"""Data, times and labels as networks of noisy data take them."""

import keras
from keras import layers

from keras_genmod import checks
from keras_genmod.layers.sinusoidal_embedding import SinusoidalEmbedding


def time_inputs(data_shape, dim, num_classes, name, units, embedding_dim=None, **waves):
    """Makes the inputs of a network of noisy data.

    Args:
        data_shape: Tuple of integers, the shape of one example.
        dim: Even integer, the size of the time's sinusoidal embedding.
        num_classes: Integer, or `None` for a network without labels.
        name: String, the name of the data's input.
        units: Integer, the size of the embedding.
        embedding_dim: Integer, the length of vectors in place of labels, or `None`.
        **waves: Arguments of `SinusoidalEmbedding`.

    Returns:
        `(inputs, embedding)`: the list `[data, times]`, or `[data, times, one_hot]`;
        and the embedding of time and label, `(batch, units)`. That of a row of zeros,
        any label, is the bias of the labels' layer.

    Raises:
        ValueError: If `num_classes` or `embedding_dim` is out of its range, or both
            are given.
    """
    # Times stay float32 under every policy: `SinusoidalEmbedding` does not cast them.
    inputs = [keras.Input(data_shape, name=name), keras.Input((), name="time")]
    embedding = SinusoidalEmbedding(dim, **waves)(inputs[1])
    embedding = layers.Dense(units, activation="silu")(embedding)
    embedding = layers.Dense(units)(embedding)
    if embedding_dim is not None:
        size = checks.positive_int("embedding_dim", embedding_dim)
        if num_classes is not None:
            raise ValueError(
                "`embedding_dim` must be None with `num_classes`. Received: "
                f"embedding_dim={embedding_dim!r}, num_classes={num_classes!r}"
            )
    elif num_classes is None:
        return inputs, embedding
    else:
        size = checks.positive_int("num_classes", num_classes)
    condition = "one_hot" if embedding_dim is None else "embedding"
    inputs.append(keras.Input((size,), name=condition))
    return inputs, layers.Add()([embedding, layers.Dense(units)(inputs[2])])
