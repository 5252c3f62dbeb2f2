"""Checks of what users hand to models, with messages that say the way out."""

import keras
import numpy as np
from keras import ops

_MEAN, _VARIANCE = 1.0, (0.1, 10.0)  # of data that count as standardized
_ENOUGH = 10  # examples whose mean and variance say something


def is_array(x) -> bool:
    """Whether `x` is a NumPy array or a tensor whose values are known now."""
    return isinstance(x, np.ndarray) or ops.is_tensor(x)


def positive_int(name: str, value) -> None:
    """Raises a `ValueError` unless `value` is an int of at least 1."""
    is_int = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not is_int or value < 1:
        raise ValueError(f"`{name}` must be a positive int. Received: {name}={value}")


def non_negative(name: str, value) -> None:
    """Raises a `ValueError` unless `value` is a number of at least 0."""
    is_number = isinstance(value, (int, float, np.number))
    if not is_number or isinstance(value, bool) or not value >= 0:
        raise ValueError(
            f"`{name}` must be a number of at least 0. Received: {name}={value}"
        )


def positive(name: str, value) -> None:
    """Raises a `ValueError` unless `value` is a finite number above 0."""
    is_number = isinstance(value, (int, float, np.number))
    if not is_number or isinstance(value, bool) or not 0 < value < float("inf"):
        raise ValueError(
            f"`{name}` must be a finite number above 0. Received: {name}={value}"
        )


def share(name: str, value) -> None:
    """Raises a `ValueError` unless `value` is a number in [0, 1]."""
    is_number = isinstance(value, (int, float, np.number))
    if not is_number or isinstance(value, bool) or not 0 <= value <= 1:
        raise ValueError(
            f"`{name}` must be a number in [0, 1]. Received: {name}={value}"
        )


def choice(name: str, value, choices) -> None:
    """Raises a `ValueError` unless `value` is one of `choices`."""
    if value not in choices:
        raise ValueError(
            f"`{name}` must be one of {sorted(choices)}. Received: {name}={value!r}"
        )


def shape(name: str, x, data_shape) -> None:
    """Raises a `ValueError` unless `x` has shape `(batch, *data_shape)`."""
    if tuple(x.shape[1:]) != tuple(data_shape) or len(x.shape) == 0:
        expected = ", ".join(["batch", *map(str, data_shape)])
        raise ValueError(
            f"`{name}` must have shape ({expected}). "
            f"Received: {name}.shape={tuple(x.shape)}"
        )


def unit_range(name: str, x) -> None:
    """Raises a `ValueError` unless all values lie in [0, 1]."""
    x = ops.convert_to_numpy(x)
    if x.size and not (x.min() >= 0 and x.max() <= 1):
        raise ValueError(
            f"`{name}` must lie in [0, 1]; divide pixels of 0 to 255 by 255. "
            f"Received values from {x.min()} to {x.max()}"
        )


def value_range(name: str, x, low: float, high: float) -> None:
    """Raises a `ValueError` unless all values lie in [low, high]."""
    if np.isinf((low, high)).all():
        return
    x = ops.convert_to_numpy(x)
    if x.size and not (x.min() >= low and x.max() <= high):
        raise ValueError(
            f"`{name}` must lie in [{low:g}, {high:g}], where the model has a density. "
            f"Received values from {x.min()} to {x.max()}"
        )


def levels(name: str, x, num_levels: int, tolerance: float = 1e-3) -> None:
    """Raises a `ValueError` unless all values are k / (num_levels - 1)."""
    unit_range(name, x)
    scaled = ops.convert_to_numpy(x).astype("float64") * (num_levels - 1)
    worst = np.abs(scaled - np.round(scaled)).max(initial=0.0)
    if worst > tolerance:
        raise ValueError(
            f"`{name}` must hold the values k / {num_levels - 1} of "
            f"num_levels={num_levels}, k an int. Received values up to "
            f"{worst:.3g} steps away; quantize, or binarize for two levels "
            "(keras_genmod.data.binarize)."
        )


def standardized(name: str, x) -> None:
    """Raises a `ValueError` where mean and variance are far from 0 and 1.

    A few examples say nothing of them.
    """
    x = ops.convert_to_numpy(x).astype("float64")
    if len(x) < _ENOUGH:
        return
    mean, variance = x.mean(), x.var(axis=0).mean()
    low, high = _VARIANCE
    if not (abs(mean) <= _MEAN and low <= variance <= high):
        raise ValueError(
            f"`{name}` must be scaled to mean 0 and variance 1: subtract the mean and "
            "divide by the standard deviation of the training data. Received: mean "
            f"{mean:.3g}, variance {variance:.3g}"
        )


