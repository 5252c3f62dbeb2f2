"""Pairs of images that lie side by side in files."""

import os
import pathlib

import numpy as np

from keras_genmod import checks
from keras_genmod.data.resizing import resize
from keras_genmod.image_files import ENDINGS, list_images, read_image


def load_pairs(
    folder: str | os.PathLike[str],
    split: str,
    size: int | tuple[int, int] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Loads pairs of images from a folder, each pair side by side in one file.

    This is the layout of the Pix2Pix authors' sets (facades, maps, edges to shoes):
    `folder/train/*.jpg`, `folder/test/*.jpg`, all of one size.

    Args:
        folder: String or path.
        split: `"train"`, `"test"` or another folder in it.
        size: Integer or pair `(height, width)` to which the halves are resized, with
            antialiasing; `None` leaves them as they are.

    Returns:
        `(left, right)`: two float32 arrays `(num, height, width, channels)` in
        [0, 1], in the order of the files' names.

    Raises:
        OSError: If there is no such folder, or no image in it.
        ValueError: If a file is no image, cannot be halved, has another size than the
            first, or is a link out of the folder.

    Example:
        ```python
        photographs, label_maps = keras_genmod.data.load_pairs("facades", "train")
        ```
    """
    folder, split = checks.path("folder", folder), checks.text("split", split)
    files = list_images("folder", pathlib.Path(folder, split), root=folder)
    if not files:
        raise FileNotFoundError(
            f"`folder` must hold images ({', '.join(ENDINGS)}) in the folder `split`. "
            f"Received: folder={folder!r}, split={split!r}"
        )
    images, shape = [], _pixels(files[0]).shape
    for file in files:
        image = _pixels(file)
        if image.shape != shape:
            raise ValueError(
                "`folder` must hold images of one size and mode, as the first, "
                f"{files[0].name}, of shape {shape}. Received: {file} of shape "
                f"{image.shape}"
            )
        halves = np.stack(np.split(image, 2, axis=1)).astype("float32") / 255
        images.append(halves if size is None else resize(halves, size))
    left, right = np.stack(images, axis=1)
    return left, right


def _pixels(file: pathlib.Path) -> np.ndarray:
    """Returns uint8 `(height, width, channels)`, the width even."""
    pixels = read_image("folder", file)
    if pixels.shape[1] % 2:
        raise ValueError(
            "`folder` must hold images of even width, two of the same size side by "
            f"side. Received: {file} of width {pixels.shape[1]}"
        )
    return pixels
