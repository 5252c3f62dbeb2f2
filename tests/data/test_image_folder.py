"""Folders of images: pixels, crops, orders, labels; folders that are hostile."""

import os
import warnings

import numpy as np
import pytest
from PIL import Image

from keras_genmod import data, image_files

pytestmark = pytest.mark.any_backend

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (12, 6, 8, 3), "uint8")


def save(folder, images=PIXELS, ending="png", **options):
    folder.mkdir(parents=True, exist_ok=True)
    for i, image in enumerate(images):
        Image.fromarray(image).save(folder / f"{i:02}.{ending}", **options)
    return folder


def batches(dataset):
    return [dataset[i] for i in range(len(dataset))]


def images_of(dataset):
    return np.concatenate([batch[0] for batch in batches(dataset)])


def test_pixels_come_as_they_are_in_the_order_of_names(tmp_path):
    save(tmp_path)
    (tmp_path / "notes.txt").write_text("no image")
    (tmp_path / "._00.png").write_text("no image either")
    dataset = data.image_folder(tmp_path, None, 5, shuffle=False)
    assert [len(x) for (x,) in batches(dataset)] == [5, 5, 2]
    assert dataset.image_shape == (6, 8, 3) and dataset.labels is None
    x = images_of(dataset)
    assert x.dtype == np.float32
    np.testing.assert_array_equal(x, PIXELS / np.float32(255))
    np.testing.assert_array_equal(dataset.arrays()[0], x)


