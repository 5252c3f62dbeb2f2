"""Checks of conditions: class labels, vectors, tokens, or dicts of arrays."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from keras_genmod import checks

_WHERE = (
    "as `y` in `fit` and `evaluate`, in the pair `(x, condition)` in `predict`, as "
    "`condition` elsewhere"
)


def labels(
    condition: Any, num_examples: int, num_classes: int, model: str
) -> np.ndarray:
    """Returns one class label an example, int32 `(num_examples,)`.

    Args:
        condition: Labels `(num_examples,)` or `(num_examples, 1)`, or one-hot rows
            `(num_examples, num_classes)`.
        num_examples: Int.
        num_classes: Int.
        model: Name of the model's class, for the message.

    Raises:
        ValueError: If it is anything else.
    """
    if condition is None:
        raise ValueError(
            f"{model} was made with num_classes={num_classes}: it needs class labels, "
            f"{_WHERE}."
        )
    condition = checks.as_numpy(condition, "condition")
    if condition.dtype.kind not in "buif":
        raise ValueError(
            f"Labels must be whole numbers from 0 to {num_classes - 1}; numpy.unique("
            "names, return_inverse=True) makes them of names. "
            f"Received dtype {condition.dtype}"
        )
    if condition.shape == (num_examples, num_classes) and num_classes > 1:
        return _of_one_hot(condition)
    if condition.shape not in ((num_examples,), (num_examples, 1)):
        raise ValueError(
            f"Labels must have shape ({num_examples},), one class label an example, or "
            f"({num_examples}, {num_classes}), one-hot. "
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
    return condition.reshape(-1).astype("int32")


def _of_one_hot(rows: np.ndarray) -> np.ndarray:
    labels = rows.argmax(axis=1)
    if not np.array_equal(rows, np.eye(rows.shape[1])[labels]):
        raise ValueError(
            "Labels must be one-hot, a single 1 and else 0 in each row, where they "
            f"have shape (batch, {rows.shape[1]}). Received rows of other values"
        )
    return labels.astype("int32")


def embeddings(
    condition: Any, num_examples: int, embedding_dim: int, model: str
) -> np.ndarray:
    """Returns one finite embedding an example, float `(num_examples, dim)`.

    Raises:
        ValueError: If `condition` is anything else.
    """
    if condition is None:
        raise ValueError(
            f"{model} is conditional on vectors of length {embedding_dim}: it needs "
            f"embeddings, {_WHERE}."
        )
    condition = checks.as_numpy(condition, "condition")
    if condition.shape != (num_examples, embedding_dim):
        raise ValueError(
            f"Embeddings must have shape ({num_examples}, {embedding_dim}), one "
            f"vector an example. Received shape {condition.shape}"
        )
    checks.array("condition", condition)
    if not np.all(np.isfinite(condition)):
        raise ValueError("Embeddings must be finite. Received NaN or infinity.")
    return condition


def arrays(
    condition: Any, num_examples: int, shapes: Mapping[str, tuple], model: str
) -> dict[str, np.ndarray]:
    """Returns a dict of finite arrays, each `(num_examples, *shape)`, in their order.

    Args:
        condition: Dict of arrays with these keys.
        num_examples: Int.
        shapes: Dict from keys to shapes without the batch.
        model: Name of the model's class, for the message.

    Raises:
        ValueError: If it is anything else.
    """
    keys(condition, shapes, model)
    found = {}
    for name, shape in shapes.items():
        checks.shape(name, condition[name], shape)
        found[name] = checks.as_numpy(condition[name], name)
        if len(found[name]) != num_examples:
            raise ValueError(
                f"`{name}` must have shape ({num_examples}, ...), one row an example. "
                f"Received: {name}.shape={found[name].shape}"
            )
        if found[name].dtype.kind == "f" and not np.isfinite(found[name]).all():
            raise ValueError(f"`{name}` must be finite. Received NaN or infinity.")
    return found


def keys(condition: Any, shapes: Mapping[str, Any], model: str) -> None:
    """Raises a `ValueError` unless `condition` is a dict with the keys of `shapes`."""
    wanted = ", ".join(map(repr, shapes))
    if not isinstance(condition, dict):
        received = "None" if condition is None else f"a {type(condition).__name__}"
        raise ValueError(
            f"{model} needs a condition, a dict of arrays with the keys {wanted}, "
            f"{_WHERE}. Received {received}"
        )
    missing = [name for name in shapes if name not in condition]
    unknown = [name for name in condition if name not in shapes]
    if missing or unknown:
        wrong = [f"no {name!r}" for name in missing]
        wrong += [f"an unknown {name!r}" for name in unknown]
        raise ValueError(
            f"The condition of {model} must be a dict of arrays with the keys "
            f"{wanted}. Received a dict with {', '.join(wrong)}"
        )


def tokens(
    condition: Any, num_examples: int, length: int, num_tokens: int, model: str
) -> np.ndarray:
    """Returns one caption an example, int32 `(num_examples, length)`.

    Raises:
        ValueError: If `condition` are no rows of tokens, with 0 behind the last one.
    """
    if condition is None:
        raise ValueError(
            f"{model} learns from captions: it needs their tokens as `y` in `fit` and "
            "`evaluate`, which `vocabulary.encode(captions)` gives."
        )
    checks.shape("captions", condition, (length,))
    rows = checks.as_numpy(condition, "captions")
    if len(rows) != num_examples:
        raise ValueError(
            f"`captions` must have shape ({num_examples}, {length}), a row an example. "
            f"Received: captions.shape={rows.shape}"
        )
    known = (rows == np.round(rows)) & (rows >= 0) & (rows < num_tokens)
    is_token = rows > 0
    if not known.all() or (is_token[:, 1:] & ~is_token[:, :-1]).any():
        raise ValueError(
            f"`captions` must hold the tokens 1 to {num_tokens - 1}, and 0 behind the "
            "last one: `vocabulary.encode(captions)` makes them of strings. "
            f"Received values from {rows.min()} to {rows.max()}"
        )
    if not is_token[:, 0].all():
        raise ValueError(
            "`captions` must have a token each. Received a row of zeros, row "
            f"{int(np.argmin(is_token[:, 0]))}"
        )
    return rows.astype("int32")
