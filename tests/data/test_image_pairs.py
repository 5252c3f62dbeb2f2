"""Folders of pairs: halves, order and range; files that are no pairs."""

import numpy as np
import pytest
from PIL import Image

from keras_genmod.data import load_pairs

pytestmark = pytest.mark.any_backend

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (3, 4, 12, 3), "uint8")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "train").mkdir()
    for i in (2, 0, 1):  # the order of names counts
        Image.fromarray(PIXELS[i]).save(tmp_path / "train" / f"{i}.png")
    (tmp_path / "train" / "notes.txt").write_text("no image")
    return tmp_path


def test_halves_lie_left_and_right(folder):
    left, right = load_pairs(folder, "train")
    assert left.dtype == right.dtype == np.float32
    np.testing.assert_allclose(left, PIXELS[:, :, :6] / 255, atol=1e-6)
    np.testing.assert_allclose(right, PIXELS[:, :, 6:] / 255, atol=1e-6)


def test_halves_are_resized_apart(folder):
    left, _ = load_pairs(folder, "train", 2)
    assert left.shape == (3, 2, 2, 3)
    only_left = np.zeros((4, 12, 3), "uint8")
    only_left[:, :6] = 255
    Image.fromarray(only_left).save(folder / "train" / "0.png")
    left, right = load_pairs(folder, "train", (3, 5))
    assert left[0].min() == 1 and right[0].max() == 0  # nothing of the other side


def test_grey_images_keep_one_channel(folder):
    for i in range(3):
        Image.fromarray(PIXELS[i, :, :, 0]).save(folder / "train" / f"{i}.png")
    left, _ = load_pairs(folder, "train")
    np.testing.assert_allclose(left, PIXELS[:, :, :6, :1] / 255, atol=1e-6)


@pytest.mark.parametrize(
    "pixels,message",
    [
        (PIXELS[0, :, :11], "of even width.*Received: .*1.png of width 11"),
        (PIXELS[0, :2], r"of one size.*Received: .*1.png of shape \(2, 12, 3\)"),
        (PIXELS[0, :, :, 0], "of one size and mode"),
        (None, "that can be read.*1.png"),
    ],
)
def test_files_that_are_no_pairs_are_errors(folder, pixels, message):
    file = folder / "train" / "1.png"
    if pixels is None:
        file.write_bytes(b"no image")
    else:
        Image.fromarray(pixels).save(file)
    with pytest.raises(ValueError, match=f"`folder` must hold images {message}"):
        load_pairs(folder, "train")


@pytest.mark.parametrize("split", ["test", "train/none"])
def test_missing_folder_is_an_error(folder, split):
    with pytest.raises(FileNotFoundError, match="`folder` must hold images.*Received"):
        load_pairs(folder, split)


@pytest.mark.parametrize(
    "arguments,name", [((3, "train"), "folder"), ((".", 3), "split")]
)
def test_bad_argument_is_named(arguments, name):
    with pytest.raises(ValueError, match=f"`{name}` must .*Received: {name}"):
        load_pairs(*arguments)