def test_jpegs_grey_ones_and_palettes_are_read(tmp_path):
    smooth = np.full((2, 16, 16), 100, "uint8")
    save(tmp_path / "grey", smooth, "JPG", quality=95)
    x = images_of(data.image_folder(tmp_path / "grey", None))
    assert x.shape == (2, 16, 16, 1)
    np.testing.assert_allclose(x, 100 / 255, atol=2 / 255)
    palette = Image.fromarray(PIXELS[0] // 255 * 255).convert("P", colors=8)
    (tmp_path / "palette").mkdir()
    palette.save(tmp_path / "palette" / "a.png")
    x = images_of(data.image_folder(tmp_path / "palette", None))
    np.testing.assert_array_equal(x[0], np.asarray(palette.convert("RGB")) / 255)


@pytest.mark.parametrize(
    ("size", "window"),
    [
        (3, np.s_[:, 1:7]),  # a square of the image's height
        ((6, 4), np.s_[:, 2:6]),
        ((2, 8), np.s_[2:4]),
    ],
)
def test_the_largest_window_at_the_centre_is_resized(tmp_path, size, window):
    save(tmp_path, PIXELS[:2])
    x = images_of(data.image_folder(tmp_path, size, shuffle=False))
    expected = [data.resize((p[window] / 255)[None], size)[0] for p in PIXELS[:2]]
    np.testing.assert_allclose(x, expected, atol=1e-6)


def test_without_a_crop_the_whole_image_is_stretched(tmp_path):
    save(tmp_path, PIXELS[:2])
    x = images_of(data.image_folder(tmp_path, 4, crop=None, shuffle=False))
    np.testing.assert_allclose(x, data.resize(PIXELS[:2] / 255, 4), atol=1e-6)


def test_random_windows_and_mirrors_are_all_drawn_and_none_else(tmp_path):
    save(tmp_path, np.repeat(PIXELS[:1], 40, axis=0))
    dataset = data.image_folder(tmp_path, 6, 20, crop="random", flip=True)
    (first,), (second,) = batches(dataset)
    assert (first != second).any()  # each batch has draws of its own
    drawn = {image.tobytes() for x in (first, second) for image in x}
    windows = [PIXELS[0, :, i : i + 6] / np.float32(255) for i in range(3)]
    expected = [w[:, ::step] for w in windows for step in (1, -1)]
    assert drawn == {window.tobytes() for window in expected}


def test_an_epoch_visits_all_once_and_repeats_by_its_seed(tmp_path):
    save(tmp_path)
    made = [
        data.image_folder(tmp_path, 5, 5, crop="random", flip=True, seed=seed)
        for seed in (1, 1, 2)
    ]
    epochs = [[images_of(d), d.on_epoch_end(), images_of(d)] for d in made]
    np.testing.assert_array_equal(epochs[0][0], epochs[1][0])
    np.testing.assert_array_equal(epochs[0][2], epochs[1][2])
    assert (epochs[0][0] != epochs[0][2]).any() and (epochs[0][0] != epochs[2][0]).any()
    # Batches depend on nothing but seed, epoch and index.
    made[1].epoch = 0
    np.testing.assert_array_equal(made[1][2][0], epochs[0][0][10:])
    whole = data.image_folder(tmp_path, None, 5, seed=1)
    visited = {image.tobytes() for image in images_of(whole)}
    assert visited == {(p / np.float32(255)).tobytes() for p in PIXELS}


@pytest.mark.parametrize("shuffle", [True, False])
def test_parts_of_processes_are_together_the_batches_of_one(tmp_path, shuffle):
    for name, images in (("a", PIXELS[:7]), ("b", PIXELS[7:11])):
        save(tmp_path / name, images)

    def made(batch_size, part=None):
        options = {"crop": "random", "flip": True, "shuffle": shuffle, "seed": 1}
        return data.image_folder(tmp_path, 6, batch_size, part=part, **options)

    whole, parts = made(6), [made(2, (i, 3)) for i in range(3)]
    assert [len(part) for part in parts] == [2, 2, 2]  # two of the eleven are too much
    for _ in range(2):
        for index, (x, y) in enumerate(batches(whole)):
            own, labels = zip(*(part[index] for part in parts), strict=True)
            assert {len(each) for each in own} == {(2, 1)[index]}
            number = (6, 3)[index]
            np.testing.assert_array_equal(np.concatenate(own), x[:number])
            np.testing.assert_array_equal(np.concatenate(labels), y[:number])
        for dataset in (whole, *parts):
            dataset.on_epoch_end()
    assert all(dataset.epoch == 2 for dataset in parts)


def test_folders_are_classes(tmp_path):
    for name, part in (("b", PIXELS[:3]), ("a", PIXELS[3:5])):
        save(tmp_path / name, part)
    dataset = data.image_folder(tmp_path, None, 2)
    assert dataset.class_names == ("a", "b")
    x, y = dataset.arrays()
    assert y.dtype == np.int32 and y.tolist() == [0, 0, 1, 1, 1]
    np.testing.assert_array_equal(x[2:], PIXELS[:3] / np.float32(255))
    label_of = {image.tobytes(): label for image, label in zip(x, y, strict=True)}
    for images, labels in batches(dataset):
        assert [label_of[image.tobytes()] for image in images] == labels.tolist()


def test_channels_are_what_is_asked_for(tmp_path):
    save(tmp_path, [*PIXELS[:2], PIXELS[2, :, :, 0]])
    grey = images_of(data.image_folder(tmp_path, None, channels=1, shuffle=False))
    luma = PIXELS[:2] / 255 @ [[0.299], [0.587], [0.114]]
    np.testing.assert_allclose(grey[:2], luma, atol=1e-6)
    rgb = images_of(data.image_folder(tmp_path, None, channels=3, shuffle=False))
    np.testing.assert_allclose(rgb[2], PIXELS[2, :, :, :1].repeat(3, -1) / 255)
    with pytest.raises(ValueError, match="of one kind.*channels.*02.png.* grey"):
        data.image_folder(tmp_path, None)


def test_photographs_are_turned_as_they_were_held(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    save(tmp_path, PIXELS[:1], exif=exif)
    x = images_of(data.image_folder(tmp_path, None))
    np.testing.assert_array_equal(x[0], np.rot90(PIXELS[0], -1) / np.float32(255))


@pytest.mark.parametrize("kind", ["file", "folder", "chain"])
def test_links_out_of_the_folder_are_refused(tmp_path, kind):
    save(tmp_path / "secret")
    folder = save(tmp_path / "images" / "a", PIXELS[:1]).parent
    if kind == "folder":
        (folder / "b").symlink_to(tmp_path / "secret")
    else:
        target = tmp_path / "secret" / "00.png"
        if kind == "chain":
            (folder / "a" / "inner.txt").symlink_to(target)
            target = folder / "a" / "inner.txt"
        (folder / "a" / "b.png").symlink_to(target)
    with pytest.raises(ValueError, match="`path` must hold no links.*Received: .*/b"):
        data.image_folder(folder, None)


def test_links_within_the_folder_and_to_it_are_followed(tmp_path):
    save(tmp_path / "images" / "a", PIXELS[:1])
    (tmp_path / "images" / "b").symlink_to(tmp_path / "images" / "a")
    (tmp_path / "way").symlink_to(tmp_path / "images")
    assert len(data.image_folder(tmp_path / "way", None).files) == 2


def broken(folder, file):
    """Puts something into a folder that is no image to train on."""
    if file == "loop.png":
        (folder / file).symlink_to(folder / file)
    elif file == "pipe.png":
        os.mkfifo(folder / file)
    elif file == "folder.png":
        (folder / file).mkdir()
    elif file == "bomb.png":
        with warnings.catch_warnings(action="ignore"):
            Image.new("1", (2**13, 2**13 + 1)).save(folder / file)
    elif file == "giant.png":  # a header alone, of 2^62 pixels
        whole = (folder / "00.png").read_bytes()
        size = (2**31 - 1).to_bytes(4, "big") * 2
        (folder / file).write_bytes(whole[:16] + size + whole[24:])
    elif file == "deep.png":
        Image.fromarray(PIXELS[0, :, :, 0].astype("uint16") * 256).save(folder / file)
    elif file == "clear.png":
        alpha = np.dstack([PIXELS[0], np.full((6, 8), 254, "uint8")])
        Image.fromarray(alpha).save(folder / file)
    elif file == "script.png":  # what another decoder would run
        (folder / file).write_bytes(b"%!PS-Adobe-3.0\n%%BoundingBox: 0 0 9 9\n")
    elif file == "other.tiff":
        Image.fromarray(PIXELS[0]).save(folder / file)
    elif file == "cut.png":
        whole = (folder / "00.png").read_bytes()
        (folder / file).write_bytes(whole[: len(whole) // 2])
    else:
        (folder / file).write_bytes(b"no image")


@pytest.mark.parametrize(
    ("file", "what"),
    [
        ("loop.png", "files"),
        ("pipe.png", "files"),
        ("folder.png", "files"),
        ("bomb.png", "images of at most 67108864 pixels"),
        ("giant.png", "images that can be read"),
        ("deep.png", "images of 8 bits a value"),
        ("clear.png", "images without transparent pixels"),
        ("script.png", "images that can be read"),
        ("other.tiff", "PNG and JPEG files"),
        ("cut.png", "images that can be read"),
        ("text.jpg", "images that can be read"),
    ],
)
def test_what_is_no_image_is_an_error_that_names_it(tmp_path, file, what):
    save(tmp_path, PIXELS[:1])
    broken(tmp_path, file)
    with pytest.raises(ValueError, match=f"`path` must hold {what}.*{file}"):
        images_of(data.image_folder(tmp_path, 4, channels=3))


def test_opaque_files_with_alpha_are_read(tmp_path):
    save(tmp_path, [np.dstack([PIXELS[0], np.full((6, 8), 255, "uint8")])])
    x = images_of(data.image_folder(tmp_path, None))
    np.testing.assert_array_equal(x[0], PIXELS[0] / np.float32(255))


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's, of what it mends
@pytest.mark.parametrize("ending", ["png", "jpg"])
def test_damage_anywhere_is_read_or_is_an_error_that_names_the_file(tmp_path, ending):
    save(tmp_path, PIXELS[:1], ending)
    file = tmp_path / f"00.{ending}"
    whole = file.read_bytes()
    rng, errors = np.random.default_rng(0), 0
    for _ in range(200):
        bad = bytearray(whole[: rng.integers(1, len(whole) + 1)])
        for place in rng.integers(0, len(bad), size=3):
            bad[place] = rng.integers(256)
        file.write_bytes(bad)
        try:
            image = image_files.read_image("path", file)
            assert image.shape[-1] in (1, 3) and image.dtype == np.uint8
        except ValueError as error:
            assert f"00.{ending}" in str(error)
            errors += 1
    assert errors > 100


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda f: save(f), "beside the folders"),
        (lambda f: save(f / "a" / "b"), "no folders in these.*a.*with .*b in it"),
        (lambda f: (f / "c").mkdir(), "a folder of images for each class.*with no im"),
    ],
    ids=["beside", "deeper", "empty"],
)
def test_folders_that_are_no_classes_are_errors(tmp_path, make, message):
    save(tmp_path / "a")
    make(tmp_path)
    with pytest.raises(ValueError, match=f"`path` must hold .*{message}"):
        data.image_folder(tmp_path, None)


def test_splits_are_no_classes(tmp_path):
    for split in ("train", "test"):
        save(tmp_path / split)
    with pytest.raises(ValueError, match="`path` must be one split"):
        data.image_folder(tmp_path, None)


def test_sizes_must_agree_where_none_is_asked_for(tmp_path):
    save(tmp_path, [PIXELS[0], PIXELS[1, :5]])
    message = r"of one size.*image_size.*01.png of 8 x 5 pixels, .*00.png of 8 x 6"
    with pytest.raises(ValueError, match=message):
        data.image_folder(tmp_path, None)


@pytest.mark.parametrize(
    "argument",
    [
        {"path": 3},
        {"image_size": 0},
        {"image_size": (1, 2, 3)},
        {"batch_size": 0},
        {"crop": "left"},
        {"flip": 1},
        {"channels": 4},
        {"shuffle": None},
        {"seed": -1},
        {"part": 1},
        {"part": (0, 1, 2)},
        {"part": (-1, 1)},
        {"part": (1, 1)},
        {"part": (0, 2)},  # of one image
    ],
    ids=str,
)
def test_bad_arguments_are_named(tmp_path, argument):
    save(tmp_path, PIXELS[:1])
    (name,) = argument
    with pytest.raises(ValueError, match=f"`{name}` must .*Received: {name}="):
        data.image_folder(**{"path": tmp_path, "image_size": 4, **argument})


def test_a_folder_without_images_is_an_error(tmp_path):
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(FileNotFoundError, match="`path` must be a folder with"):
            data.image_folder(path, 4)


def test_load_takes_splits_and_sizes(tmp_path):
    for split, part in (("train", PIXELS[:3]), ("test", PIXELS[3:5])):
        save(tmp_path / split / "a", part)
    x, y = data.load(f"folder:{tmp_path}", "test")
    np.testing.assert_array_equal(x, PIXELS[3:5] / np.float32(255))
    assert y.tolist() == [0, 0]
    assert data.load(f"folder:{tmp_path}@3", "train")[0].shape == (3, 3, 3, 3)
    assert data.load(f"folder:{tmp_path}@3x4", "train")[0].shape == (3, 3, 4, 3)
    save(tmp_path / "test" / "b", PIXELS[:1])
    with pytest.raises(ValueError, match=r"one class_names.*\('a',\) and \('a', 'b'\)"):
        data.load(f"folder:{tmp_path}", "train")


def test_load_holds_out_a_tenth_by_name_for_good(tmp_path):
    folder = save(tmp_path / "at@home")
    splits = {s: data.load(f"folder:{folder}", s)[0] for s in ("train", "test")}
    assert len(splits["test"]) == 2 and len(splits["train"]) == 10
    both = np.concatenate([splits["train"], splits["test"]])
    assert len({image.tobytes() for image in both}) == 12
    # Those whose names have the lowest SHA-256.
    np.testing.assert_array_equal(splits["test"], PIXELS[[3, 6]] / np.float32(255))
    with pytest.raises(ValueError, match="two images at least"):
        data.load(f"folder:{save(tmp_path / 'one', PIXELS[:1])}", "test")
