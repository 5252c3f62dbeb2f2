"""What users hand to `fit`, `evaluate` and `predict`, checked before any step."""

import inspect
from typing import Any

import keras
import numpy as np

from keras_genmod import checks
from keras_genmod.models.first_batch import first_batch, is_stream


def named(method, *args: Any, **kwargs: Any) -> dict[str, Any]:
    """Returns the arguments of a method of `keras.Model` under their names."""
    signature = inspect.signature(method)
    given = dict(signature.bind(None, *args, **kwargs).arguments)
    given.pop("self")
    given.update(given.pop("kwargs", {}))  # what Keras hands from `fit` to `evaluate`
    return given


def standardize(model, x, y=None, sample_weight=None, class_weight=None):
    """Returns `(x, y, sample_weight, batch)` as Keras takes them, checked.

    Arrays are checked whole, streams by their first batch.

    Args:
        model: A `GenerativeModel`.
        x: What `fit` takes as `x`.
        y: What `fit` takes as `y`.
        sample_weight: Array `(num_examples,)` or `None`.
        class_weight: Dict or `None`.

    Returns:
        `x` is one array, or a stream with nothing of it consumed; `y` is the condition
        of a conditional model; `batch` is the first of a stream, of NumPy arrays, else
        `None`.

    Raises:
        ValueError: If the model does not take these.
    """
    check_weights_are_taken(model, sample_weight, class_weight)
    x = x[0] if isinstance(x, (tuple, list)) and len(x) == 1 else x
    if is_stream(x):
        x, batch = first_batch(x)
        if batch is not None:
            given = keras.utils.unpack_x_y_sample_weight(batch)
            model.check_data(*arrays(model, *given[:2]))
        return x, y, sample_weight, batch
    x, y = arrays(model, x, y)
    model.check_data(x, y)
    if class_weight is not None and (y is None or model.takes_arrays):
        received = "a dict" if isinstance(y, dict) else "y=None"
        raise ValueError(f"`class_weight` needs class labels `y`. Received: {received}")
    if sample_weight is not None:
        number = len(x[0]) if isinstance(x, tuple) else len(x)
        sample_weight = _weights(sample_weight, number)
        # Keras drops weights where there is no `y`.
        y = np.zeros(number) if y is None else y
    return x, y, sample_weight, None


def check_weights_are_taken(model, *weights):
    """Raises a `ValueError` if a model of whole batches gets weights of examples."""
    if not model.takes_sample_weight and any(w is not None for w in weights):
        raise ValueError(
            f"{type(model).__name__} compares whole batches; it takes no "
            "`sample_weight` and no `class_weight`."
        )


def validation(model, data):
    """Returns `validation_data` as `fit` of Keras takes it, checked."""
    x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
    return standardize(model, x, y, sample_weight)[:3]


def arrays(model, x, y):
    """Returns data and condition as two arrays, of an array or a pair of them.

    The condition of a model that `takes_arrays` stays a dict of them, and the data of
    one that `takes_pairs` may stay a pair, of noise and data.

    Args:
        model: A `GenerativeModel`.
        x: Array, or of a conditional model the pair `(x, condition)`.
        y: Array, or `None`.

    Raises:
        ValueError: If it is something else.
    """
    if isinstance(x, dict):
        raise ValueError(
            f"`x` must be one array, or batches of it. Received a dict of {list(x)}; "
            "give the array itself, in a stream by its `map`."
        )
    if isinstance(x, (tuple, list)):
        if len(x) == 1:
            (x,) = x
        elif model.is_conditional and y is None and len(x) == 2:
            x, y = x
    if y is not None:
        if model.takes_arrays and isinstance(y, dict):
            y = {name: _array(name, part) for name, part in y.items()}
        else:
            y = _array("y", y)
        if not model.is_conditional:
            checks.array("y", y)
        elif model.takes_pairs and isinstance(x, (tuple, list)) and len(x) == 2:
            return tuple(_array("x", part) for part in x), y
    return _array("x", x), y


def _array(name, x):
    """Returns what holds one array, such as a data frame, as this array."""
    if isinstance(x, (tuple, list)):
        raise ValueError(
            f"`{name}` must be one array, with the examples along its first axis: "
            f"`numpy.stack({name})`, or `numpy.asarray`, makes it of a list. "
            f"Received a {type(x).__name__} of length {len(x)}"
        )
    if not checks.is_array(x) and hasattr(x, "shape") and hasattr(x, "__array__"):
        try:
            x = np.asarray(x)
        except (TypeError, ValueError, RuntimeError) as error:
            raise ValueError(
                f"`{name}` must be a NumPy array, or what NumPy makes one of. "
                f"Received: {name} of type {type(x).__name__}: {error}"
            ) from error
    if not checks.is_array(x):
        checks.array(name, x)
    return x


def _weights(weights, num_examples):
    weights = _array("sample_weight", weights)
    checks.array("sample_weight", weights)
    if tuple(weights.shape) not in ((num_examples,), (num_examples, 1)):
        raise ValueError(
            f"`sample_weight` must have shape ({num_examples},), one weight an "
            f"example. Received: sample_weight.shape={tuple(weights.shape)}"
        )
    return weights
