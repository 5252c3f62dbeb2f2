"""A local .npz file is checked when it is loaded."""

import numpy as np
import pytest

from keras_genmod import data

IMAGES = np.linspace(0, 1, 5 * 4 * 4).reshape(5, 4, 4, 1)
LABELS = np.arange(5)


def write(folder, **arrays):
    good = {"x_train": IMAGES, "y_train": LABELS, "x_test": IMAGES, "y_test": LABELS}
    arrays = {k: v for k, v in {**good, **arrays}.items() if v is not None}
    path = str(folder / "images.npz")
    np.savez(path, **arrays)
    return path


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_floats_come_back_as_float32(dtype, tmp_path):
    x, y = data.load(write(tmp_path, x_train=IMAGES.astype(dtype)), "train")
    np.testing.assert_allclose(x, IMAGES, atol=1e-3)
    assert x.dtype == "float32" and y.dtype == "int32"


def test_uint8_is_scaled_and_a_channel_axis_added(tmp_path):
    x, _ = data.load(write(tmp_path, x_test=np.full((5, 4, 4), 51, "uint8")), "test")
    np.testing.assert_allclose(x, np.full((5, 4, 4, 1), 0.2), rtol=1e-6)


def test_labels_may_be_left_out(tmp_path):
    _, y = data.load(write(tmp_path, y_train=None, y_test=None), "train")
    assert y is None


BAD_ARRAYS = {
    "missing": ("x_test", None),
    "rank": ("x_train", IMAGES[:, 0, 0]),
    "empty": ("x_train", IMAGES[:0]),
    "above one": ("x_train", IMAGES * 255),
    "nan": ("x_train", IMAGES * np.nan),
    "integers": ("x_train", IMAGES.astype("int64")),
    "objects": ("x_train", np.array([{}, []], dtype=object)),
    "label count": ("y_train", LABELS[:3]),
    "label dtype": ("y_train", LABELS / 2),
    "label rank": ("y_train", LABELS[:, None]),
}


@pytest.mark.parametrize("case", BAD_ARRAYS)
def test_bad_array_is_named(case, tmp_path):
    name, array = BAD_ARRAYS[case]
    with pytest.raises(ValueError, match=f"`{name}` of .*must .*Received: "):
        data.load(write(tmp_path, **{name: array}), "train")


def test_missing_file_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="`name` must be a file"):
        data.load(str(tmp_path / "absent.npz"), "train")


def test_other_file_is_an_error(tmp_path):
    path = tmp_path / "text.npz"
    path.write_text("not an archive")
    with pytest.raises(ValueError, match="`name` must be a file written by numpy"):
        data.load(str(path), "train")
