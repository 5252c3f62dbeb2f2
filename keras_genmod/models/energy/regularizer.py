"""Regularizers that machines take."""

from typing import Any

import keras


def regularizer(name: str, value: Any) -> keras.regularizers.Regularizer | None:
    """Returns the regularizer that an argument names or is, or `None`.

    Raises:
        ValueError: If it is something else; the argument `name` is named.
    """
    try:
        return keras.regularizers.get(value)
    except ValueError as error:
        raise ValueError(
            f"`{name}` must be a `keras.regularizers.Regularizer`, the name of one, or "
            f"None. Received: {name}={value!r}"
        ) from error
