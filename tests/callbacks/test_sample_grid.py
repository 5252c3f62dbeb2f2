import keras
import numpy as np
import pytest

from keras_genmod import Autoencoder, NormalizingFlow
from keras_genmod.bijectors import Planar
from keras_genmod.callbacks import SampleGrid
from tests.callbacks.small_models import IMAGE, LABELS, drawn, fit, gan, vae
from tests.models.small_networks import small_network


def test_samples_repeat_until_the_model_learns(tmp_path):
    model, callback = gan(), SampleGrid(tmp_path, num_samples=6, seed=3)
    before = drawn(callback, model)
    assert before.shape == (6, *IMAGE)
    assert np.array_equal(before, model_sample(model, 6, seed=3))
    assert np.array_equal(before, drawn(callback, model))
    fit(model, [callback])
    after = drawn(callback, model)
    assert not np.array_equal(before, after)
    assert np.array_equal(after, model_sample(model, 6, seed=3))
    names = sorted(path.name for path in (tmp_path / "pictures").iterdir())
    assert names == ["samples_epoch_0001.png", "samples_epoch_0002.png"]


def model_sample(model, *args, **kwargs):
    return keras.ops.convert_to_numpy(model.sample(*args, **kwargs))


@pytest.mark.parametrize("condition", [None, 1, [1, 1, 0, 0]])
def test_labels_are_those_given_or_each_in_turn(condition, tmp_path):
    model = vae(num_classes=2)
    callback = SampleGrid(tmp_path, num_samples=4, condition=condition)
    labels = {None: [0, 1, 0, 1], 1: [1] * 4}
    labels = np.array(
        labels.get(condition if np.ndim(condition) == 0 else 0, condition)
    )
    expected = model_sample(model, 4, condition=labels, seed=0)
    assert np.array_equal(drawn(callback, model), expected)


class Drawer:
    """Draws images as grey as the vectors that it is told."""

    data_shape, condition_shape = IMAGE, (2,)

    def sample(self, num_samples, condition, seed):
        assert condition.shape == (num_samples, 2)
        return np.ones((num_samples, *IMAGE)) * condition.mean(1)[:, None, None, None]


@pytest.mark.any_backend
@pytest.mark.parametrize("condition", [np.eye(3)[:, :2], [0.5, 1.0]])
def test_vectors_are_those_given_or_one_for_all(condition, tmp_path):
    callback = SampleGrid(tmp_path, num_samples=3, condition=condition)
    greys = np.broadcast_to(np.mean(condition, axis=-1), 3)
    assert np.array_equal(drawn(callback, Drawer())[:, 0, 0, 0], greys)


def autoencoder():
    return Autoencoder(small_network(IMAGE, (3,)), small_network((3,), IMAGE))


def flow():
    return NormalizingFlow(Planar(2))


def network():
    return keras.Sequential([keras.Input(IMAGE), keras.layers.Flatten()])


@pytest.mark.parametrize(
    ("make", "arguments", "message"),
    [
        (autoencoder, {}, "SampleGrid cannot draw a Autoencoder: .* Use VAE"),
        (flow, {}, "SampleGrid draws images .* NormalizingFlow of data of shape"),
        (network, {}, "SampleGrid needs a model with `sample`. .* Sequential"),
        (vae, {"condition": 1}, "VAE is not conditional"),
        (lambda: vae(2), {"condition": 2}, "Labels must lie in 0 to 1"),
        (lambda: vae(2), {"condition": [1]}, "`condition` must be one for all, or 64"),
    ],
)
def test_a_model_that_cannot_is_an_error_before_training(
    make, arguments, message, tmp_path
):
    callback = SampleGrid(tmp_path, **arguments)
    callback.set_model(make())
    with pytest.raises(ValueError, match=message):
        callback.on_train_begin()
    assert not (tmp_path / "pictures").exists()


@pytest.mark.parametrize("argument", ["num_samples", "seed"])
def test_other_arguments_are_refused(argument, tmp_path):
    with pytest.raises(
        ValueError, match=f"`{argument}` must be a (positive|non-negative) int"
    ):
        SampleGrid(tmp_path, **{argument: -1})


def test_it_fits_conditional_models(tmp_path):
    fit(gan(num_classes=2), [SampleGrid(tmp_path, num_samples=4)], y=LABELS, epochs=1)
    assert (tmp_path / "pictures" / "samples_epoch_0001.png").exists()
