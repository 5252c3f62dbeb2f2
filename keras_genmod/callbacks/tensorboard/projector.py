"""Points in latent space for TensorBoard's embedding projector."""

import math
import os
from urllib.parse import quote

import numpy as np
from google.protobuf import text_format
from keras import ops
from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig

from keras_genmod import whole_files
from keras_genmod.callbacks.image_grid import image_grid, save_png

_CONFIG = "projector_config.pbtxt"  # TensorBoard looks for it in a run's folder
_LINE = 2  # the grey line between the images of a grid
_LARGEST_SPRITE = 8192  # pixels a side that browsers draw


def write_embedding(folder, name, vectors, labels, images, step):
    """Writes points and puts them into the projector's list of the folder.

    Args:
        folder: String, that of a run, which exists.
        name: String.
        vectors: Array or tensor of shape `(n, dim)`.
        labels: `None`, or n values, shown as text.
        images: `None`, or n images as `image_grid` takes them, shown at the points.
        step: Int.

    Raises:
        ValueError: If shapes or lengths do not fit, or `vectors` are not finite.
    """
    vectors = _checked(vectors)
    sprite = None if images is None else _sprite(images, len(vectors))
    lines = None if labels is None else _lines(labels, len(vectors))
    # TensorBoard cuts a final ":0" from names.
    title, place = f"{name}, step {step}", f"{quote(name, safe='')}-{step}"
    os.makedirs(os.path.join(folder, place), exist_ok=True)
    config = _read(folder)
    for i, known in enumerate(config.embeddings):
        if known.tensor_name == title:
            del config.embeddings[i]
            break
    info = config.embeddings.add(tensor_name=title, tensor_shape=vectors.shape)
    info.tensor_path = f"{place}/tensors.tsv"
    path = os.path.join(folder, info.tensor_path)
    np.savetxt(path, vectors, fmt="%.7g", delimiter="\t")
    if lines is not None:
        info.metadata_path = f"{place}/metadata.tsv"
        with open(
            os.path.join(folder, info.metadata_path), "w", encoding="utf-8"
        ) as file:
            file.write(lines)
    if sprite is not None:
        info.sprite.image_path = f"{place}/sprite.png"
        sheet, sides = sprite
        info.sprite.single_image_dim.extend(sides)
        save_png(os.path.join(folder, info.sprite.image_path), sheet)
    with whole_files.writing(os.path.join(folder, _CONFIG)) as file:
        file.write(text_format.MessageToString(config))


def _read(folder):
    config = ProjectorConfig()
    try:
        with open(os.path.join(folder, _CONFIG)) as file:
            text_format.Parse(file.read(), config)
    except FileNotFoundError:
        pass
    return config


def _checked(vectors):
    vectors = np.asarray(ops.convert_to_numpy(vectors))
    if vectors.ndim != 2 or not vectors.size or not np.isfinite(vectors).all():
        raise ValueError(
            "`vectors` must be finite numbers of shape (n, dim). "
            f"Received: vectors.shape={vectors.shape}"
        )
    return vectors


def _lines(labels, num_points):
    """Returns a line for each label: without a break in it, and never empty."""
    labels = list(ops.convert_to_numpy(labels) if hasattr(labels, "shape") else labels)
    if len(labels) != num_points:
        raise ValueError(
            f"`labels` must be as many as `vectors`, {num_points}. "
            f"Received: len(labels)={len(labels)}"
        )
    return "".join(f"{' '.join(str(label).split()) or '-'}\n" for label in labels)


def _sprite(images, num_points):
    """Returns all images in one, row by row without lines, and width and height."""
    if len(images) != num_points:
        raise ValueError(
            f"`images` must be as many as `vectors`, {num_points}. "
            f"Received: len(images)={len(images)}"
        )
    columns = math.ceil(math.sqrt(num_points))
    grid = image_grid(images, columns, scale=1)[_LINE:, _LINE:]
    width = grid.shape[1] // columns
    rows = math.ceil(num_points / columns)
    height = grid.shape[0] // rows
    cells = grid.reshape(rows, height, columns, width, *grid.shape[2:])
    cells = cells[:, : height - _LINE, :, : width - _LINE]
    height, width = height - _LINE, width - _LINE
    sheet = cells.reshape(rows * height, columns * width, *grid.shape[2:])
    if max(sheet.shape[:2]) > _LARGEST_SPRITE:
        raise ValueError(
            f"`images` must fit into {_LARGEST_SPRITE} x {_LARGEST_SPRITE} pixels: "
            f"give fewer points or smaller images. Received: {num_points} images of "
            f"{height} x {width}"
        )
    return sheet, (width, height)
