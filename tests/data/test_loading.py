"""Every set: shapes, ranges, fixed and separate splits, clear errors."""

import os
import pathlib
import socket
import urllib.request

import keras
import numpy as np
import pytest

from keras_genmod import data
from keras_genmod.data import public_images

pytestmark = pytest.mark.any_backend

TOYS = ["two_moons", "pinwheel", "checkerboard", "eight_gaussians"]
OFFLINE = ["digits", *TOYS]
DIGITS_LABELS = [[2, 5, 9, 5, 2, 2, 7, 1], [1, 3, 3, 0, 6, 6, 2, 2]]


@pytest.fixture
def no_tfds(monkeypatch):
    def found(package):
        return None if package == "tensorflow_datasets" else object()

    monkeypatch.setattr(public_images.importlib.util, "find_spec", found)


@pytest.mark.parametrize("split,count", [("train", 1437), ("test", 360)])
def test_digits_have_their_shape_and_range(split, count):
    x, y = data.load("digits", split)
    assert x.shape == (count, 8, 8, 1) and x.dtype == "float32"
    assert y.shape == (count,) and y.dtype == "int32"
    assert x.min() == 0 and x.max() == 1


def test_digits_test_set_is_balanced():
    _, y = data.load("digits", "test")
    np.testing.assert_array_equal(np.bincount(y), [36] * 10)


def test_digits_split_never_changes():
    labels = [data.load("digits", split)[1][:8].tolist() for split in ("train", "test")]
    assert labels == DIGITS_LABELS


@pytest.mark.parametrize("split,count", [("train", 10_000), ("test", 2_000)])
@pytest.mark.parametrize("name", TOYS)
def test_toys_have_their_shape_and_scale(name, split, count):
    x, y = data.load(name, split)
    assert x.shape == (count, 2) and x.dtype == "float32" and y is None
    assert 2.5 < np.abs(x).max() < 5
    assert np.abs(x.mean(axis=0)).max() < 0.2


@pytest.mark.parametrize("name", OFFLINE)
def test_loading_twice_gives_the_same(name):
    np.testing.assert_array_equal(
        data.load(name, "train")[0], data.load(name, "train")[0]
    )


@pytest.mark.parametrize("name", OFFLINE)
def test_train_and_test_do_not_overlap(name):
    train, test = (data.load(name, split)[0] for split in ("train", "test"))
    seen = {example.tobytes() for example in train}
    assert not any(example.tobytes() in seen for example in test)


def test_checkerboard_leaves_the_light_squares_empty():
    column, row = np.floor(data.load("checkerboard", "test")[0].T / 2).astype(int)
    assert np.all((column + row) % 2 == 0)


@pytest.mark.parametrize("split", ["validation", None, 0])
def test_unknown_split_is_an_error(split):
    with pytest.raises(ValueError, match="`split` must be .*Received: split="):
        data.load("digits", split)


def test_unknown_name_lists_what_exists(no_tfds):
    with pytest.raises(ValueError, match="digits, two_moons.*cifar10.*name='mnits'"):
        data.load("mnits", "train")


@pytest.mark.parametrize("name", ["wine.csv", "images/a.png", __file__])
def test_other_files_are_to_be_written_as_npz(name):
    with pytest.raises(ValueError, match=r"`name` must be .*npz.*savez.*Received: "):
        data.load(name, "train")


def test_what_is_no_name_is_refused():
    with pytest.raises(ValueError, match="`name` must be a string. Received: name=3"):
        data.load(3, "train")
    with pytest.raises(ValueError, match="`name` must be one of"):
        data.load("a b", "train")


@pytest.mark.parametrize("name,channels", [("mnist", 1), ("cifar10", 3)])
def test_keras_sets_are_scaled_without_tfds(name, channels, no_tfds, monkeypatch):
    shape = (4, 6, 6) if channels == 1 else (4, 6, 6, 3)
    x, y = np.full(shape, 255, "uint8"), np.zeros((4, 1), "uint8")
    module = getattr(keras.datasets, name)
    monkeypatch.setattr(module, "load_data", lambda: ((x, y), (x[:2], y[:2])))
    monkeypatch.setattr(socket, "create_connection", lambda *_, **__: socket.socket())
    images, labels = data.load(name, "test")
    assert images.shape == (2, 6, 6, channels) and labels.shape == (2,)
    assert images.max() == 1 and labels.dtype == "int32"


