"""Folders of images as data sets with two splits."""

import hashlib
import math
import os
import pathlib
import re

import numpy as np

from keras_genmod.data.image_folder import ImageFolder
from keras_genmod.data.image_listing import ImageListing, list_folder

PREFIX = "folder:"


def load_folder(name: str, split: str) -> tuple[np.ndarray, np.ndarray | None]:
    """Loads one split of a folder of images.

    `PATH/train` and `PATH/test` are the splits. Where neither is there, the tenth of
    the files whose names have the lowest hashes is the test split: the same for good,
    in whatever order files lie on a disk.

    Args:
        name: String, `"folder:PATH"`, `"folder:PATH@SIZE"` or
            `"folder:PATH@HEIGHTxWIDTH"`.
        split: `"train"` or `"test"`.

    Returns:
        `(x, y)`: float32 `(n, height, width, channels)` in [0, 1], and int32 `(n,)` or
        None.

    Raises:
        OSError: If there is no such folder, or no image in it.
        ValueError: If a file is not as `image_folder` says, or the splits differ in
            shape or classes.
    """
    path, size = _parsed(name)
    splits = [os.path.join(path, other) for other in ("train", "test")]
    if any(map(os.path.isdir, splits)):
        train, test = (list_folder(folder, size, None) for folder in splits)
        _check_alike(path, train, test)
        chosen = train if split == "train" else test
    else:
        both = list_folder(path, size, None)
        chosen = both.part(_held_out(both, path, split == "test"))
    return ImageFolder(chosen).arrays()


def _parsed(name: str) -> tuple[str, tuple[int, int] | None]:
    """Returns the path and the size of a name."""
    path, at, text = name.removeprefix(PREFIX).rpartition("@")
    if not at:
        return text, None
    found = re.fullmatch(r"([1-9]\d{0,4})(?:x([1-9]\d{0,4}))?", text)
    if found is None:
        return f"{path}@{text}", None  # a name with an @ in it
    height, width = found[1], found[2] or found[1]
    return path, (int(height), int(width))


def _held_out(listing: ImageListing, path: str, is_test: bool) -> np.ndarray:
    """Returns the positions of the files of one split."""
    if len(listing.files) < 2:
        raise ValueError(
            "`name` must be a folder of two images at least, one to hold out. "
            f"Received: {len(listing.files)} in {path}"
        )
    names = [file.relative_to(pathlib.Path(path)).as_posix() for file in listing.files]
    hashes = [hashlib.sha256(name.encode()).digest() for name in names]
    order = sorted(range(len(names)), key=hashes.__getitem__)
    count = math.ceil(len(names) / 10)
    return np.sort(order[:count] if is_test else order[count:])


def _check_alike(path: str, train: ImageListing, test: ImageListing) -> None:
    for what in ("image_shape", "class_names"):
        first, second = getattr(train, what), getattr(test, what)
        if first != second:
            raise ValueError(
                f"`name` must be a folder whose train and test have one {what}. "
                f"Received: {first} and {second} in {path}"
            )
