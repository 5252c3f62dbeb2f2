import keras
import numpy as np
import pytest

from keras_genmod import Autoencoder, PixelCNN
from keras_genmod.callbacks import Interpolation, LatentTraversal
from keras_genmod.latents import decode, encode, interpolate
from tests.callbacks.small_models import IMAGE, LABELS, LATENT, X, drawn, fit, gan, vae
from tests.models.small_networks import small_network


def pixel_cnn():
    return PixelCNN(IMAGE, filters=4, num_blocks=1)


def autoencoder():
    return Autoencoder(small_network(IMAGE, (3,)), small_network((3,), IMAGE))


@pytest.mark.parametrize("make", [vae, gan])
def test_rows_sweep_one_latent_each_around_zero(make, tmp_path):
    model, values = make(), [-2.0, 0.0, 2.0]
    callback = LatentTraversal(tmp_path, dimensions=[2, 0], values=values)
    rows = drawn(callback, model).reshape(2, 3, *IMAGE)
    z = np.zeros((2, 3, LATENT))
    z[0, :, 2] = z[1, :, 0] = values
    assert np.allclose(rows, decode(model, z), atol=1e-6)


def test_sweeps_start_at_encoded_data_along_what_varies_most(tmp_path):
    model = vae(num_classes=2)
    callback = LatentTraversal(tmp_path, X, condition=LABELS, num_starts=2)
    rows = drawn(callback, model).reshape(2, LATENT, 9, *IMAGE)
    z = encode(model, X, LABELS)
    assert not np.array_equal(np.argsort(-z.var(0)), range(LATENT))
    starts = z[:2]
    starts[:, np.argmax(z.var(0))] = 3.0
    assert np.allclose(rows[:, 0, -1], decode(model, starts, LABELS[:2]), atol=1e-6)


class Told:
    """Images in which a dict of arrays moves what is read of them."""

    is_conditional = True
    condition_shape = {"moved": (16,)}

    def encode(self, x, condition):
        return x.reshape(-1, 16) + condition["moved"]

    def decode(self, z, condition):
        return (z - condition["moved"]).reshape(-1, *IMAGE)


def test_sweeps_and_ways_take_dicts_of_arrays(tmp_path):
    moved = {"moved": np.arange(16.0) + np.arange(4.0)[:, None]}
    sweep = LatentTraversal(tmp_path, X[:4], [3], [7.0], moved, num_starts=2)
    rows = drawn(sweep, Told())
    expected = X[:2].reshape(2, 16).copy()
    expected[:, 3] = 7 - moved["moved"][:2, 3]
    assert np.allclose(rows.reshape(2, 16), expected)
    paths = Interpolation(
        tmp_path, X[:4], X[4:8], num_steps=2, kind="linear", condition=moved
    )
    found = drawn(paths, Told()).reshape(4, 2, *IMAGE)
    assert np.allclose(found, np.stack([X[:4], X[4:8]], axis=1), atol=1e-5)


@pytest.mark.parametrize("kind", ["linear", "spherical"])
def test_rows_lead_from_one_image_to_another(kind, tmp_path):
    model = autoencoder()
    callback = Interpolation(tmp_path, X[:2], X[2:4], num_steps=5, kind=kind)
    rows = drawn(callback, model).reshape(2, 5, *IMAGE)
    z = encode(model, X[:4])
    path = interpolate(z[:2], z[2:], 5, kind)
    assert np.allclose(rows, decode(model, path), atol=1e-6)


def test_without_images_the_ends_are_draws_of_the_prior(tmp_path):
    model = gan(num_classes=2)
    callback = Interpolation(tmp_path, num_paths=4, num_steps=3, seed=5)
    rows = drawn(callback, model).reshape(4, 3, *IMAGE)
    assert np.array_equal(drawn(callback, model).reshape(rows.shape), rows)
    other = Interpolation(tmp_path, num_paths=4, num_steps=3, seed=6)
    assert not np.array_equal(drawn(other, model).reshape(rows.shape), rows)
    seeds = keras.random.SeedGenerator(5)
    z = keras.ops.convert_to_numpy(model.prior.sample(8, seeds))
    assert np.allclose(rows[:, 0], decode(model, z[:4], [0, 1, 0, 1]), atol=1e-6)


def test_pictures_are_drawn_while_a_model_trains(tmp_path):
    callbacks = [
        LatentTraversal(tmp_path, every=2),
        Interpolation(tmp_path, X[:2], X[2:4], name="between_digits"),
        Interpolation(tmp_path, every_steps=4),
    ]
    fit(vae(), callbacks)
    assert sorted(path.name for path in (tmp_path / "pictures").iterdir()) == [
        "between_digits_epoch_0001.png",
        "between_digits_epoch_0002.png",
        "interpolation_step_00000004.png",
        "traversal_epoch_0002.png",
    ]


@pytest.mark.parametrize(
    ("make", "callback", "arguments", "message"),
    [
        (pixel_cnn, LatentTraversal, {}, "needs a model with `decode`. .* PixelCNN"),
        (pixel_cnn, Interpolation, {}, "needs a model with `decode`. .* PixelCNN"),
        (autoencoder, LatentTraversal, {}, "`x` must be given for a Autoencoder"),
        (autoencoder, Interpolation, {}, "`start` and `stop` must be given"),
        (gan, LatentTraversal, {"x": X[:1]}, "`model` must have `encode`"),
        (vae, LatentTraversal, {"dimensions": [3]}, "`dimensions` must be integers"),
        (vae, LatentTraversal, {"condition": 1}, "`condition` must be None"),
        (lambda: vae(2), LatentTraversal, {"x": X[:1]}, "needs class labels"),
    ],
)
def test_a_model_that_cannot_is_an_error_before_training(
    make, callback, arguments, message, tmp_path
):
    callback = callback(tmp_path, **arguments)
    callback.set_model(make())
    with pytest.raises(ValueError, match=message):
        callback.on_train_begin()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"start": X[:1]}, "`start` and `stop` must be given both"),
        ({"num_steps": 1}, "`num_steps` must be an int of at least 2"),
        ({"num_paths": 0}, "`num_paths` must be a positive int"),
        ({"seed": -1}, "`seed` must be a non-negative int"),
        ({"kind": "cubic"}, "`kind` must be one of"),
    ],
)
def test_other_arguments_are_refused(arguments, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        Interpolation(tmp_path, **arguments)
