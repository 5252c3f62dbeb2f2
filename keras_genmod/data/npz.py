"""Images from a local `.npz` file, checked on loading."""

import os
from typing import Any

import numpy as np

from keras_genmod import checks
from keras_genmod.npz_files import NpzFile


def load_npz(path: str, split: str) -> tuple[np.ndarray, np.ndarray | None]:
    """Loads one split of a `.npz` file with `x_train`, `x_test`, `y_train`, `y_test`.

    Images are uint8 (divided by 255) or floats in [0, 1], of shape
    `(n, height, width)` or `(n, height, width, channels)`. Labels are integers of
    shape `(n,)`, and may be left out. Pickled arrays are refused.

    Args:
        path: String, the file.
        split: `"train"` or `"test"`.

    Returns:
        `(x, y)`: float32 of shape `(n, height, width, channels)` in [0, 1], and int32
        of shape `(n,)` or None.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is none or damaged, or an array is missing or not as
            above. Shape and dtype are looked at before an array is read.
    """
    if not os.path.isfile(path):
        raise FileNotFoundError(
            f"`name` must be a file when it ends in .npz. Received: name={path!r}"
        )
    try:
        archive = NpzFile(path)
    except ValueError as error:
        raise ValueError(
            "`name` must be a file written by numpy.savez or numpy.savez_compressed, "
            f"whole and undamaged. Received: name={path!r} ({error})"
        ) from error
    for required in ("x_train", "x_test"):
        if required not in archive.headers:
            raise _bad_array(required, path, "must be there", sorted(archive.headers))
    x = _images(archive, f"x_{split}")
    if f"y_{split}" not in archive.headers:
        return x, None
    return x, _labels(archive, f"y_{split}", len(x))


def _bad_array(name: str, path: Any, demand: str, received: object) -> ValueError:
    return ValueError(f"`{name}` of {path} {demand}. Received: {received}")


def _read(archive: NpzFile, name: str) -> np.ndarray:
    try:
        return archive.read(name)
    except ValueError as error:
        demand = "must be undamaged and fit into memory: write it again"
        raise _bad_array(name, archive.path, demand, error) from error


def _images(archive: NpzFile, name: str) -> np.ndarray:
    header, path = archive.headers[name], archive.path
    shape, dtype = header.shape, header.dtype
    if dtype.hasobject:
        demand = "must not hold Python objects: save it with a numeric dtype"
        raise _bad_array(name, path, demand, f"dtype {dtype}")
    if len(shape) not in (3, 4) or 0 in shape:
        demand = (
            "must have the shape (n, height, width) or (n, height, width, channels), "
            "nothing empty: reshape it"
        )
        raise _bad_array(name, path, demand, f"shape {shape}")
    if dtype not in (bool, np.uint8) and dtype.kind != "f":
        demand = "must be uint8 or floats in [0, 1]: convert it"
        raise _bad_array(name, path, demand, f"dtype {dtype}")
    x = _read(archive, name)
    if dtype == np.uint8:
        x = x.astype("float32") / np.float32(255)
    else:
        try:
            x = checks.unit_floats(name, x)
        except ValueError as error:
            demand = "must lie in [0, 1]: scale it, or save it as uint8"
            received = f"values in [{x.min()}, {x.max()}]"
            raise _bad_array(name, path, demand, received) from error
    return x if x.ndim == 4 else x[..., None]


def _labels(archive: NpzFile, name: str, num_images: int) -> np.ndarray:
    header, path = archive.headers[name], archive.path
    if len(header.shape) != 1 or header.dtype.kind not in "iu":
        demand = "must be integers of shape (n,): convert it, or leave it out"
        received = f"shape {header.shape}, dtype {header.dtype}"
        raise _bad_array(name, path, demand, received)
    if header.shape != (num_images,):
        demand = f"must have one label for each of the {num_images} images, or be left"
        raise _bad_array(name, path, f"{demand} out", f"{header.shape[0]} labels")
    y = _read(archive, name)
    bounds = np.iinfo("int32")
    if not bounds.min <= int(y.min()) <= int(y.max()) <= bounds.max:
        demand = "must fit into int32: number the classes from 0"
        raise _bad_array(name, path, demand, f"labels from {y.min()} to {y.max()}")
    return y.astype("int32")
