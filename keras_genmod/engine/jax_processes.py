"""Several processes on JAX: `keras.distribution` lets them work on the same arrays."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import jax
import keras
import numpy as np
from jax.experimental import multihost_utils

from keras_genmod.engine import keras_internals


def num_processes() -> int:
    """Returns how many processes train together."""
    # Asked of no backend before one is there: that would keep it from being joined.
    return jax.process_count() if jax.distributed.is_initialized() else 1


def process_id() -> int:
    """Returns which of them this one is, from 0."""
    return jax.process_index() if jax.distributed.is_initialized() else 0


def num_apart() -> int:
    """Returns how many processes compute apart: each call is one of all."""
    return 1


def gathered(array: np.ndarray) -> np.ndarray:
    """Returns the arrays of all processes, which have one shape, in their order."""
    if num_processes() == 1:
        return array[None]
    array = np.ascontiguousarray(array)
    # As bytes: JAX would make float32 of float64.
    flat = np.frombuffer(array.tobytes(), "uint8")
    found = np.asarray(multihost_utils.process_allgather(flat))
    return np.frombuffer(found.tobytes(), array.dtype).reshape(-1, *array.shape)


def averaged(tensors: Sequence[Any]) -> list:
    """Returns the tensors: a batch is that of all processes."""
    return list(tensors)


def refuse_other_processes(model: keras.Model) -> None:
    """Raises an error in processes that would train apart.

    Raises:
        RuntimeError: If there are several, without a distribution.
    """
    if num_processes() > 1 and keras.distribution.distribution() is None:
        raise RuntimeError(
            f"{type(model).__name__} would learn other weights in each of "
            f"{num_processes()} processes. Before the model is made, call "
            "`keras.distribution.set_distribution(keras.distribution.DataParallel("
            "auto_shard_dataset=False))`, so that they train together."
        )


def join(model: keras.Model) -> None:
    """Does nothing: weights are the same array in all processes."""
    del model


@contextlib.contextmanager
def whole_values(variables: list) -> Iterator[None]:
    """Lets the host read what is split between processes, and change none of it.

    All processes enter it, with the same variables.
    """
    split = [
        v
        for v in variables
        if not (v.value.is_fully_replicated or v.value.is_fully_addressable)
    ]
    values = [v.value for v in split]
    wholes = [multihost_utils.process_allgather(x, tiled=True) for x in values]
    try:
        for variable, whole in zip(split, wholes, strict=True):
            keras_internals.put_value(variable, jax.numpy.asarray(whole))
        yield
    finally:
        for variable, value in zip(split, values, strict=True):
            keras_internals.put_value(variable, value)


def summed_metrics(model: keras.Model) -> contextlib.AbstractContextManager:
    """Returns a context without effect: metrics are of all examples."""
    del model
    return contextlib.nullcontext()


def shared_work(outputs: Any) -> Any:
    """Returns what a compiled call computes, each device its share of the examples.

    A call that draws or gets the same examples everywhere would do the same work on
    each device. Here all devices have the whole result again.

    Args:
        outputs: Nest of traced arrays.
    """
    distribution = keras.distribution.distribution()
    if distribution is None:
        return outputs

    def share(x):
        if not x.ndim:
            return x
        layout = distribution.get_data_layout(x.shape).backend_layout
        axis = layout.spec[0]  # of devices; model parallelism has others
        if x.shape[0] % layout.mesh.shape[axis]:
            return x
        whole = jax.sharding.NamedSharding(layout.mesh, jax.sharding.PartitionSpec())
        x = jax.lax.with_sharding_constraint(x, layout)
        return jax.lax.with_sharding_constraint(x, whole)

    return jax.tree.map(share, outputs)
