"""The slices of a batch that an objective with several steps sees."""

from collections.abc import Iterator
from typing import Any

from keras import tree

from keras_genmod.engine.objective import Objective


def batch_slices(inputs: Any, objective: Objective) -> Iterator[Any]:
    """Yields `x[i::k]` of every tensor for the `k` steps of an objective.

    Args:
        inputs: Tensor or nest of tensors with one batch dimension.
        objective: `Objective` with `steps=k`.

    Raises:
        ValueError: If the batch has a known size below `k`.
    """
    steps = objective.steps
    if steps == 1:
        yield inputs
        return
    size = tree.flatten(inputs)[0].shape[0]
    if size is not None and size < steps:
        raise ValueError(
            f"The batch must hold at least {steps} examples, one for each step of "
            f"objective {objective.name!r}. Received a batch of {size}; use a batch "
            "size that leaves no smaller last batch, or drop it."
        )
    for i in range(steps):
        yield tree.map_structure(lambda x, i=i: x[i::steps], inputs)


def batch_size(inputs: Any) -> int | None:
    """Returns the static batch size of a nest of tensors, or `None`."""
    return tree.flatten(inputs)[0].shape[0]
