"""Flips and crops of photographs, drawn anew for each."""

from typing import Any

import numpy as np

from keras_genmod import checks


class FlipsAndCrops:
    """Mirrors half of the images, and cuts a window out of each.

    Args:
        crop_size: Integer or pair `(height, width)` of the windows; `None` keeps whole
            images.
        flip: Boolean, whether every other image, by a coin, is mirrored left to right.
        **arrays: Arrays `(num, height, width, channels)` by name, which it will take.

    Raises:
        ValueError: If an argument is out of its range, or the arrays are no images as
            large as a window.
    """

    def __init__(self, crop_size: Any, flip: bool, **arrays: np.ndarray):
        self.flip, self.crop_size = checks.boolean("flip", flip), None
        if crop_size is not None:
            is_pair = isinstance(crop_size, (tuple, list))
            pair = crop_size if is_pair else (crop_size, crop_size)
            self.crop_size = checks.sizes("crop_size", pair, rank=2)
        if not flip and self.crop_size is None:
            return
        for name, x in arrays.items():
            if x.ndim != 4:
                raise ValueError(
                    f"`{name}` must be images (num, height, width, channels) to be "
                    f"flipped or cropped. Received: {name} of shape {x.shape}"
                )
            sides = self.crop_size or (1, 1)
            if x.shape[1] < sides[0] or x.shape[2] < sides[1]:
                raise ValueError(
                    f"`crop_size` must be at most the sides of `{name}`; resize the "
                    "images to a larger size first (keras_genmod.data.resize). "
                    f"Received: crop_size={self.crop_size}, {name} of shape {x.shape}"
                )

    def __call__(self, generator: np.random.Generator, *arrays: np.ndarray) -> tuple:
        """Returns the images of each array, changed alike where they correspond.

        Args:
            generator: The source of the draws.
            *arrays: As many images each, of one height and width.
        """
        num = len(arrays[0])
        if self.crop_size is not None:
            height, width = arrays[0].shape[1:3]
            rows, columns = (
                generator.integers(side - size + 1, size=num)[:, None]
                + np.arange(size)[None]
                for side, size in zip((height, width), self.crop_size, strict=True)
            )  # (num, size), the rows and columns that are kept
            index = np.arange(num)[:, None, None]
            arrays = tuple(x[index, rows[:, :, None], columns[:, None]] for x in arrays)
        if self.flip:
            mirrored = (generator.random(num) < 0.5)[:, None, None, None]
            arrays = tuple(np.where(mirrored, x[:, :, ::-1], x) for x in arrays)
        return arrays
