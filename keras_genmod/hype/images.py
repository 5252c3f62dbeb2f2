"""Images of a study: from arrays or a folder, to PNG files that tell nothing else."""

import hashlib
import io
import os
from typing import Any

import numpy as np
from PIL import Image

from keras_genmod import checks
from keras_genmod.image_files import ENDINGS, list_images, read_image


def load_images(folder: str | os.PathLike[str]) -> np.ndarray:
    """Loads all images of a folder, which are of one size.

    Args:
        folder: String or path.

    Returns:
        float32 array `(num, height, width, channels)` in [0, 1], in the order of the
        files' names, with 1 channel where all files are grey and 3 otherwise.

    Raises:
        OSError: If there is no such folder, or no image in it.
        ValueError: If a file is no image, has another size than the first, or is a link
            out of the folder.

    Example:
        ```python
        real = keras_genmod.hype.load_images("photographs")
        ```
    """
    folder = checks.path("folder", folder)
    if not os.path.isdir(folder):
        raise FileNotFoundError(
            f"`folder` must be a folder that exists. Received: folder={folder!r}"
        )
    files = list_images("folder", folder)
    if not files:
        raise FileNotFoundError(
            f"`folder` must hold images ({', '.join(ENDINGS)}). "
            f"Received: folder={folder!r}"
        )
    images = [read_image("folder", file) for file in files]
    for file, image in zip(files, images, strict=True):
        if image.shape[:2] != images[0].shape[:2]:
            raise ValueError(
                f"`folder` must hold images of one size, as the first, "
                f"{files[0].name}, of {_size(images[0])}; resize the others, since "
                f"sizes would tell them apart. Received: {file} of {_size(image)}"
            )
    if len({image.shape[2] for image in images}) > 1:
        images = [np.broadcast_to(i, (*i.shape[:2], 3)) for i in images]
    return np.stack(images).astype("float32") / 255


def _size(image: np.ndarray) -> str:
    return f"{image.shape[1]} x {image.shape[0]} pixels"


def to_pixels(name: str, images: Any) -> np.ndarray:
    """Returns images as uint8 `(num, height, width, channels)`.

    Args:
        name: What to call them in a message.
        images: Array or tensor `(num, height, width, channels)`, 1 or 3 channels, of
            floats in [0, 1].

    Raises:
        ValueError: If it is anything else.
    """
    checks.array(name, images)
    array = checks.as_numpy(images, name)
    if array.ndim != 4 or array.shape[-1] not in (1, 3):
        raise ValueError(
            f"`{name}` must have shape (num, height, width, channels), 1 or 3 "
            f"channels. Received: {name}.shape={array.shape}"
        )
    array = checks.unit_floats(name, array)
    return np.rint(array * 255).astype("uint8")


def to_png(pixels: np.ndarray) -> bytes:
    """Returns uint8 `(height, width, channels)` as a PNG file, of the pixels alone."""
    stream = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(
        stream, "png"
    )
    return stream.getvalue()


def pixels_sha256(pixels: np.ndarray) -> str:
    """Returns the hash of an array of pixels and of its shape."""
    digest = hashlib.sha256(repr(pixels.shape).encode())
    digest.update(pixels.tobytes())
    return digest.hexdigest()
