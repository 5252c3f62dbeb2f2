"""Grids of images, as arrays and as PNG files."""

import io
import math
import os
import textwrap
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont, PngImagePlugin

from keras_genmod import checks, whole_files

_SMALLEST_SIDE = 48  # pixels on the screen: 8x8 digits are enlarged 6 times
_GREY = 128  # the lines between the images
_LINE = 2  # their width in pixels
_NARROWEST = 240  # pixels, of a picture with a caption
_CHARACTER = 6  # pixels, about, that one of the caption is wide


def image_grid(
    images: Any, num_columns: int | None = None, scale: int | None = None
) -> np.ndarray:
    """Lays images out in rows, from left to right and from top to bottom.

    Args:
        images: Array or tensor of shape `(n, height, width)` or
            `(n, height, width, channels)` with 1 or 3 channels, values in [0, 1].
            Values beyond are clipped.
        num_columns: Positive int, images in a row; `None` makes the grid square.
        scale: Positive int, how many pixels wide a pixel of an image is drawn;
            `None` enlarges small images to at least 48 pixels.

    Returns:
        uint8 array of shape `(rows, columns)` or `(rows, columns, 3)`, in pixels, with
        a grey line around each image.

    Raises:
        ValueError: If the shape is another one, or an argument is not positive.

    Example:
        ```python
        grid = keras_genmod.callbacks.image_grid(model.sample(64), num_columns=8)
        keras_genmod.callbacks.save_png("samples.png", grid)
        ```
    """
    images = _standardize(images)
    num_images, height, width, channels = images.shape
    if num_columns is None:
        num_columns = math.ceil(math.sqrt(num_images))
    columns = checks.positive_int("num_columns", num_columns)
    if scale is None:
        scale = max(1, math.ceil(_SMALLEST_SIDE / min(height, width)))
    scale = checks.positive_int("scale", scale)
    rows = math.ceil(num_images / columns)
    images = np.rint(np.clip(images, 0, 1) * 255).astype("uint8")
    images = images.repeat(scale, axis=1).repeat(scale, axis=2)
    height, width = images.shape[1:3]
    step_y, step_x = height + _LINE, width + _LINE
    shape = (rows * step_y + _LINE, columns * step_x + _LINE, channels)
    grid = np.full(shape, _GREY, "uint8")
    for i, image in enumerate(images):
        top, left = i // columns * step_y + _LINE, i % columns * step_x + _LINE
        grid[top : top + height, left : left + width] = image
    return grid[..., 0] if channels == 1 else grid


def _standardize(images):
    images = checks.numeric("images", checks.as_numpy(images, "images"))
    images = images.astype("float32")
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim != 4 or images.shape[-1] not in (1, 3) or images.size == 0:
        raise ValueError(
            "`images` must have shape (n, height, width) or (n, height, width, "
            f"channels) with 1 or 3 channels. Received: images.shape={images.shape}"
        )
    return images


def check_picture(name: str, picture: Any) -> None:
    """Raises a `ValueError` unless a picture is uint8 `(height, width)` or of 3 more.

    Args:
        name: The argument's name in the message.
        picture: What shall be an array.
    """
    shape, dtype = getattr(picture, "shape", ()), getattr(picture, "dtype", None)
    if dtype != np.uint8 or len(shape) not in (2, 3) or shape[2:] not in ((), (3,)):
        raise ValueError(
            f"`{name}` must be a uint8 array of shape (height, width) or "
            f"(height, width, 3). Received: shape={shape}, dtype={dtype}"
        )


def encode_png(image: np.ndarray, caption: str | None = None) -> bytes:
    """Returns the bytes of a PNG file.

    Args:
        image: uint8 array of shape `(height, width)` or `(height, width, 3)`.
        caption: As in `save_png`.
    """
    buffer, texts = io.BytesIO(), PngImagePlugin.PngInfo()
    picture = Image.fromarray(image)
    if caption is not None:
        picture = _with_caption(picture, caption)
        texts.add_itxt("Description", caption)
    picture.save(buffer, format="PNG", pnginfo=texts)
    return buffer.getvalue()


def _with_caption(picture, caption):
    """Returns a picture on white paper, with text below."""
    width = max(picture.width, _NARROWEST)
    text = textwrap.fill(caption, width // _CHARACTER)
    font = ImageFont.load_default()
    box = ImageDraw.Draw(picture).multiline_textbbox((0, 0), text, font=font)
    margin = 2 * _LINE
    height = picture.height + math.ceil(box[3]) + 2 * margin
    paper = Image.new(picture.mode, (width, height), "white")
    paper.paste(picture, (0, 0))
    below = (margin, picture.height + margin)
    ImageDraw.Draw(paper).multiline_text(below, text, fill="black", font=font)
    return paper


def save_png(
    path: str | os.PathLike, image: np.ndarray, caption: str | None = None
) -> None:
    """Writes an image as a PNG file, whole or not at all.

    The file is written beside its place and then renamed, so that an interrupt
    leaves no half of it. The folder is made if it is not there.

    Args:
        path: String or path of the file.
        image: uint8 array of shape `(height, width)` or `(height, width, 3)`, such as
            `image_grid` returns.
        caption: String that is written below the picture, and as the file's
            "Description", or `None`.

    Raises:
        OSError: If the file cannot be written.
        ValueError: If an argument is something else.
    """
    path = checks.path("path", path)
    check_picture("image", image)
    if caption is not None:
        checks.text("caption", caption)
    folder = os.path.dirname(path)
    if folder:
        os.makedirs(folder, exist_ok=True)
    with whole_files.writing(path, "wb") as file:
        file.write(encode_png(image, caption))
