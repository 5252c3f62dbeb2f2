"""Batches of pairs of images, flipped and cropped alike."""

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from keras_genmod import checks
from keras_genmod.data.epoch_dataset import EpochDataset
from keras_genmod.data.flips_and_crops import FlipsAndCrops
from keras_genmod.data.unpaired_dataset import examples


class PairedDataset(EpochDataset):
    """Batches of pairs in an order of each epoch, both sides changed alike.

    Orders, flips and crops are functions of the seed and the epoch's number alone. The
    last batch may be short.

    Args:
        sources: Array of shape `(num, ...)`.
        targets: Array of shape `(num, ...)`, in the same order.
        batch_size: Integer of at least 1.
        seed: Integer of at least 0.
        crop_size: Integer or pair `(height, width)`: of each pair the same window, at
            random, is kept; `None` keeps whole images. Pix2Pix has 256 of 286.
        flip: Boolean, whether half of the pairs are mirrored left to right.
        **kwargs: `workers`, `use_multiprocessing`, `max_queue_size` of
            `keras.utils.PyDataset`.

    Attributes:
        epoch: Integer, the current epoch, 0 at first. To go on with a run that was
            stopped after `k` epochs, set it to `k`.

    Call arguments:
        index: Integer, the batch's position: `dataset[index]`.

    Returns:
        A batch is `(sources, targets)`, which Keras hands to the model as `x` and `y`.

    Raises:
        ValueError: If the sides hold no or not as many examples, or an argument is out
            of its range.

    Note:
        Pass `shuffle=False` to `fit`. The examples are shuffled already, and Keras
        would visit the batches in an order from Python's global generator.

    References:
        - Isola, Zhu, Zhou and Efros, "Image-to-image translation with conditional
          adversarial networks", 2017, arXiv:1611.07004.

    Example:
        ```python
        x, y = keras_genmod.data.load("digits", "train")
        dataset = keras_genmod.data.PairedDataset(x, 1 - x, 16, crop_size=6, flip=True)
        sources, targets = dataset[0]  # (16, 6, 6, 1) each
        ```
    """

    def __init__(
        self,
        sources: ArrayLike,
        targets: ArrayLike,
        batch_size: int,
        seed: int = 0,
        crop_size: int | tuple[int, int] | None = None,
        flip: bool = False,
        **kwargs: Any,
    ):
        super().__init__(seed, **kwargs)
        self.sources = examples("sources", sources)
        self.targets = examples("targets", targets)
        if len(self.sources) != len(self.targets):
            raise ValueError(
                "`targets` must be as many as `sources`, in the same order; "
                "`UnpairedDataset` takes sets that do not correspond. Received: "
                f"targets of {len(self.targets)} and sources of {len(self.sources)}"
            )
        self.batch_size = checks.integer("batch_size", batch_size, minimum=1)
        self._jitter = FlipsAndCrops(
            crop_size, flip, sources=self.sources, targets=self.targets
        )
        changed = flip or crop_size is not None
        if changed and self.sources.shape[1:3] != self.targets.shape[1:3]:
            raise ValueError(
                "`targets` must have the height and width of `sources`, to be flipped "
                f"and cropped alike. Received: targets of shape {self.targets.shape}, "
                f"sources of shape {self.sources.shape}"
            )

    def __len__(self) -> int:
        return math.ceil(len(self.sources) / self.batch_size)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        self.mark_served(index)
        order = self.once_an_epoch(self._order)
        start = index * self.batch_size
        chosen = order[start : start + self.batch_size]
        pair = self.sources[chosen], self.targets[chosen]
        return self._jitter(self.generator(1, index), *pair)

    def _order(self) -> np.ndarray:
        return self.generator(0).permutation(len(self.sources))
