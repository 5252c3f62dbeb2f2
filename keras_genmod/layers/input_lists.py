"""What layers of several inputs take: a list of so many."""

from typing import Any

import keras


def listed(inputs: Any, *parts: str) -> Any:
    """Returns a layer's inputs, or their shapes.

    Args:
        inputs: List or tuple of tensors or of shapes.
        *parts: What each of them must be.

    Raises:
        ValueError: Unless they are a list of so many.
    """
    if (
        isinstance(inputs, (list, tuple))
        and len(inputs) == len(parts)
        and not any(x is None or isinstance(x, int) for x in inputs)  # of one shape
    ):
        return inputs
    shapes = keras.tree.map_structure(lambda x: getattr(x, "shape", x), inputs)
    *first, last = parts
    raise ValueError(
        f"`inputs` must be a list of {', '.join(first)} and {last}. "
        f"Received: inputs of shape {shapes}"
    )
