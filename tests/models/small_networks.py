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
