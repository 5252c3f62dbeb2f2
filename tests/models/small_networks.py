"""Networks of a few units for tests."""

import keras
import numpy as np


def small_network(
    input_shape,
    output_shape,
    activation=None,
    num_classes=None,
    dropout=0.0,
    use_bias=True,
):
    """Returns a built network of one hidden layer from one shape to another.

    Without `use_bias` the last layer has none: a Wasserstein critic's, say, whose
    loss is a difference and so gives the last bias no gradient.
    """
    inputs = keras.Input(input_shape)
    x = keras.layers.Flatten()(inputs)
    if num_classes is not None:
        label = keras.Input((num_classes,))
        inputs = [inputs, label]
        x = keras.layers.Concatenate()([x, label])
    x = keras.layers.Dense(8, activation="tanh")(x)
    if dropout:
        x = keras.layers.Dropout(dropout)(x)
    size = int(np.prod(output_shape))
    x = keras.layers.Dense(size, activation=activation, use_bias=use_bias)(x)
    outputs = keras.layers.Reshape(output_shape, dtype="float32")(x)
    return keras.Model(inputs, outputs)


def small_time_network(
    data_shape, num_classes=None, dropout=0.0, outputs_per_value=1, hidden_dim=8
):
    """Returns a network of noisy data and times, `[x, t]` or `[x, t, one_hot]`."""
    inputs = [keras.Input(data_shape), keras.Input(())]
    time = keras.ops.expand_dims(inputs[1], -1)
    parts = [keras.layers.Flatten()(inputs[0]), time]
    if num_classes is not None:
        inputs.append(keras.Input((num_classes,)))
        parts.append(inputs[2])
    x = keras.layers.Concatenate()(parts)
    x = keras.layers.Dense(hidden_dim, activation="tanh")(x)
    if dropout:
        x = keras.layers.Dropout(dropout)(x)
    output_shape = (*data_shape[:-1], outputs_per_value * data_shape[-1])
    x = keras.layers.Dense(int(np.prod(output_shape)))(x)
    return keras.Model(inputs, keras.layers.Reshape(output_shape, dtype="float32")(x))
