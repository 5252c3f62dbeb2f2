"""Labels of what a conditional model is asked to draw."""

from collections.abc import Mapping

import numpy as np
from keras import ops


def standardize_labels(model, condition, num_samples):
    """Returns one label a sample; each class in turn where none are given.

    Args:
        model: The model.
        condition: Labels or captions `(num_samples,)`, one for all, a dict of arrays,
            or `None`.
        num_samples: Integer.

    Returns:
        Array of shape `(num_samples,)`, the dict, or `None` for a model without class
        labels.

    Raises:
        ValueError: If there are not as many labels as samples.
    """
    if condition is None:
        num_classes = getattr(model, "num_classes", None)
        return None if num_classes is None else np.arange(num_samples) % num_classes
    if isinstance(condition, Mapping):
        return condition  # the model checks them
    if ops.is_tensor(condition):
        condition = ops.convert_to_numpy(condition)
    condition = np.asarray(condition)  # strings as they are
    if condition.ndim == 0:
        return np.full(num_samples, condition)
    if condition.shape != (num_samples,):
        raise ValueError(
            f"`condition` must be one label, or {num_samples} labels, one for each "
            f"sample. Received: condition.shape={condition.shape}"
        )
    return condition
