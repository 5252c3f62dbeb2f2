"""Public image sets, through TensorFlow Datasets or `keras.datasets`."""

import importlib.util
import os

import keras

KERAS_SETS = ("mnist", "fashion_mnist", "cifar10")


def has_tfds():
    """Returns whether TensorFlow and TensorFlow Datasets are both installed."""
    packages = ("tensorflow", "tensorflow_datasets")
    return all(importlib.util.find_spec(package) for package in packages)


def load_public_images(name, split, data_dir):
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
        OSError: If the set is neither here nor can be downloaded.
        ValueError: If the set is not one of images of one size, or has no such split.
    """
    if has_tfds():
        return _load_tfds(name, split, data_dir)
    if name in KERAS_SETS:
        return _load_keras(name, split)
    raise KeyError(name)


def _not_available(name, error):
    return OSError(
        f"The set {name!r} is not prepared here and could not be downloaded "
        f"({type(error).__name__}: {error}). Ways out: pass `data_dir`, or set "
        "TFDS_DATA_DIR, to a folder where TensorFlow Datasets prepared the set; or "
        "pass as `name` the path of a local `.npz` file with the arrays x_train, "
        "y_train, x_test, y_test."
    )


def _load_keras(name, split):
    try:
        train, test = getattr(keras.datasets, name).load_data()
    except Exception as error:  # Keras raises a plain Exception for a failed download
        raise _not_available(name, error) from error
    x, y = train if split == "train" else test
    x = x if x.ndim == 4 else x[..., None]
    return x, y.reshape(-1)


def _load_tfds(name, split, data_dir):
    import tensorflow_datasets as tfds

    # TFDS itself reads TFDS_DATA_DIR only once, when it is imported.
    data_dir = data_dir or os.environ.get("TFDS_DATA_DIR")
    try:
        builder = tfds.builder(name, data_dir=data_dir)
    except tfds.core.DatasetNotFoundError as error:
        raise KeyError(name) from error
    _check_features(name, builder.info.features)
    if not builder.is_prepared():
        try:
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


def _check_features(name, features):
    has_image = hasattr(features, "keys") and "image" in features.keys()
    shape = features["image"].shape if has_image else None
    if shape is None or len(shape) != 3 or None in shape:
        raise ValueError(
            "`name` must be a set of images of one size (for others write a `.npz` "
            f"file). Received: name={name!r}, image shape {shape}"
        )
