"""Data sets of latents, made of those that users hand to `fit`."""

import itertools
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_genmod import checks
from keras_genmod.models import incoming
from keras_genmod.models.first_batch import is_stream


def encoded(model: Any, encode: Any, x: Any, y: Any, num_batches: Any = None) -> tuple:
    """Returns `(x, y, sample_weight)` with latents in place of the data.

    Arrays are encoded whole, data sets read once, to arrays; a stream that cannot begin
    again stays a stream.

    Args:
        model: `GenerativeModel` that checks the data.
        encode: Function from an array of data to one of latents.
        x: Checked array, or a stream.
        y: Array, or `None`.
        num_batches: Int, how many batches of a data set to read, or `None` for all.

    Raises:
        ValueError: If a later batch of a data set is not what the model takes.
    """
    if not is_stream(x):
        return encode(x), y, None
    if isinstance(x, Iterator):
        return encoded_batches(model, encode, x), y, None
    batches: Iterable = x
    if isinstance(x, keras.utils.PyDataset):
        batches = (x[i] for i in range(len(x)))
    read = encoded_batches(model, encode, itertools.islice(batches, num_batches))
    parts = [keras.utils.unpack_x_y_sample_weight(batch) for batch in read]
    x, y, sample_weight = (
        None if column[0] is None else np.concatenate(column)
        for column in zip(*parts, strict=True)
    )
    return x, y, sample_weight


def encoded_batches(model: Any, encode: Any, batches: Iterable) -> Iterator[tuple]:
    """Yields batches as Keras takes them, with latents in place of the data.

    Args:
        model: `GenerativeModel` that checks the data.
        encode: Function from an array of data to one of latents.
        batches: What `fit` takes as batches.

    Raises:
        ValueError: If a batch is not what the model takes.
    """
    for batch in batches:
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(batch)
        x, y = incoming.arrays(model, x, y)
        model.check_examples(x)
        leaves = [encode(x)]
        for leaf in (y, sample_weight):
            if leaf is not None:
                leaves.append(checks.as_numpy(leaf))
        yield tuple(leaves)


class SameWeights(keras.callbacks.Callback):
    """Ends training where another callback puts other weights into an encoder.

    Its codes were made before: those of a run that is gone on with, by a
    `BackupAndRestore`, were made by the encoder of that run.

    Args:
        encoder: Keras model.
    """

    def __init__(self, encoder: keras.Model) -> None:
        super().__init__()
        self._encoder, self._before = encoder, _fingerprint(encoder)

    def on_train_begin(self, logs: Any = None) -> None:
        """Compares, after the callbacks before it have begun.

        Raises:
            ValueError: If the weights are others.
        """
        if _fingerprint(self._encoder) != self._before:
            raise ValueError(
                "The run that goes on was begun with another autoencoder than this "
                "model has, which has encoded the data: load the one of the run, or "
                "begin a new run."
            )


def _fingerprint(encoder):
    arrays = (ops.convert_to_numpy(w) for w in encoder.weights)
    return [zlib.crc32(np.ascontiguousarray(array).tobytes()) for array in arrays]
