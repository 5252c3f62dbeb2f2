import keras
import numpy as np
import pytest

from keras_genmod.callbacks import NeighbourGrid
from tests.callbacks.small_models import IMAGE, LABELS, drawn, fit, gan, vae


class Copier(keras.Model):
    """Returns training images: the third, then the first."""

    def __init__(self, images):
        super().__init__()
        self.images = images

    def sample(self, num_samples, condition=None, seed=None):
        return self.images[[2, 0]][:num_samples]


def images(count=6):
    return np.random.default_rng(0).random((count, *IMAGE)).astype("float32")


def test_a_copy_is_its_own_nearest_image(tmp_path):
    real = images()
    callback = NeighbourGrid(tmp_path, real, num_samples=2, k=3)
    rows = drawn(callback, Copier(real)).reshape(2, 4, *IMAGE)
    assert np.array_equal(rows[:, 0], real[[2, 0]])
    assert np.array_equal(rows[:, 1], rows[:, 0])
    distances = ((rows[:, 1:] - rows[:, :1]) ** 2).sum(axis=(2, 3, 4))
    assert np.all(np.diff(distances, axis=1) >= 0)


def test_distances_are_those_of_the_features(tmp_path):
    real = images()
    brightness = real.mean(axis=(1, 2, 3))
    callback = NeighbourGrid(
        tmp_path,
        real,
        num_samples=2,
        k=2,
        feature_extractor=lambda x: x.mean(axis=(1, 2, 3))[:, None],
    )
    rows = drawn(callback, Copier(real)).reshape(2, 3, *IMAGE)
    for row, index in zip(rows, (2, 0), strict=True):
        order = np.argsort(np.abs(brightness - brightness[index]), kind="stable")
        assert np.array_equal(row[1:], real[order[:2]])


@pytest.mark.parametrize("labels", [None, LABELS], ids=["gan", "conditional_vae"])
def test_it_leaves_a_picture_an_epoch(labels, tmp_path):
    model = gan() if labels is None else vae(num_classes=2)
    callback = NeighbourGrid(tmp_path, images(), num_samples=4, k=2)
    fit(model, [callback], y=labels)
    names = sorted(path.name for path in (tmp_path / "pictures").iterdir())
    assert names == ["neighbours_epoch_0001.png", "neighbours_epoch_0002.png"]


def test_bad_arguments_are_named(tmp_path):
    with pytest.raises(ValueError, match="`k` must be at most 6, the number of images"):
        NeighbourGrid(tmp_path, images(), k=7)
    callback = NeighbourGrid(tmp_path, images(), k=2)
    callback.set_model(keras.Sequential([keras.Input(IMAGE), keras.layers.Flatten()]))
    with pytest.raises(ValueError, match="NeighbourGrid needs a model with `sample`"):
        callback.on_train_begin()
