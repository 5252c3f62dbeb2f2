"""Steps on JAX that are compiled once for each way they go.

What XLA does not fuse across a conditional is dear: a step in which no penalty is due
took as long again as one without them. So the host says which branches are next, beside
the batch, as a static part of what the compiled step takes.
"""

import contextlib
import dataclasses
import threading

import jax
import keras

_local = threading.local()  # what `cond` is to choose, in the step that is traced here


@jax.tree_util.register_static
@dataclasses.dataclass(frozen=True)
class _Due:
    """Which branches of a step are taken: a tuple of bools, in their order."""

    flags: tuple


def traced(function, model, name, branches=None, fuse=False):
    """Returns the function, which is told with each batch which branches are due.

    Args:
        function: What Keras calls with the state and an iterator of batches.
        model: Keras model, whose state that is.
        name: Without effect.
        branches: Function from the number of steps to come to a tuple of bools for
            each of them; or `None` for steps without `cond`.
        fuse: Without effect.
    """
    del name, fuse
    if branches is None:
        return function

    # Both would take as long in each step as a small step itself: to gather the
    # variables of all layers, and to convert all their values for the scope.
    numbers = [id(variable) for variable in model.non_trainable_variables]

    def step(state, batches):
        with keras.StatelessScope() as scope:
            scope.state_mapping.update(zip(numbers, state[1], strict=True))
            due = branches(model.steps_per_execution)
        return function(state, map(_marked, due, batches))

    return step


def _marked(flags, batch):
    return _Due(flags), batch


@contextlib.contextmanager
def branching(data):
    """Has `cond` choose what the host said; yields the batch alone."""
    if not (isinstance(data, tuple) and data and isinstance(data[0], _Due)):
        yield data
        return
    due, batch = data
    _local.flags = iter(due.flags)
    try:
        yield batch
    finally:
        del _local.flags


def cond(due, taken, left):
    """Returns `taken()` or `left()`, of which a step that was told holds one."""
    flags = getattr(_local, "flags", None)
    if flags is None:
        return keras.ops.cond(due, taken, left)
    return taken() if next(flags) else left()
