"""What bijectors ask of the networks that give them their parameters."""

from keras import ops

_LARGEST_LOG_SCALE = 5.0


def check_network(network, input_shape, output_shapes, condition_dim):
    """Raises a `ValueError` unless a network maps one shape to one of others.

    Args:
        network: What should be a built Keras model.
        input_shape: Tuple, the shape of an event, without the batch.
        output_shapes: List of tuples, the shapes that its parameters may have, without
            the batch.
        condition_dim: Positive int, the length of the condition that the network takes
            beside the event, or `None`.

    Raises:
        ValueError: If it does not.
    """
    if not getattr(network, "built", False) or not hasattr(network, "input_shape"):
        raise ValueError(
            "`network` must be a built Keras model with known shapes: a functional "
            "model, or a `Sequential` that starts with `keras.Input(shape)`. "
            f"Received: network={network!r}"
        )
    event = (None, *input_shape)
    expected = event if condition_dim is None else [event, (None, condition_dim)]
    if network.input_shape != expected:
        kind = "one input" if condition_dim is None else "the list [event, condition]"
        raise ValueError(
            f"`network` must take {kind}, of shape {expected}. "
            f"Received a network of input shape {network.input_shape}"
        )
    allowed = [(None, *shape) for shape in output_shapes]
    if network.output_shape not in allowed:
        raise ValueError(
            f"`network` must have output shape {' or '.join(map(str, allowed))}. "
            f"Received a network of output shape {network.output_shape}"
        )


def log_scale(raw):
    """Bounds a logarithm of a scale: 5 tanh(raw / 5), which is all but `raw` near 0.

    So no network can make a flow infinite: a scale lies between exp(-5) and exp(5).
    """
    return _LARGEST_LOG_SCALE * ops.tanh(raw / _LARGEST_LOG_SCALE)
