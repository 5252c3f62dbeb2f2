"""Several processes on TensorFlow: there is one."""

import contextlib
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf


def num_processes() -> int:
    """Returns how many processes train together."""
    return 1


def process_id() -> int:
    """Returns which of them this one is, from 0."""
    return 0


def num_apart() -> int:
    """Returns how many processes compute apart."""
    return 1


def gathered(array: np.ndarray) -> np.ndarray:
    """Returns the arrays of all processes, in their order."""
    return array[None]


def averaged(tensors: Sequence[Any]) -> list:
    """Returns the tensors: there is one process."""
    return list(tensors)


def refuse_other_processes(model: keras.Model) -> None:
    """Raises an error where Keras 3 fails later, in its own code (keras#20585).

    Raises:
        RuntimeError: If the model was made for several hosts.
    """
    if isinstance(model.distribute_strategy, tf.distribute.MultiWorkerMirroredStrategy):
        raise RuntimeError(
            "Keras 3 does not train under `MultiWorkerMirroredStrategy`. On one host "
            "make the model under `tf.distribute.MirroredStrategy`; several hosts "
            "train together on JAX, by `keras.distribution`."
        )


def join(model: keras.Model) -> None:
    """Does nothing: there is no other process."""
    del model


def whole_values(variables: list) -> contextlib.AbstractContextManager:
    """Returns a context without effect: each process has all of every variable."""
    del variables
    return contextlib.nullcontext()


def summed_metrics(model: keras.Model) -> contextlib.AbstractContextManager:
    """Returns a context without effect: Keras sums over replicas."""
    del model
    return contextlib.nullcontext()
