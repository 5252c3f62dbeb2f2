"""The check of a network that is called with data and time."""

import keras

_ODD = "a Keras model or layer that is called with "


def check_network(
    network, data_shape, outputs_per_value=1, condition_dim=None, condition="one_hot"
) -> None:
    """Builds a network by a symbolic call, if it is not, and checks its output.

    Args:
        network: Keras model or layer.
        data_shape: Tuple of ints.
        outputs_per_value: Positive int, by which the last axis of the output is longer.
        condition_dim: Int, the length of what it is told beside them, or `None`.
        condition: What that is, for the message.

    Raises:
        ValueError: If it does not take `[x, t]`, or `[x, t, condition]`, to data.
    """
    shapes = [(None, *data_shape), (None,)]
    takes = "[x, t]"
    if condition_dim is not None:
        shapes.append((None, condition_dim))
        takes = f"[x, t, {condition}]"
    if not isinstance(network, keras.Layer):
        raise ValueError(
            f"`network` must be {_ODD}{takes}. Received: network={network!r}"
        )
    inputs = [keras.KerasTensor(shape, "float32") for shape in shapes]
    try:
        output = network(inputs)
        received = getattr(output, "shape", None)
    except Exception as error:
        raise ValueError(
            f"`network` must be {_ODD}{takes}, of shapes {shapes}. A functional model "
            "has these as its `inputs`; its time is `keras.Input(())`. "
            f"Received: network={network!r}, which says: {error}"
        ) from error
    expected = (*data_shape[:-1], outputs_per_value * data_shape[-1])
    if not isinstance(received, tuple) or received[1:] != expected:
        why = ""
        if outputs_per_value > 1:
            why = ", the prediction and then as many numbers for `learned_variance`"
        raise ValueError(
            f"`network` must return the shape (batch, "
            f"{', '.join(map(str, expected))}){why}. Received: an output of shape "
            f"{received}"
        )
