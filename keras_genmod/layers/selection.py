"""Which of some things numbers choose, as weights of a sum."""

from typing import Any

from keras import ops


def selected(numbers: Any, size: int, dtype: Any = "float32") -> Any:
    """Returns `(..., size)`, 1 at each number and else 0; all 0 for other numbers.

    Torch's own one-hot rows end the process on a GPU where a number is too large.

    Args:
        numbers: Int tensor `(...)`.
        size: Int.
        dtype: Of the result.
    """
    places = ops.arange(size, dtype="int32")
    return ops.cast(ops.cast(numbers, "int32")[..., None] == places, dtype)
