"""One function for every data set."""

import os

import numpy as np

from keras_genmod import checks
from keras_genmod.data.digits import load_digits
from keras_genmod.data.folder_splits import PREFIX, load_folder
from keras_genmod.data.npz import load_npz
from keras_genmod.data.public_images import (
    KERAS_SETS,
    has_tfds,
    load_public_images,
)
from keras_genmod.data.toys import TOYS, load_toy


def load(
    name: str | os.PathLike[str],
    split: str,
    data_dir: str | os.PathLike[str] | None = None,
) -> tuple[np.ndarray, np.ndarray | None]:
    """Loads one split of a data set as NumPy arrays.

    - `"digits"`: scikit-learn's 8x8 digits, no network; 1,437 and 360 images.
    - `"two_moons"`, `"pinwheel"`, `"checkerboard"`, `"eight_gaussians"`: points in two
      dimensions, within about [-4, 4]; 10,000 and 2,000, no labels.
    - `"mnist"`, `"fashion_mnist"`, `"cifar10"`, ...: any set of images of one size by
      its name in TensorFlow Datasets (TFDS). Prepared sets need no network.
    - A path that ends in `.npz`: a local file with `x_train`, `x_test` (uint8, or
      floats in [0, 1]) and, if there are labels, `y_train`, `y_test`.
    - `"folder:PATH"`: PNG and JPEG files of one size as in `image_folder`, in
      `PATH/train` and `PATH/test`; where there are no such folders, a tenth of them,
      chosen by their names, is held out. `"folder:PATH@64"` or `"folder:PATH@64x48"`
      (height x width) crops them at the centre and resizes them.

    Args:
        name: String or path, as above.
        split: `"train"` or `"test"`.
        data_dir: String, the folder of the prepared TFDS sets. If None, the
            environment variable `TFDS_DATA_DIR`, else TFDS' own default.

    Returns:
        `(x, y)`. Images: `x` is float32 in [0, 1], `(n, height, width, channels)`.
        Points: `x` is float32, `(n, 2)`. `y` is int32, `(n,)`, or None when the set
        has no labels.

    Raises:
        ValueError: If no set has this name, the split is unknown, or a `.npz` file
            or a folder is not as above.
        OSError: If a set is not here and cannot be downloaded; within seconds, if no
            server answers.

    Note:
        TFDS reads its files with TensorFlow; where that is not installed, `mnist`,
        `fashion_mnist` and `cifar10` come through `keras.datasets`, in another order.

    Example:
        ```python
        x, y = keras_genmod.data.load("digits", "train")
        print(x.shape, x.dtype)  # (1437, 8, 8, 1) float32
        ```
    """
    checks.choice("split", split, ("train", "test"))
    if not isinstance(name, (str, os.PathLike)):
        raise ValueError(f"`name` must be a string. Received: name={name!r}")
    name = os.fspath(name)
    folder = None if data_dir is None else checks.path("data_dir", data_dir)
    if name == "digits":
        return load_digits(split)
    if name in TOYS:
        return load_toy(name, split)
    if name.startswith(PREFIX):
        return load_folder(name, split)
    if name.endswith(".npz"):
        return load_npz(name, split)
    try:
        x, y = load_public_images(name, split, folder)
    except KeyError as error:
        raise ValueError(_unknown_name(name)) from error
    x = x.astype("float32") / np.float32(255)
    return x, None if y is None else y.astype("int32")


def _unknown_name(name: str) -> str:
    others = ", ".join(KERAS_SETS)
    if has_tfds():
        others = f"any image set of TensorFlow Datasets ({others}, ...)"
    is_file = os.path.exists(name) or "." in os.path.basename(name)
    way_out = (
        "; write the arrays of another file with numpy.savez(path, x_train=..., "
        "x_test=..., y_train=..., y_test=...)"
    )
    return (
        f"`name` must be one of digits, {', '.join(TOYS)}, {others}, "
        f"the path of a .npz file, or folder:PATH{way_out if is_file else ''}. "
        f"Received: name={name!r}"
    )