def labels(condition, num_examples: int, num_classes: int, model: str) -> None:
    """Raises a `ValueError` unless there is one class label an example."""
    if condition is None:
        raise ValueError(
            f"{model} was made with num_classes={num_classes}: it needs class labels, "
            "as `y` in `fit` and `evaluate`, as `condition` elsewhere."
        )
    condition = ops.convert_to_numpy(condition)
    if condition.shape not in ((num_examples,), (num_examples, 1)):
        raise ValueError(
            f"Labels must have shape ({num_examples},), one class label an example. "
            f"Received shape {condition.shape}"
        )
    if not np.array_equal(condition, np.round(condition)):
        raise ValueError(
            f"Labels must be whole numbers. Received dtype {condition.dtype}"
        )
    if condition.size and not 0 <= condition.min() <= condition.max() < num_classes:
        raise ValueError(
            f"Labels must lie in 0 to {num_classes - 1} for "
            f"num_classes={num_classes}. Received labels from {condition.min()} to "
            f"{condition.max()}"
        )


def embeddings(condition, num_examples: int, embedding_dim: int, model: str) -> None:
    """Raises a `ValueError` unless there is one finite embedding an example."""
    if condition is None:
        raise ValueError(
            f"{model} is conditional on vectors of length {embedding_dim}: it needs "
            "embeddings, as `y` in `fit` and `evaluate`, as `condition` elsewhere."
        )
    condition = ops.convert_to_numpy(condition)
    if condition.shape != (num_examples, embedding_dim):
        raise ValueError(
            f"Embeddings must have shape ({num_examples}, {embedding_dim}), one "
            f"vector an example. Received shape {condition.shape}"
        )
    if not np.all(np.isfinite(condition)):
        raise ValueError("Embeddings must be finite. Received NaN or infinity.")


def network_shapes(name: str, network, num_classes: int | None = None):
    """Returns a built network's data and output shapes, without the batch.

    Raises:
        ValueError: If it is not built, or does not take `[x, one_hot]` although
            `num_classes` is given.
    """
    if num_classes is not None:
        positive_int("num_classes", num_classes)
    if not getattr(network, "built", False) or not hasattr(network, "input_shape"):
        raise ValueError(
            f"`{name}` must be a built Keras model with known shapes: a functional "
            "model, or a `Sequential` that starts with `keras.Input(shape)`. "
            f"Received: {network!r}"
        )
    inputs = network.input_shape
    if num_classes is None:
        if isinstance(inputs, list):
            raise ValueError(
                f"`{name}` must take one input; it takes {len(inputs)}. A network of "
                "[x, one_hot] needs `num_classes`."
            )
        return inputs[1:], network.output_shape[1:]
    if not isinstance(inputs, list) or len(inputs) != 2:
        raise ValueError(
            f"With `num_classes`, `{name}` must take the list [x, one_hot]. "
            f"Received a network of input shape {inputs}"
        )
    if inputs[1][1:] != (num_classes,):
        raise ValueError(
            f"`{name}` must take one-hot labels of shape (batch, {num_classes}). "
            f"Received a network of input shapes {inputs}"
        )
    return inputs[0][1:], network.output_shape[1:]


def network_maps(name, network, input_shape, output_shape, num_classes=None):
    """Raises a `ValueError` unless a network maps one shape to another."""
    shapes = network_shapes(name, network, num_classes)
    if shapes != (tuple(input_shape), tuple(output_shape)):
        raise ValueError(
            f"`{name}` must map shape {tuple(input_shape)} to {tuple(output_shape)} "
            f"(without the batch). Received a network from {shapes[0]} to {shapes[1]}"
        )


def no_batch_normalization(name: str, network, reason: str) -> None:
    """Raises a `ValueError` if a network holds batch normalization."""
    for layer in network._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            raise ValueError(
                f"`{name}` must hold no BatchNormalization: {reason}. Found "
                f"{layer.name!r}; use LayerNormalization, GroupNormalization or none."
            )


def features(name: str, output_shape) -> None:
    """Raises a `ValueError` unless a network's output is one vector an example."""
    if len(output_shape) != 1:
        raise ValueError(
            f"`{name}` must end in features of shape (batch, features); end it "
            f"with a Flatten layer. Received an output of shape {output_shape}"
        )


def sample_weight_unused(sample_weight, model: str) -> None:
    """Raises a `ValueError` unless `sample_weight` is `None`."""
    if sample_weight is not None:
        raise ValueError(
            f"{model} compares whole batches; it takes no `sample_weight` and no "
            "`class_weight`."
        )


def broadcast(name: str, x, full_shape):
    """Returns `x` with a batch axis; raises a `ValueError` unless its shape fits."""
    x = ops.convert_to_numpy(x)
    if x.shape not in (tuple(full_shape), tuple(full_shape[1:])):
        raise ValueError(
            f"`{name}` must have shape {tuple(full_shape)} or {tuple(full_shape[1:])}. "
            f"Received: {name}.shape={x.shape}"
        )
    return np.broadcast_to(x, full_shape)
