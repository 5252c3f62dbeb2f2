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
    which each example and each draw occurs once. With labels, the examples of each
    label are paired among themselves.

    Orders, draws and pairs are functions of the seed and the epoch alone. The
    assignment is computed on the host, while the device trains on the last batch if
    `workers` is at least 1; it takes time in the third power of `batch_size`.

    Args:
        x: Array `(num_examples, ...)`.
        batch_size: Integer of at least 1; ways are the straighter the larger it is.
        seed: Integer of at least 0.
        image_range: Whether the data are images in [0, 1], paired as they are inside a
            model, on [-1, 1]; `None` says so of examples of three axes.
        labels: Array of whole numbers `(num_examples,)`, for a conditional model, or
            `None`.
        **kwargs: `workers`, `use_multiprocessing`, `max_queue_size` of
            `keras.utils.PyDataset`.

    Attributes:
        epoch: Integer, the current epoch, 0 at first. To go on with a run that was
            stopped after `k` epochs, set it to `k`.

    Call arguments:
        index: Integer, the batch's position: `dataset[index]`.

    Returns:
        A batch is `(noise, x)`, float32 of one shape, or `((noise, x), labels)`; the
        last may be short.

    Raises:
        ValueError: If `x` is empty or no array of numbers, or another argument is out
            of its range.

    Note:
        Pass `shuffle=False` to `fit`: the examples are shuffled already. Pairs of the
        batch as a whole would give each label a noise of its own, near its data, and
        samples start from the noise of all: they would be wrong (Cheng and Schwing).

    References:
        - Tong et al., "Improving and generalizing flow-based generative models with
          minibatch optimal transport", 2023, arXiv:2302.00482.
        - Cheng and Schwing, "The curse of conditions", 2025, arXiv:2503.10636.

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
        labels: ArrayLike | None = None,
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
        if image_range is None:
            image_range = self.x.ndim == 4
        self.image_range = checks.boolean("image_range", image_range)
        self.labels = None if labels is None else self._whole(labels)

    def _whole(self, labels) -> np.ndarray:
        values = checks.numeric("labels", labels)
        if values.shape != (len(self.x),) or np.any(values != np.round(values)):
            raise ValueError(
                "`labels` must be whole numbers, one for each example, of shape "
                f"({len(self.x)},); `labels.argmax(1)` makes them of one-hot rows. "
                f"Received: labels of shape {values.shape}, dtype {values.dtype}"
            )
        return values.astype("int32")

    def __len__(self) -> int:
        return math.ceil(len(self.x) / self.batch_size)

    def __getitem__(self, index: int) -> tuple[Any, np.ndarray]:
        self.mark_served(index)
        order = self.once_an_epoch(lambda: self.generator(0).permutation(len(self.x)))
        chosen = order[index * self.batch_size : (index + 1) * self.batch_size]
        x = self.x[chosen]
        noise = self.generator(1, index).standard_normal(x.shape, dtype="float32")
        inside = 2 * x - 1 if self.image_range else x
        if self.labels is None:
            return noise[_closest(noise, inside)], x
        labels = self.labels[chosen]
        for label in np.unique(labels):
            alike = np.flatnonzero(labels == label)
            order = alike[_closest(noise[alike], inside[alike])]
            noise[alike] = noise[order]
        return (noise, x), labels


def _closest(noise: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Returns the order of the noise in which its sum of distances is smallest."""
    costs = cdist(x.reshape(len(x), -1), noise.reshape(len(x), -1), "sqeuclidean")
    return linear_sum_assignment(costs)[1]
