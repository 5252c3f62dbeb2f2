"""Batches of images, each with one of its captions."""

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from keras_genmod import checks
from keras_genmod.data.epoch_dataset import EpochDataset
from keras_genmod.data.unpaired_dataset import examples


class CaptionedDataset(EpochDataset):
    """Batches of images in an order of each epoch, with a caption drawn for each.

    Of the several captions of an image each epoch draws one. Orders and captions are
    functions of the seed and the epoch's number alone. The last batch may be short.

    Args:
        images: Array of shape `(num, ...)`.
        captions: Array `(num, captions of each, ...)`, such as the tokens
            `vocabulary.encode(captions)` or their embeddings, in the order of `images`.
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
        A batch is `(images, captions)`, with one caption an image.

    Raises:
        ValueError: If there are no images, not as many captions, or an argument is out
            of its range.

    Note:
        Pass `shuffle=False` to `fit`. The examples are shuffled already, and Keras
        would visit the batches in an order from Python's global generator.

    Example:
        ```python
        scenes = keras_genmod.data.shape_scenes(100)
        vocabulary = keras_genmod.data.Vocabulary.from_captions(scenes.captions)
        tokens = vocabulary.encode(scenes.captions)  # (100, 4, length)
        dataset = keras_genmod.data.CaptionedDataset(scenes.images, tokens, 16)
        images, captions = dataset[0]  # (16, 32, 32, 3), (16, length)
        ```
    """

    def __init__(
        self,
        images: ArrayLike,
        captions: ArrayLike,
        batch_size: int,
        seed: int = 0,
        **kwargs: Any,
    ):
        super().__init__(seed, **kwargs)
        self.images = examples("images", images)
        self.captions = examples("captions", captions)
        fits = len(self.captions) == len(self.images) and self.captions.ndim > 2
        if not fits or not self.captions.shape[1]:
            raise ValueError(
                f"`captions` must have shape ({len(self.images)}, captions of each, "
                "...), at least one of each of `images`. "
                f"Received: {self.captions.shape}"
            )
        self.batch_size = checks.integer("batch_size", batch_size, minimum=1)

    def __len__(self) -> int:
        return math.ceil(len(self.images) / self.batch_size)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        self.mark_served(index)
        order, said = self.once_an_epoch(self._draws)
        start = index * self.batch_size
        chosen = order[start : start + self.batch_size]
        return self.images[chosen], self.captions[chosen, said[chosen]]

    def _draws(self) -> list[np.ndarray]:
        number, each = self.captions.shape[:2]
        order = self.generator(0).permutation(number)
        return [order, np.asarray(self.generator(1).integers(each, size=number))]
