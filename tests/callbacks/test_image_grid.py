import keras
import numpy as np
import pytest
from PIL import Image

from keras_genmod.callbacks import image_grid, save_png


def test_images_go_from_left_to_right_and_from_top_to_bottom():
    images = np.linspace(0, 1, 6).reshape(6, 1, 1) * np.ones((6, 4, 5))
    grid = image_grid(images, num_columns=3, scale=1)
    assert grid.shape == (2 * (4 + 2) + 2, 3 * (5 + 2) + 2)
    centres = grid[4::6, 4::7]
    assert np.array_equal(centres, [[0, 51, 102], [153, 204, 255]])


def test_an_image_is_neither_turned_nor_mirrored():
    image = np.arange(6).reshape(1, 2, 3) / 5
    grid = image_grid(image, scale=1)
    assert np.array_equal(grid[2:-2, 2:-2], [[0, 51, 102], [153, 204, 255]])


def test_small_images_are_enlarged_by_whole_pixels():
    grid = image_grid(np.eye(8)[None])
    assert np.array_equal(grid[2:-2, 2:-2], np.kron(np.eye(8), np.ones((6, 6))) * 255)


def test_colours_tensors_and_values_out_of_range():
    images = keras.ops.convert_to_tensor(np.float32([[[[-1, 0.5, 2]]]]))
    assert list(image_grid(images, scale=1)[2, 2]) == [0, 128, 255]


@pytest.mark.parametrize("shape", [(4, 4), (2, 4, 4, 2), (0, 4, 4, 1)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match="`images` must have shape"):
        image_grid(np.zeros(shape))


@pytest.mark.parametrize("argument", ["num_columns", "scale"])
def test_arguments_of_no_pixels_are_refused(argument):
    with pytest.raises(ValueError, match=f"`{argument}` must be a positive int"):
        image_grid(np.zeros((2, 4, 4)), **{argument: 0})


def test_a_png_holds_the_same_pixels_and_leaves_nothing_beside(tmp_path):
    grid = image_grid(np.random.default_rng(0).random((3, 8, 8, 3)))
    path = tmp_path / "pictures" / "grid.png"
    save_png(path, grid)
    with Image.open(path) as picture:
        assert np.array_equal(np.asarray(picture), grid)
    assert [file.name for file in path.parent.iterdir()] == ["grid.png"]


@pytest.mark.parametrize("channels", [1, 3])
def test_a_caption_stands_below_the_picture_and_in_the_file(channels, tmp_path):
    grid = image_grid(np.random.default_rng(0).random((3, 8, 8, channels)))
    heights = []
    for caption in ("three rows", "three rows of 8x8 pixels, " * 10):
        save_png(tmp_path / "grid.png", grid, caption)
        with Image.open(tmp_path / "grid.png") as picture:
            pixels, text = np.asarray(picture), picture.text["Description"]
        assert text == caption
        assert np.array_equal(pixels[: grid.shape[0], : grid.shape[1]], grid)
        below = pixels[grid.shape[0] :]
        assert (below == 255).mean() > 0.5 and (below < 128).any()
        heights.append(len(below))
    assert heights[1] > 2 * heights[0]  # it is broken into lines


@pytest.mark.parametrize(
    "name, value",
    [("path", 3), ("image", np.zeros((2, 2))), ("image", [[0]]), ("caption", b"")],
)
def test_what_makes_no_png_is_refused(name, value, tmp_path):
    good = {"path": tmp_path / "grid.png", "image": np.zeros((2, 2), "uint8")}
    with pytest.raises(ValueError, match=f"`{name}` must be"):
        save_png(**{**good, name: value})
    assert not (tmp_path / "grid.png").exists()


def test_a_failed_write_leaves_the_old_picture(tmp_path):
    path = tmp_path / "grid.png"
    save_png(path, np.zeros((2, 2), "uint8"))
    before = path.read_bytes()
    with pytest.raises(UnicodeEncodeError):
        save_png(path, np.ones((2, 2), "uint8"), "half of a pair: \ud800")
    assert path.read_bytes() == before