def test_failed_keras_download_names_the_ways_out(no_tfds, monkeypatch):
    def fail():
        raise Exception("URL fetch failure")

    monkeypatch.setattr(keras.datasets.mnist, "load_data", fail)
    monkeypatch.setattr(socket, "create_connection", lambda *_, **__: socket.socket())
    with pytest.raises(OSError, match=r"data_dir.*TFDS_DATA_DIR.*\.npz"):
        data.load("mnist", "train")


def test_failed_tfds_download_names_the_ways_out(tmp_path, monkeypatch):
    tfds = pytest.importorskip("tensorflow_datasets")

    def fail(self):
        raise RuntimeError("no network")

    monkeypatch.setattr(tfds.core.DatasetBuilder, "download_and_prepare", fail)
    monkeypatch.setattr(socket, "create_connection", lambda *_, **__: socket.socket())
    with pytest.raises(OSError, match=r"no network.*data_dir.*TFDS_DATA_DIR.*\.npz"):
        data.load("mnist", "train", data_dir=str(tmp_path))


@pytest.mark.parametrize("is_here", [False, True])
@pytest.mark.parametrize("name", public_images.KERAS_SETS)
def test_keras_waits_for_no_server_either(
    name, is_here, no_tfds, tmp_path, monkeypatch
):
    calls = []

    def connect(server, timeout):
        calls.append(timeout)
        raise TimeoutError("timed out")

    def load():
        calls.append("load")
        return [(np.zeros((2, 4, 4), "uint8"), np.zeros(2, "uint8"))] * 2

    monkeypatch.setattr(socket, "create_connection", connect)
    monkeypatch.setattr(urllib.request, "getproxies", dict)
    monkeypatch.setattr(getattr(keras.datasets, name), "load_data", load)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    if is_here:
        path = tmp_path / "datasets" / public_images.KERAS_SETS[name][0]
        path.mkdir(parents=True)
        data.load(name, "train")
        assert calls == ["load"]
        return
    with pytest.raises(OSError, match=r"does not answer.*TFDS_DATA_DIR.*\.npz"):
        data.load(name, "train")
    assert calls == [5.0]


@pytest.mark.parametrize("way", ["nothing", "proxy", "downloads"])
def test_a_server_that_does_not_answer_is_not_waited_for(way, tmp_path, monkeypatch):
    tfds = pytest.importorskip("tensorflow_datasets")
    asked, downloads = [], []

    def connect(server, timeout):
        asked.append((server, timeout))
        raise TimeoutError("timed out")

    monkeypatch.setattr(socket, "create_connection", connect)
    monkeypatch.setattr(
        tfds.core.DatasetBuilder,
        "download_and_prepare",
        lambda builder: downloads.append(builder.name),
    )
    proxies = {"https": "http://localhost"} if way == "proxy" else {}
    monkeypatch.setattr(urllib.request, "getproxies", lambda: proxies)
    if way == "downloads":
        (tmp_path / "downloads").mkdir()
        (tmp_path / "downloads" / "images.gz").touch()
    with pytest.raises((OSError, ValueError)) as caught:
        data.load("mnist", "train", data_dir=str(tmp_path))
    if way == "nothing":
        assert asked == [(("storage.googleapis.com", 443), 5.0)] and not downloads
        for part in ("googleapis.com does not answer", "TFDS_DATA_DIR", ".npz"):
            assert part in str(caught.value)
    else:  # a proxy may answer, and files that are here need no server
        assert downloads == ["mnist"] and not asked


@pytest.mark.parametrize("name", ["no_such_set", "ag_news_subset"])
def test_name_that_is_no_image_set_of_tfds_is_an_error(name, tmp_path):
    pytest.importorskip("tensorflow_datasets")
    with pytest.raises(ValueError, match=f"`name` must be .*Received: name='{name}'"):
        data.load(name, "train", data_dir=str(tmp_path))


def test_prepared_mnist_loads_through_tfds():
    folder = os.environ.get("TFDS_DATA_DIR", "")
    if not (pathlib.Path(folder) / "mnist").is_dir():
        pytest.skip("TFDS_DATA_DIR names no folder with a prepared mnist")
    pytest.importorskip("tensorflow_datasets")
    x, y = data.load("mnist", "test")
    assert x.shape == (10_000, 28, 28, 1) and x.dtype == "float32"
    assert x.min() == 0 and x.max() == 1 and abs(x.mean() - 0.1325) < 1e-4
    assert np.bincount(y)[:3].tolist() == [980, 1135, 1032]
