"""Image files that are looked at before they are decoded.

Pillow believes what a file says: it makes room for any size, follows links, and runs
the decoder of whatever format the first bytes claim to be.
"""

import os
import pathlib
import struct
import warnings
import zlib
from collections.abc import Collection

import numpy as np
from PIL import Image, ImageOps

ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".bmp")
LARGEST_IMAGE = 2**26  # pixels, a square of 8,192; Pillow warns a little later

_FORMATS = ("JPEG", "PNG", "WEBP", "BMP")
_GREY, _ALPHA = ("1", "L", "LA", "La"), ("LA", "La", "PA", "RGBA", "RGBa")
_COLOURED = ("CMYK", "HSV", "LAB", "P", "PA", "RGB", "RGBA", "RGBX", "RGBa", "YCbCr")
# What Pillow raises on damaged, cut and hostile files.
_UNREADABLE = (
    AttributeError,
    EOFError,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
    IndexError,
    KeyError,
    MemoryError,
    OSError,
    OverflowError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)


def list_images(
    name: str,
    folder: str | os.PathLike[str],
    endings: Collection[str] = ENDINGS,
    root: str | os.PathLike[str] | None = None,
) -> list[pathlib.Path]:
    """Returns the image files of a folder, by name, without those of its folders.

    Files whose names begin with a dot, or have other endings, are left out.

    Args:
        name: The argument's name in messages.
        folder: String or path; where there is no such folder, nothing is found.
        endings: Endings of the files, in small letters.
        root: Folder that no file may lie outside of; `None` means `folder`.

    Raises:
        ValueError: If an image is a link out of the root, or no regular file.
    """
    if not os.path.isdir(folder):
        return []
    with os.scandir(folder) as entries:
        found = [
            pathlib.Path(entry.path)
            for entry in entries
            if not entry.name.startswith(".")
            and os.path.splitext(entry.name)[1].lower() in endings
        ]
    for file in found:
        check_inside(name, file, folder if root is None else root)
        if not file.is_file():
            raise ValueError(
                f"`{name}` must hold files, nothing else so named. Received: {file}"
            )
    return sorted(found)


def check_inside(name: str, path: pathlib.Path, root: str | os.PathLike[str]) -> None:
    """Raises a `ValueError` if a path is a link that leads out of a folder."""
    if not path.is_symlink():
        return
    target = os.path.realpath(path)
    if not pathlib.Path(target).is_relative_to(os.path.realpath(root)):
        raise ValueError(
            f"`{name}` must hold no links that lead out of it: copy what they lead to. "
            f"Received: {path}, a link to {target}"
        )


def check_header(name: str, file: pathlib.Path) -> tuple[int, int, int]:
    """Returns height, width and channels (1 or 3) of an image, without decoding it.

    Args:
        name: The argument's name in messages.
        file: Path.

    Raises:
        ValueError: If it is no image, larger than `LARGEST_IMAGE`, or of more than 8
            bits a value. The message names the file.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of sizes, which are looked at below
            with Image.open(file, formats=_FORMATS) as image:
                size, mode = image.size, image.mode
                if image.getexif().get(0x0112, 1) in (5, 6, 7, 8):
                    size = size[::-1]  # lies on its side
    except _UNREADABLE as error:
        raise _unreadable(name, file, error) from error
    _check(name, file, size, mode)
    return size[1], size[0], 1 if mode in _GREY else 3


def read_image(name: str, file: pathlib.Path) -> np.ndarray:
    """Returns an image as uint8 `(height, width, channels)`, 1 or 3 channels.

    Photographs are turned as they were held (Exif); of several frames it is the first.

    Args:
        name: The argument's name in messages.
        file: Path.

    Raises:
        ValueError: As `check_header`, or if it is damaged or transparent.
    """
    try:
        with Image.open(file, formats=_FORMATS) as image:
            size, mode = image.size, image.mode
            pixels = None
            if max(size) and size[0] * size[1] <= LARGEST_IMAGE:
                pixels = _pixels(image)
    except _UNREADABLE as error:
        raise _unreadable(name, file, error) from error
    _check(name, file, size, mode)
    if pixels is None:
        raise ValueError(
            f"`{name}` must hold images without transparent pixels: put them on a "
            f"background first. Received: {file}"
        )
    return pixels


def _pixels(image: Image.Image) -> np.ndarray | None:
    """Returns an image's pixels, `None` where some are transparent."""
    turned = ImageOps.exif_transpose(image)
    if turned.mode in _ALPHA or "transparency" in turned.info:
        turned = turned.convert("LA" if turned.mode in _GREY else "RGBA")
        if np.asarray(turned.getchannel("A")).min() < 255:
            return None
    pixels = np.asarray(turned.convert("L" if image.mode in _GREY else "RGB"))
    return pixels.reshape(*pixels.shape[:2], -1)


def _check(name: str, file: pathlib.Path, size: tuple[int, int], mode: str) -> None:
    width, height = size
    if width * height > LARGEST_IMAGE:
        raise ValueError(
            f"`{name}` must hold images of at most {LARGEST_IMAGE} pixels: shrink "
            f"larger ones. Received: {file} of {width} x {height} pixels"
        )
    if mode not in _GREY + _COLOURED:
        raise ValueError(
            f"`{name}` must hold images of 8 bits a value: convert others. "
            f"Received: {file} of Pillow's mode {mode}"
        )


def _unreadable(name: str, file: pathlib.Path, error: Exception) -> ValueError:
    return ValueError(
        f"`{name}` must hold images that can be read. Received: {file} "
        f"({str(error) or type(error).__name__})"
    )
