"""Several processes that train together: all compute, process 0 writes.

What one process does alone keeps the others waiting, since they take part in what it
computes: on JAX in each operation on a weight. So all call `fit`, `save` and `sample`,
and a callback computes everywhere what it then writes on process 0.
"""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from keras import tree

from keras_genmod.engine.backend import (
    gathered,
    num_processes,
    process_id,
    whole_values,
)


def is_writer() -> bool:
    """Whether this process is the one that writes files."""
    return process_id() == 0


@contextlib.contextmanager
def place_to_write(path: str) -> Iterator[str]:
    """Gives the place that a file or folder is to be written to.

    On process 0 that is where it belongs, elsewhere one that is thrown away. When the
    context ends on any process, it is there.

    Args:
        path: String.
    """
    if num_processes() == 1:
        yield path
        return
    try:
        if is_writer():
            yield path
        else:
            with tempfile.TemporaryDirectory() as folder:
                yield os.path.join(folder, os.path.basename(path))
    finally:
        gathered(np.zeros(1, "uint8"))  # all wait for all, after an error too


def whole_state(model: keras.Model) -> contextlib.AbstractContextManager:
    """Returns a context in which the host can read all variables of a model.

    Those split between processes are gathered meanwhile: all processes enter it. None
    may change in it.
    """
    if hasattr(model, "jax_state_sync"):  # JAX keeps weights apart in `fit`
        model.jax_state_sync()
    optimizer = getattr(model, "optimizer", None)
    slots = [] if optimizer is None else optimizer.variables
    return whole_values([*model.variables, *slots])


def of_first_process(nest: Any) -> Any:
    """Returns the arrays of process 0, in place of those of the same shape."""
    if num_processes() == 1:
        return nest
    return tree.map_structure(
        lambda x: None if x is None else gathered(np.asarray(x))[0], nest
    )


def all_agree(*numbers: int) -> bool:
    """Whether the ints are the same in all processes."""
    if num_processes() == 1:
        return True
    found = gathered(np.array(numbers, "int64"))
    return bool((found == found[0]).all())
