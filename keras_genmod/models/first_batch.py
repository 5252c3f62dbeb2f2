"""A look at data before training: for checks, and for weights that start from data."""

import copy
import functools
import itertools
from collections.abc import Iterable, Iterator
from typing import Any

import keras
import numpy as np
from keras import ops, tree

from keras_genmod.engine.backend import load_random_state, random_state


def spread(x: Any, y: Any, batch_size: int) -> tuple:
    """Returns a batch of arrays as Keras hands it over, of examples from all over.

    Args:
        x: Array, or a nest of them.
        y: Array or `None`.
        batch_size: Positive int.
    """
    step = max(1, len(tree.flatten(x)[0]) // batch_size)
    batch = (x,) if y is None else (x, y)
    return tree.map_structure(lambda leaf: _array(leaf[::step][:batch_size]), batch)


def first_batch(stream: Any) -> tuple[Any, Any]:
    """Returns a stream with nothing of it consumed, and its first batch.

    Args:
        stream: A `PyDataset`, a generator or other iterator, or what can be iterated
            over again, such as a `tf.data.Dataset` or a torch `DataLoader`.

    Returns:
        `(stream, batch)`: what `fit` may go on with, and a batch as Keras hands it
        over, of NumPy arrays; `None` if there is none, or TensorFlow has spread it.
    """
    if isinstance(stream, keras.utils.PyDataset):
        batch = stream[0]
    elif isinstance(stream, Iterator):
        batch = next(stream, None)
        read = [] if batch is None else [batch]
        # Keras takes generators alone, of tuples alone.
        stream = (_tuple(b) for b in itertools.chain(read, stream))
    elif type(stream).__name__.startswith("Distributed"):  # batches of replicas
        return stream, None
    elif hasattr(stream, "collate_fn"):  # torch's DataLoader
        batch = _first_of_loader(stream)
        if hasattr(batch, "shape"):
            stream = _with_tuples(stream)
    else:
        batch = next(iter(stream), None)
    return stream, None if batch is None else tree.map_structure(_array, batch)


def is_stream(x: Any) -> bool:
    """Whether `x` gives batches one by one."""
    if isinstance(x, (str, bytes, dict, list, tuple, set)) or hasattr(x, "shape"):
        return False
    return isinstance(x, (keras.utils.PyDataset, Iterable))


def _tuple(batch):
    return tuple(batch) if isinstance(batch, (tuple, list)) else (batch,)


def _first_of_loader(loader):
    """Returns a batch; the order of those to come stays what it would have been."""
    before, generator = random_state(), getattr(loader, "generator", None)
    own = None if generator is None else generator.get_state()
    # A copy, since a loader may keep its iterator, and workers with it.
    batch = next(iter(copy.copy(loader)), None)
    load_random_state(before)
    if generator is not None:
        generator.set_state(own)
    return batch


def _with_tuples(loader):
    """Returns a loader of `(batch,)`: Keras takes bare tensors apart (keras#23080)."""
    loader = copy.copy(loader)
    loader.collate_fn = functools.partial(_collate_tuple, loader.collate_fn)
    return loader


def _collate_tuple(collate, examples):
    return (collate(examples),)


def _array(leaf):
    if leaf is None:
        return None
    return ops.convert_to_numpy(leaf) if ops.is_tensor(leaf) else np.asarray(leaf)
