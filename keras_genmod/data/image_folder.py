"""Folders of images, read while a model trains."""

import math
import os
import pathlib
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from keras_genmod import checks
from keras_genmod.data.epoch_dataset import EpochDataset
from keras_genmod.data.image_listing import ImageListing, list_folder
from keras_genmod.data.resizing import resize
from keras_genmod.image_files import read_image
from keras_genmod.progress import shown

_LUMA = np.array([[0.299], [0.587], [0.114]], "float32")  # of ITU-R 601


class ImageFolder(EpochDataset):
    """Batches of the images of a folder, read, cropped and resized as they are needed.

    `image_folder` makes one, and says what the arguments mean. Orders, crops and flips
    are functions of the seed and the epoch's number alone. The last batch may be short.
    Processes with a part each shuffle the whole folder alike, so that together their
    batches are those that one process would have.

    Args:
        listing: `ImageListing`, the files and their shape.
        batch_size: Integer of at least 1.
        crop: `"center"`, `"random"` or `None`.
        flip: Boolean.
        shuffle: Boolean.
        seed: Integer of at least 0.
        part: Pair `(process_id, num_processes)`, or `None`.
        **kwargs: As in `keras.utils.PyDataset`.

    Attributes:
        files: Tuple of paths, in the order of names, of all parts.
        labels: int32 array of shape `(num_images,)`, or `None`.
        class_names: Tuple of strings, what labels number; empty without labels.
        image_shape: Tuple `(height, width, channels)`.
        epoch: Integer, the current epoch, 0 at first. To go on with a run that was
            stopped after `k` epochs, set it to `k`.
    """

    def __init__(
        self,
        listing: ImageListing,
        batch_size: int = 32,
        crop: Literal["center", "random"] | None = "center",
        flip: bool = False,
        shuffle: bool = True,
        seed: int = 0,
        part: tuple[int, int] | None = None,
        **kwargs: Any,
    ):
        super().__init__(seed, **kwargs)
        if not isinstance(listing, ImageListing):
            raise ValueError(
                "`listing` must be an ImageListing; `image_folder` makes one of a "
                f"folder. Received: listing={listing!r}"
            )
        self.files, self.labels = listing.files, listing.labels
        self.class_names = listing.class_names
        self.image_shape = listing.image_shape
        self.batch_size = checks.integer("batch_size", batch_size, minimum=1)
        self.crop = checks.choice("crop", crop, ("center", "random", None))
        self.flip = checks.boolean("flip", flip)
        self.shuffle = checks.boolean("shuffle", shuffle)
        self.part = _part(part, len(self.files))
        self._process_id, self._num_processes = self.part or (0, 1)

    def __len__(self) -> int:
        return math.ceil(len(self.files) // self._num_processes / self.batch_size)

    def __getitem__(self, index: int) -> tuple[np.ndarray, ...]:
        self.mark_served(index)
        order = self.once_an_epoch(self._order)
        number = self.batch_size * self._num_processes
        batch = order[index * number : (index + 1) * number]  # of all processes
        chosen = self._own(batch)
        draws = self._own(self.generator(1, index).random((len(batch), 3)))
        images = [
            self._image(self.files[i], own)
            for i, own in zip(chosen, draws, strict=True)
        ]
        x = np.stack(images)
        return (x,) if self.labels is None else (x, self.labels[chosen])

    def arrays(self, verbose: int = 0) -> tuple[np.ndarray, np.ndarray | None]:
        """Returns all images, float32 `(num_images, *image_shape)`, and their labels.

        They are in the order of `files`, cropped at the centre unless `crop` is `None`,
        and not mirrored, whatever batches and parts are.

        Args:
            verbose: 0 shows nothing, 1 a bar of the files, 2 a line at the end.
        """
        x = np.empty((len(self.files), *self.image_shape), "float32")
        for i, file in enumerate(shown(self.files, verbose)):
            x[i] = self._image(file)
        return x, self.labels

    def _order(self) -> np.ndarray:
        order = np.arange(len(self.files))
        if self.shuffle:
            order = self.generator(0).permutation(len(order))
        return order[: len(order) // self._num_processes * self._num_processes]

    def _own(self, x: np.ndarray) -> np.ndarray:
        """Returns this process' part of what a batch of all has."""
        return np.split(x, self._num_processes)[self._process_id]

    def _image(self, file: pathlib.Path, draws: Any = None) -> np.ndarray:
        """Returns an image, float32 in [0, 1], given three draws from [0, 1)."""
        height, width, channels = self.image_shape
        pixels = read_image("path", file)
        if self.crop is not None:
            is_random = draws is not None and self.crop == "random"
            place = draws[:2] if is_random else (0.5, 0.5)
            pixels = _largest_window(pixels, height / width, place)
        x = pixels[None].astype("float32") / np.float32(255)
        if x.shape[1:3] != (height, width):
            x = resize(x, (height, width))
        if x.shape[-1] > channels:
            x = x @ _LUMA
        image = np.broadcast_to(x[0], self.image_shape)
        is_mirrored = self.flip and draws is not None and draws[2] < 0.5
        return image[:, ::-1] if is_mirrored else image


def _part(part: Any, num_files: int) -> tuple[int, int] | None:
    """Returns which part of the files a process has; raises for what is none."""
    if part is None:
        return None
    try:
        process_id, num_processes = checks.items("part", part)
        num_processes = checks.integer("part", num_processes, 1, num_files)
        return checks.integer("part", process_id, 0, num_processes - 1), num_processes
    except ValueError:
        raise ValueError(
            "`part` must be a pair (process_id, num_processes), counted from 0, of at "
            f"most {num_files} processes, an image each. Received: part={part!r}"
        ) from None


def _largest_window(
    pixels: np.ndarray, ratio: float, place: Sequence[float]
) -> np.ndarray:
    """Returns the largest window of a ratio of height to width.

    Args:
        pixels: Array `(height, width, channels)`.
        ratio: Positive float.
        place: Two floats from [0, 1), where between both ends the window lies.
    """
    height, width = pixels.shape[:2]
    rows = min(height, max(1, round(width * ratio)))
    columns = min(width, max(1, round(height / ratio)))
    top = int(place[0] * (height - rows + 1))
    left = int(place[1] * (width - columns + 1))
    return pixels[top : top + rows, left : left + columns]


def image_folder(
    path: str | os.PathLike[str],
    image_size: int | tuple[int, int] | None,
    batch_size: int = 32,
    *,
    crop: Literal["center", "random"] | None = "center",
    flip: bool = False,
    channels: int | None = None,
    shuffle: bool = True,
    seed: int = 0,
    part: tuple[int, int] | None = None,
    **kwargs: Any,
) -> ImageFolder:
    """Makes batches of a folder of PNG and JPEG files, on every backend by Pillow.

    Files in the folder itself have no labels; files in folders in it have the number of
    their folder, by name, as their label. Each file's header is looked at now, its
    pixels when a batch needs them: cropped, resized with antialiasing, in float32.
    Photographs are turned as they were held.

    Args:
        path: String or path of the folder.
        image_size: Integer or pair `(height, width)` of the images; `None` leaves them
            as they are, all of one size.
        batch_size: Integer of at least 1.
        crop: `"center"` keeps the largest window of `image_size`'s shape at the centre,
            `"random"` one at random; `None` stretches the whole image.
        flip: Boolean, whether half of the images are mirrored left to right.
        channels: 1 for grey, 3 for RGB; `None` for what all of the files are.
        shuffle: Boolean, whether each epoch has an order of its own.
        seed: Integer of at least 0.
        part: Pair `(process_id(), num_processes())` of `keras_genmod.engine`: of
            several processes that train together this one reads its part of each epoch,
            as many images as the others, and leaves out what is too much. `None` reads
            all, which `fit` refuses in several processes.
        **kwargs: `workers`, `use_multiprocessing`, `max_queue_size` of
            `keras.utils.PyDataset`.

    Returns:
        An `ImageFolder`, a `PyDataset` whose batches are `(x,)`, or `(x, y)` where
        there are labels: `x` float32 `(batch, *image_size, channels)` in [0, 1], `y`
        int32 `(batch,)`. Its `arrays()` are all images at once.

    Raises:
        OSError: If there is no such folder, or no image in it.
        ValueError: If an argument is out of its range, or a file is none: damaged or no
            image, of another kind than PNG and JPEG, transparent, of more than 8 bits a
            value or 2**26 pixels, a link out of the folder; or files are of several
            kinds. The message names the file.

    Note:
        Pass `shuffle=False` to `fit`. The images are shuffled already, and Keras would
        visit the batches in an order from Python's global generator.

    Example:
        ```python
        photographs = keras_genmod.data.image_folder("photographs", 64, flip=True)
        model.fit(photographs, epochs=10, shuffle=False)
        ```
    """
    path = checks.path("path", path)
    checks.choice("channels", channels, (None, 1, 3))
    size = None
    if image_size is not None:
        is_pair = isinstance(image_size, (tuple, list))
        pair = image_size if is_pair else (image_size, image_size)
        height, width = checks.sizes("image_size", pair, rank=2)
        size = (height, width)
    return ImageFolder(
        list_folder(path, size, channels),
        batch_size,
        crop,
        flip,
        shuffle,
        seed,
        part,
        **kwargs,
    )
