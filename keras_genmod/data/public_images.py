"""Public image sets, through TensorFlow Datasets or `keras.datasets`."""

import importlib.util
import os
import pathlib
import socket
import urllib.parse
import urllib.request
from collections.abc import Iterable
from typing import Any

import keras
import numpy as np

# What `keras.datasets` leaves in its folder, and whom it asks while that is not there.
KERAS_SETS = {
    "mnist": ("mnist.npz", "https://storage.googleapis.com"),
    "fashion_mnist": ("fashion-mnist", "https://storage.googleapis.com"),
    "cifar10": ("cifar-10-batches-py-target", "https://www.cs.toronto.edu"),
}
_PATIENCE = 5.0  # seconds that a server has to answer


def has_tfds() -> bool:
    """Returns whether TensorFlow and TensorFlow Datasets are both installed."""
    packages = ("tensorflow", "tensorflow_datasets")
    return all(importlib.util.find_spec(package) for package in packages)


def load_public_images(
    name: str, split: str, data_dir: str | None
) -> tuple[np.ndarray, np.ndarray | None]:
    """Loads an image set by its TFDS name.

    Args:
        name: String, the TFDS name; without TFDS one of `KERAS_SETS`.
        split: `"train"` or `"test"`.
        data_dir: String or None, the folder of the prepared TFDS sets. Without
            TFDS not used: `keras.datasets` keeps its files in `~/.keras/datasets`.

    Returns:
        `(x, y)`: uint8 of shape `(n, height, width, channels)`, and integers of shape
        `(n,)` or None.

    Raises:
        KeyError: If no set has this name.
        OSError: If the set is neither here nor can be downloaded; at once, if no
            server answers.
        ValueError: If the set is not one of images of one size, or has no such split.
    """
    if has_tfds():
        return _load_tfds(name, split, data_dir)
    if name in KERAS_SETS:
        return _load_keras(name, split)
    raise KeyError(name)


def _not_available(name: str, error: Exception) -> OSError:
    return OSError(
        f"The set {name!r} is not prepared here and could not be downloaded "
        f"({type(error).__name__}: {error}). Ways out: pass `data_dir`, or set "
        "TFDS_DATA_DIR, to a folder where TensorFlow Datasets prepared the set; or "
        "pass as `name` the path of a local `.npz` file with the arrays x_train, "
        "y_train, x_test, y_test."
    )


def _in_keras_home(file: str) -> bool:
    home = os.environ.get("KERAS_HOME") or pathlib.Path.home() / ".keras"
    return pathlib.Path(home, "datasets", file).exists()


def _load_keras(name: str, split: str) -> tuple[np.ndarray, np.ndarray]:
    file, server = KERAS_SETS[name]
    try:
        if not _in_keras_home(file):
            _check_reachable([server])
        train, test = getattr(keras.datasets, name).load_data()
    except Exception as error:  # Keras raises a plain Exception for a failed download
        raise _not_available(name, error) from error
    x, y = train if split == "train" else test
    x = x if x.ndim == 4 else x[..., None]
    return x, y.reshape(-1)


def _load_tfds(
    name: str, split: str, data_dir: str | None
) -> tuple[np.ndarray, np.ndarray | None]:
    import tensorflow_datasets as tfds

    # TFDS itself reads TFDS_DATA_DIR only once, when it is imported.
    data_dir = data_dir or os.environ.get("TFDS_DATA_DIR")
    try:
        builder = tfds.builder(name, data_dir=data_dir)
    except (tfds.core.DatasetNotFoundError, TypeError, ValueError) as error:
        raise KeyError(name) from error  # the last two for what is no name at all
    _check_features(name, builder.info.features)
    if not builder.is_prepared():
        try:
            if not _has_downloads(builder):
                _check_reachable(builder.url_infos)
            builder.download_and_prepare()
        except Exception as error:  # each set fails in its own way
            raise _not_available(name, error) from error
    if split not in builder.info.splits:
        raise ValueError(
            f"`split` must be one that {name!r} has: {sorted(builder.info.splits)}. "
            f"Received: split={split!r}"
        )
    arrays = tfds.as_numpy(builder.as_dataset(split=split, batch_size=-1))
    y = arrays.get("label")
    return arrays["image"], y if y is None or y.ndim == 1 else None


def _has_downloads(builder: Any) -> bool:
    """Whether something was downloaded, by hand perhaps, from which to prepare sets."""
    folders = pathlib.Path(builder.data_path).parents[:3]
    downloads = (entry for f in folders for entry in f.glob("downloads/*"))
    return any(entry.is_file() for entry in downloads)


def _check_reachable(urls: Iterable[str]) -> None:
    """Raises an `OSError` if there are servers to ask, and none of them answers.

    TFDS itself asks ten times, for minutes; Keras waits for the system's time-out. A
    proxy answers for servers that cannot be asked from here.
    """
    parts = [urllib.parse.urlsplit(url) for url in urls]
    servers = {(p.hostname, p.port or {"http": 80}.get(p.scheme, 443)) for p in parts}
    if not servers or urllib.request.getproxies():
        return
    for server in sorted(servers)[:3]:
        try:
            socket.create_connection(server, timeout=_PATIENCE).close()
            return
        except OSError as error:
            failure = f"{server[0]} does not answer: {error}"
    raise ConnectionError(failure)


def _check_features(name: str, features: Any) -> None:
    has_image = hasattr(features, "keys") and "image" in features.keys()
    shape = features["image"].shape if has_image else None
    if shape is None or len(shape) != 3 or None in shape:
        raise ValueError(
            "`name` must be a set of images of one size (for others write a `.npz` "
            f"file). Received: name={name!r}, image shape {shape}"
        )
