"""What a conditional model is asked to draw."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from keras_genmod import checks
from keras_genmod.latents.coding import for_each


def check_condition(condition: Any) -> Any:
    """Returns a condition, raises a `ValueError` for what no model takes as one."""
    parts = condition.values() if isinstance(condition, Mapping) else [condition]
    names = condition if isinstance(condition, Mapping) else ()
    if not all(isinstance(name, str) for name in names):
        raise ValueError(
            f"`condition` must have names as keys. Received: condition={condition!r}"
        )
    for part in parts:
        if part is not None and not isinstance(part, str):
            checks.as_numpy(part, "condition")
    return condition


def standardize_labels(model: Any, condition: Any, num_samples: int) -> Any:
    """Returns a condition a sample; each class in turn where none are given.

    Args:
        model: The model.
        condition: Labels, vectors, captions or a dict of arrays, one a sample or one
            for all; or `None`.
        num_samples: Integer.

    Returns:
        Array of shape `(num_samples, ...)`, a dict of them, or `None` for a model
        without class labels.

    Raises:
        ValueError: If there are not as many conditions as samples.
    """
    if condition is None:
        num_classes = getattr(model, "num_classes", None)
        return None if num_classes is None else np.arange(num_samples) % num_classes
    return for_each(model, condition, num_samples, num_samples)
