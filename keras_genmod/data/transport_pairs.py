"""Batches of noise and data, paired by optimal transport."""

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from keras_genmod import checks
from keras_genmod.data.epoch_dataset import EpochDataset


class TransportPairs(EpochDataset):
    """Batches `(noise, x)` in which noise and data are close to one another.

    Of all ways to pair the examples of a batch with as many draws from N(0, I), it
    takes the one of the smallest sum of squared distances: an exact assignment, in
    which each example and each draw occurs once.

    Orders, draws and pairs are functions of the seed and the epoch alone. The
    assignment is computed on the host, while the device trains on the last batch if
    `workers` is at least 1; it takes time in the third power of `batch_size`.

    Args:
        x: Array `(num_examples, ...)`.
        batch_size: Integer of at least 1; ways are the straighter the larger it is.
        seed: Integer of at least 0.
        image_range: Whether the data are images in [0, 1], paired as they are inside a
            model, on [-1, 1]; `None` says so of examples of three axes.
        **kwargs: `workers`, `use_multiprocessing`, `max_queue_size` of
            `keras.utils.PyDataset`.

    Attributes:
        epoch: Integer, the current epoch, 0 at first. To go on with a run that was
            stopped after `k` epochs, set it to `k`.

    Call arguments:
        index: Integer, the batch's position: `dataset[index]`.

    Returns:
        A batch is `(noise, x)`, float32 of one shape; the last may be short.

    Raises:
        ValueError: If `x` is empty or no array of numbers, or another argument is out
            of its range.

    Note:
        Pass `shuffle=False` to `fit`: the examples are shuffled already.

    References:
        - Tong et al., "Improving and generalizing flow-based generative models with
          minibatch optimal transport", 2023, arXiv:2302.00482.

    Example:
        ```python
        pairs = keras_genmod.data.TransportPairs(points, batch_size=128)
        model.fit(pairs, epochs=20, shuffle=False)
        ```
    """

    def __init__(
        self,
        x: ArrayLike,
        batch_size: int,
        seed: int = 0,
        image_range: bool | None = None,
        **kwargs: Any,
    ):
        super().__init__(seed, **kwargs)
        self.x = checks.numeric("x", x).astype("float32")
        if self.x.ndim < 2 or len(self.x) == 0:
            raise ValueError(
                "`x` must be of shape (num_examples, ...) with at least one example. "
                f"Received: x of shape {self.x.shape}"
            )
        self.batch_size = checks.integer("batch_size", batch_size, minimum=1)
        if image_range not in (None, True, False):
            raise ValueError(
                "`image_range` must be True, False or None. "
                f"Received: image_range={image_range!r}"
            )
        self.image_range = self.x.ndim == 4 if image_range is None else image_range

    def __len__(self) -> int:
        return math.ceil(len(self.x) / self.batch_size)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        self.mark_served(index)
        order = self.once_an_epoch(lambda: self.generator(0).permutation(len(self.x)))
        start = index * self.batch_size
        x = self.x[order[start : start + self.batch_size]]
        noise = self.generator(1, index).standard_normal(x.shape, dtype="float32")
        inside = 2 * x - 1 if self.image_range else x
        return noise[_closest(noise, inside)], x


def _closest(noise: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Returns the order of the noise in which its sum of distances is smallest."""
    costs = cdist(x.reshape(len(x), -1), noise.reshape(len(x), -1), "sqeuclidean")
    return linear_sum_assignment(costs)[1]
