"""A look at the data before training, for weights that start from data."""

import itertools
import types

import keras
import numpy as np
from keras import ops, tree


def first_batch(x, y, batch_size):
    """Returns a batch of what `fit` was given, and what `fit` may go on with.

    Args:
        x: Arrays, a `PyDataset`, a generator, or another iterable of batches.
        y: Array or `None`.
        batch_size: Positive int: of arrays, so many examples spread over all.

    Returns:
        `(x, batch)`: `x` with nothing consumed, and a batch as Keras hands it over, of
        NumPy arrays; `None` if there is none.
    """
    if isinstance(x, types.GeneratorType):
        batch = next(x, None)
        x = x if batch is None else (b for b in itertools.chain([batch], x))
    elif isinstance(x, keras.utils.PyDataset):
        batch = x[0]
    elif all(hasattr(leaf, "shape") for leaf in tree.flatten(x)):
        step = max(1, len(tree.flatten(x)[0]) // batch_size)
        batch = (x,) if y is None else (x, y)
        batch = tree.map_structure(lambda leaf: leaf[::step][:batch_size], batch)
    else:
        batch = next(iter(x), None)
    return x, None if batch is None else tree.map_structure(_array, batch)


def _array(leaf):
    if leaf is None:
        return None
    return ops.convert_to_numpy(leaf) if ops.is_tensor(leaf) else np.asarray(leaf)
