"""The base of the data sets that draw anew in every epoch."""

from collections.abc import Callable
from typing import Any, TypeVar

import keras
import numpy as np

from keras_genmod import checks

_T = TypeVar("_T")


class EpochDataset(keras.utils.PyDataset):
    """A `PyDataset` whose batches are functions of the seed, the epoch, the index.

    A subclass implements `__len__` and `__getitem__`, draws only from
    `self.generator(...)`, and calls `self.mark_served(index)` for each batch. Batches
    then do not depend on which worker makes them, nor in what order.

    Keras ends an epoch more often than it trains one: to build a model it takes one
    batch, two on TensorFlow, and ends the epoch. So `on_epoch_end` counts an epoch
    when each of its batches was served. The count may run ahead by one where building
    the model uses up an epoch: a set of one or two batches, or `workers` above 1, which
    prefetch. Batches made in other processes (`use_multiprocessing=True`) cannot be
    seen: there each call counts.

    Args:
        seed: Integer of at least 0.
        **kwargs: `workers`, `use_multiprocessing`, `max_queue_size` of `PyDataset`.
    """

    def __init__(self, seed: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.seed = checks.integer("seed", seed, minimum=0)
        self._epoch = 0
        self._served: set[int] = set()
        self._cache: tuple[int | None, Any] = (None, None)

    @property
    def epoch(self) -> int:
        """Integer, the epoch that the next batches belong to; set it to resume."""
        return self._epoch

    @epoch.setter
    def epoch(self, value: int) -> None:
        self._epoch = checks.integer("epoch", value, minimum=0)
        self._served = set()

    def generator(self, *keys: int) -> np.random.Generator:
        """Returns the `numpy.random.Generator` of this epoch and these keys.

        Args:
            *keys: Integers that tell the draws of one epoch apart.
        """
        return np.random.default_rng([self.seed, self._epoch, *keys])

    def once_an_epoch(self, function: Callable[[], _T]) -> _T:
        """Returns `function()`, called once for each epoch and then remembered.

        Args:
            function: Callable without arguments, a function of the epoch alone.
        """
        epoch, value = self._cache
        if epoch != self._epoch:
            epoch, value = self._epoch, function()
            self._cache = (epoch, value)  # one assignment: safe among threads
        return value

    def mark_served(self, index: int) -> None:
        """Notes that the batch at `index` was made.

        Args:
            index: Integer, the batch's position in the epoch.

        Raises:
            IndexError: If there is no such batch.
        """
        if not 0 <= index < len(self):
            raise IndexError(f"batch {index} of {len(self)}")
        self._served.add(index)

    def on_epoch_end(self) -> None:
        """Goes on to the next epoch, if all of this one was served."""
        if len(self._served) == len(self) or self.use_multiprocessing:
            self.epoch = self._epoch + 1
