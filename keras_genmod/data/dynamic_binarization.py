"""Binary images drawn afresh from grey ones in every epoch."""

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from keras_genmod import checks
from keras_genmod.data.epoch_dataset import EpochDataset


class DynamicBinarization(EpochDataset):
    """Batches of fresh draws from Bernoulli(x), shuffled, for `fit` and `evaluate`.

    Each epoch visits every image once, in a new order and with a new draw, both
    functions of the seed and the epoch's number alone. The last batch may be short.

    Args:
        x: Array of floats in [0, 1], of shape `(num_examples, ...)`.
        y: Array of `num_examples` labels or conditions, or None.
        batch_size: Integer of at least 1.
        seed: Integer of at least 0.
        **kwargs: `workers`, `use_multiprocessing`, `max_queue_size` of
            `keras.utils.PyDataset`.

    Attributes:
        epoch: Integer, the current epoch, 0 at first. To go on with a run that was
            stopped after `k` epochs, set it to `k`.

    Call arguments:
        index: Integer, the batch's position: `dataset[index]`.

    Returns:
        A batch is `(x,)` or `(x, y)`; `x` is float32, each value 0 or 1.

    Raises:
        ValueError: If an argument is out of its range, or `x` and `y` differ in
            length.

    Note:
        Pass `shuffle=False` to `fit`. The examples are shuffled already, and Keras
        would visit the batches in an order from Python's global generator.

    References:
        - Burda, Grosse and Salakhutdinov, "Importance weighted autoencoders", 2016,
          arXiv:1509.00519.

    Example:
        ```python
        x, y = keras_genmod.data.load("digits", "train")
        dataset = keras_genmod.data.DynamicBinarization(x, batch_size=64, seed=0)
        model.fit(dataset, epochs=10, shuffle=False)
        ```
    """

    def __init__(
        self,
        x: ArrayLike,
        y: ArrayLike | None = None,
        batch_size: int = 128,
        seed: int = 0,
        **kwargs: Any,
    ):
        super().__init__(seed, **kwargs)
        self.x = checks.unit_floats("x", x)
        if self.x.ndim == 0:
            raise ValueError(
                "`x` must be an array of examples. Received: x of shape ()"
            )
        self.y = None if y is None else checks.as_numpy(y, "y")
        if self.y is not None and self.y.shape[:1] != self.x.shape[:1]:
            raise ValueError(
                "`y` must have one entry for each example of `x`. "
                f"Received: x of shape {self.x.shape}, y of shape {self.y.shape}"
            )
        self.batch_size = checks.integer("batch_size", batch_size, minimum=1)

    def __len__(self) -> int:
        return math.ceil(len(self.x) / self.batch_size)

    def __getitem__(self, index: int) -> tuple[np.ndarray, ...]:
        self.mark_served(index)
        order = self.once_an_epoch(
            lambda: self.generator().permutation(len(self.x)),
        )
        start = index * self.batch_size
        chosen = order[start : start + self.batch_size]
        x = self.x[chosen]
        uniform = self.generator(index).random(x.shape, dtype="float32")
        x = (uniform < x).astype("float32")
        return (x,) if self.y is None else (x, self.y[chosen])
