"""Changes of variables that count only where a condition holds."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import keras
from keras import ops


@contextlib.contextmanager
def undone_unless(due: Any, variables: Sequence[keras.Variable]) -> Iterator[None]:
    """Gives variables their old values back as the context ends, where `due` is false.

    By selection: a compiled step takes one way, and old values stay to the bit.

    Args:
        due: Boolean tensor `()`, or `None` where all changes count.
        variables: Variables that the context may assign.
    """
    if due is None:
        yield
        return
    # Copies: on torch values change in place.
    before = [ops.copy(ops.convert_to_tensor(v)) for v in variables]
    yield
    for variable, old in zip(variables, before, strict=True):
        variable.assign(ops.where(due, ops.convert_to_tensor(variable), old))
