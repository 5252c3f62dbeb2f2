"""A local .npz file is checked when it is loaded."""

import pathlib
import zipfile

import numpy as np
import pytest

from keras_genmod import data

pytestmark = pytest.mark.any_backend

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
    "large labels": ("y_train", LABELS + 2**40),
    "labels below int32": ("y_train", LABELS - 2**31 - 1),
    "unsigned labels": ("y_train", LABELS.astype("uint64") + 2**63),
    "times": ("x_train", IMAGES.astype("timedelta64[s]")),
    "records": ("x_train", np.zeros((5, 4, 4), [("red", "f4")])),
}


@pytest.mark.parametrize("case", BAD_ARRAYS)
def test_bad_array_is_named(case, tmp_path):
    name, array = BAD_ARRAYS[case]
    with pytest.raises(ValueError, match=f"`{name}` of .*must .*Received: "):
        data.load(write(tmp_path, **{name: array}), "train")


def test_labels_at_the_ends_of_int32_are_kept(tmp_path):
    labels = np.array([-(2**31), 0, 1, 2, 2**31 - 1])
    _, y = data.load(write(tmp_path, y_train=labels), "train")
    np.testing.assert_array_equal(y, labels)


def test_a_damaged_file_is_an_error_or_the_same(tmp_path):
    path = pathlib.Path(write(tmp_path, x_train=IMAGES[..., 0].astype("float16")))
    whole = path.read_bytes()
    expected = data.load(str(path), "train")
    refused = 0
    for i in range(0, len(whole), 7):
        path.write_bytes(whole[:i] + bytes([whole[i] ^ 0xFF]) + whole[i + 1 :])
        try:
            found = data.load(str(path), "train")
        except ValueError as error:
            assert str(error).startswith(("`name` must", "`x_", "`y_")), error
            refused += 1
        else:
            for one, other in zip(found, expected, strict=True):
                np.testing.assert_array_equal(one, other)
    assert refused > len(whole) / 7 / 2


def test_a_member_that_is_no_array_is_named(tmp_path):
    path = tmp_path / "images.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x_train.npy", b"GIF89a")
    with pytest.raises(ValueError, match="`name` must be .*undamaged.*magic string"):
        data.load(str(path), "train")


def test_missing_file_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="`name` must be a file"):
        data.load(str(tmp_path / "absent.npz"), "train")


def test_other_file_is_an_error(tmp_path):
    path = tmp_path / "text.npz"
    path.write_text("not an archive")
    with pytest.raises(ValueError, match="`name` must be a file written by numpy"):
        data.load(str(path), "train")
