"""Images from a local `.npz` file, checked on loading."""

import os
import zipfile

import numpy as np

from keras_genmod import checks


def load_npz(path, split):
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
        ValueError: If the file is none, or an array is missing or not as above.
    """
    if not os.path.isfile(path):
        raise FileNotFoundError(
            f"`name` must be a file when it ends in .npz. Received: name={path!r}"
        )
    try:
        archive = np.load(path, allow_pickle=False)
    except (zipfile.BadZipFile, ValueError, EOFError) as error:
        raise ValueError(
            "`name` must be a file written by numpy.savez or numpy.savez_compressed. "
            f"Received: name={path!r}"
        ) from error
    with archive:
        for required in ("x_train", "x_test"):
            if required not in archive.files:
                raise _bad_array(required, path, "must be there", archive.files)
        x = _images(_read(archive, f"x_{split}", path), f"x_{split}", path)
        if f"y_{split}" not in archive.files:
            return x, None
        return x, _labels(_read(archive, f"y_{split}", path), f"y_{split}", path, x)


def _bad_array(name, path, demand, received):
    return ValueError(f"`{name}` of {path} {demand}. Received: {received}")


def _read(archive, name, path):
    try:
        return archive[name]
    except ValueError as error:
        demand = "must not hold Python objects: save it with a numeric dtype"
        raise _bad_array(name, path, demand, "dtype object") from error


def _images(x, name, path):
    if x.ndim not in (3, 4) or 0 in x.shape:
        demand = (
            "must have the shape (n, height, width) or (n, height, width, channels), "
            "nothing empty: reshape it"
        )
        raise _bad_array(name, path, demand, f"shape {x.shape}")
    if x.dtype == np.uint8:
        x = x.astype("float32") / np.float32(255)
    elif np.issubdtype(x.dtype, np.floating) or x.dtype == bool:
        try:
            x = checks.unit_floats(name, x)
        except ValueError as error:
            demand = "must lie in [0, 1]: scale it, or save it as uint8"
            received = f"values in [{x.min()}, {x.max()}]"
            raise _bad_array(name, path, demand, received) from error
    else:
        demand = "must be uint8 or floats in [0, 1]: convert it"
        raise _bad_array(name, path, demand, f"dtype {x.dtype}")
    return x if x.ndim == 4 else x[..., None]


def _labels(y, name, path, x):
    if y.ndim != 1 or not np.issubdtype(y.dtype, np.integer):
        demand = "must be integers of shape (n,): convert it, or leave it out"
        raise _bad_array(name, path, demand, f"shape {y.shape}, dtype {y.dtype}")
    if len(y) != len(x):
        demand = f"must have one label for each of the {len(x)} images, or be left out"
        raise _bad_array(name, path, demand, f"{len(y)} labels")
    return y.astype("int32")
