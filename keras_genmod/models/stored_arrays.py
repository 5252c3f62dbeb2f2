"""Checks of the arrays in a file of weights, before and after they are read."""

import math
import warnings

import numpy as np

from keras_genmod.engine import keras_internals

_SMALL = 2**20  # bytes of an array that are always read


def check_sizes(store, variables) -> None:
    """Looks at all arrays of a file, unread, for what the model cannot have made.

    Keras reads an array whole and compares its shape then; some bytes of a file can
    claim gigabytes.

    Args:
        store: What `load_own_variables` gets for the whole model.
        variables: All variables of the model and its optimizer.

    Raises:
        ValueError: If an array is larger than each variable. The store is closed: Keras
            would go on to read the rest.
    """
    limit = max([_SMALL, *(8 * math.prod(v.shape) for v in variables)])
    for name, array in _arrays(store):
        if math.prod(array.shape or ()) * array.dtype.itemsize > limit:
            store.close()
            raise ValueError(
                "The file must hold arrays of this model. It is damaged, or another's: "
                f"its array {name!r} of shape {array.shape} is larger than any variable"
            )


def warn_of_not_finite(store) -> None:
    """Warns of NaN and infinite values in any array of a file, and names them."""
    names = [name for name, array in _arrays(store) if not _is_finite(array)]
    if names:
        shown = ", ".join(names[:5]) + ", ..." * (len(names) > 5)
        warnings.warn(
            f"The file holds NaN or infinite values, in {len(names)} arrays: {shown}. "
            "The model was saved when its training had failed.",
            stacklevel=3,
        )


def _arrays(store) -> list[tuple]:
    """Returns names and unread arrays of a whole HDF5 file; links are not followed."""
    found: list[tuple] = []

    def keep(name, item):
        if hasattr(item, "dtype"):
            found.append((name, item))

    file = keras_internals.h5_file_of(store)
    if file is not None:
        file.visititems(keep)
    return found


def _is_finite(dataset) -> bool:
    if dataset.attrs.get("dtype") == "bfloat16":  # stored as two bytes without a type
        exponent = np.array(dataset).view("uint16") & 0x7F80
        return not np.any(exponent == 0x7F80)
    if not np.issubdtype(dataset.dtype, np.inexact):
        return True
    return bool(np.isfinite(np.array(dataset)).all())


def check_names(store, expected) -> None:
    """Raises a `ValueError` unless all arrays are there that a model owns by itself.

    Args:
        store: What `load_own_variables` gets.
        expected: List of names, of numbers for variables.
    """
    names = set(store.keys())
    missing = [name for name in expected if name not in names]
    unknown = [name for name in names if name.isdigit() and name not in expected]
    if missing or unknown:
        raise ValueError(
            f"The file must hold the model's own arrays {sorted(expected)}. It is "
            "damaged, or that of another model. "
            f"Missing: {sorted(missing)}, unknown: {sorted(unknown)}"
        )


def random_seed(name: str, value) -> np.ndarray:
    """Returns the state of a random generator as uint32 `(2,)`.

    Raises:
        ValueError: If it is none.
    """
    value = np.asarray(value)
    if (
        value.shape != (2,)
        or not np.issubdtype(value.dtype, np.integer)
        or not np.all((value >= 0) & (value < 2**32))
    ):
        raise ValueError(
            f"The file's `{name}` must be two integers of 32 bits. "
            f"Received: {value.tolist()}"
        )
    return value.astype("uint32")


def check_like(name: str, value, like) -> None:
    """Raises a `ValueError` unless an array has the shape and type of another one."""
    if value.shape != like.shape or value.dtype != like.dtype:
        raise ValueError(
            f"The file's `{name}` must be {like.dtype} of shape {like.shape}. "
            f"Received: {value.dtype} of shape {value.shape}"
        )
