"""Weights as safetensors, which other programs read, too: the package safetensors.

A tensor has the name `NUMBER/PATH`, with the position of the variable in
`model.variables`, random states included, and its path.
"""

from typing import Any

import keras
import numpy as np
from keras import ops


def package() -> Any:
    """Returns the package safetensors; raises an `ImportError` where it is missing."""
    try:
        import safetensors.numpy
    except ImportError as error:
        raise ImportError(
            "Weights in safetensors need the package safetensors: "
            "`pip install safetensors`"
        ) from error
    return safetensors


def save(model: keras.Model, path: str) -> None:
    """Writes a model's variables.

    Raises:
        ImportError: If the package safetensors is missing.
    """
    arrays = {
        f"{i:06d}/{variable.path}": np.array(ops.convert_to_numpy(variable), order="C")
        for i, variable in enumerate(model.variables)
    }
    package().numpy.save_file(arrays, path, {"format": "keras_genmod"})


def load(model: keras.Model, path: str) -> None:
    """Reads a model's variables; all are checked before one changes.

    Raises:
        ImportError: If the package safetensors is missing.
        ValueError: If it is no such file, or one of another model.
    """
    safetensors = package()
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            names = sorted(file.keys())
            found = [tuple(file.get_slice(name).get_shape()) for name in names]
            expected = [tuple(variable.shape) for variable in model.variables]
            if found != expected:  # before anything is read
                raise ValueError(
                    "A preset's tensors must have the shapes of its model's variables: "
                    f"{expected}. Received: {found}"
                )
            arrays = [file.get_tensor(name) for name in names]
    except (safetensors.SafetensorError, OSError, TypeError) as error:
        raise ValueError(
            "The weights of a preset must be a safetensors file of its model. "
            f"Received: {path!r}, {error}"
        ) from error
    for variable, array in zip(model.variables, arrays, strict=True):
        variable.assign(ops.convert_to_tensor(array.astype(variable.dtype)))
