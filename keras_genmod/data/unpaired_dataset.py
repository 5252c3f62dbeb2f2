"""Batches from two sets of images that do not correspond."""

import math
import os
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from keras_genmod import checks
from keras_genmod.data.epoch_dataset import EpochDataset
from keras_genmod.data.flips_and_crops import FlipsAndCrops


class UnpairedDataset(EpochDataset):
    """Pairs batches of two sets of different length, each in its own order.

    An epoch visits every example of the longer set once; the shorter set starts
    again, newly shuffled, as often as needed. Orders, flips and crops are functions of
    the seed and the epoch's number alone. The last batch may be short.

    Args:
        a: Array of shape `(num_a, ...)`, the first set.
        b: Array of shape `(num_b, ...)`, the second set.
        batch_size: Integer of at least 1.
        seed: Integer of at least 0.
        crop_size: Integer or pair `(height, width)`: of each image such a window, at
            random, is kept; `None` keeps whole images. CycleGAN has 256 of 286.
        flip: Boolean, whether half of the images are mirrored left to right.
        **kwargs: `workers`, `use_multiprocessing`, `max_queue_size` of
            `keras.utils.PyDataset`.

    Attributes:
        epoch: Integer, the current epoch, 0 at first. To go on with a run that was
            stopped after `k` epochs, set it to `k`.

    Call arguments:
        index: Integer, the batch's position: `dataset[index]`.

    Returns:
        A batch is `((batch_a, batch_b),)`: Keras hands `(batch_a, batch_b)` to the
        model as `x`, and no `y`.

    Raises:
        ValueError: If a set is empty or no array of numbers, or an argument is out of
            its range.

    Note:
        Pass `shuffle=False` to `fit`. The examples are shuffled already, and Keras
        would visit the batches in an order from Python's global generator.

    References:
        - Zhu, Park, Isola and Efros, "Unpaired image-to-image translation using
          cycle-consistent adversarial networks", 2017, arXiv:1703.10593.

    Example:
        ```python
        x, y = keras_genmod.data.load("digits", "train")
        dataset = keras_genmod.data.UnpairedDataset(x, 1 - x, batch_size=16)
        ((batch_a, batch_b),) = dataset[0]
        ```
    """

    def __init__(
        self,
        a: ArrayLike,
        b: ArrayLike,
        batch_size: int,
        seed: int = 0,
        crop_size: int | tuple[int, int] | None = None,
        flip: bool = False,
        **kwargs: Any,
    ):
        super().__init__(seed, **kwargs)
        self.a, self.b = examples("a", a), examples("b", b)
        self.batch_size = checks.integer("batch_size", batch_size, minimum=1)
        self._jitter = FlipsAndCrops(crop_size, flip, a=self.a, b=self.b)
        self._num_examples = max(len(self.a), len(self.b))

    def __len__(self) -> int:
        return math.ceil(self._num_examples / self.batch_size)

    def __getitem__(self, index: int) -> tuple[tuple[np.ndarray, np.ndarray]]:
        self.mark_served(index)
        order_a, order_b = self.once_an_epoch(self._orders)
        start = index * self.batch_size
        chosen = slice(start, start + self.batch_size)
        batches = self.a[order_a[chosen]], self.b[order_b[chosen]]
        a, b = (
            self._jitter(self.generator(side, index), batch)[0]
            for side, batch in enumerate(batches)
        )
        return ((a, b),)

    def _orders(self) -> list[np.ndarray]:
        return [self._order(i, len(array)) for i, array in enumerate((self.a, self.b))]

    def _order(self, side: int, length: int) -> np.ndarray:
        generator = self.generator(side)
        num_passes = math.ceil(self._num_examples / length)
        passes = [generator.permutation(length) for _ in range(num_passes)]
        return np.concatenate(passes)[: self._num_examples]


def examples(name: str, x: Any) -> np.ndarray:
    """Returns an array of at least one example; raises a `ValueError` for all else."""
    if isinstance(x, (str, os.PathLike)):
        raise ValueError(
            f"`{name}` must be an array of examples, not a path; load it first, as by "
            f"`keras_genmod.data.load`. Received: {name}={x!r}"
        )
    x = checks.numeric(name, x)
    if x.ndim == 0 or len(x) == 0:
        raise ValueError(
            f"`{name}` must hold at least one example. "
            f"Received: {name} of shape {x.shape}"
        )
    return x
