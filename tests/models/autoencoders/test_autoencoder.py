"""The autoencoder's loss is the mean squared error to what it shall make."""

import keras
import numpy as np
import pytest

from keras_genmod import Autoencoder
from tests.models.small_networks import small_network

CLEAN = np.random.default_rng(0).random((8, 2, 2, 1)).astype("float32")
NOISY = CLEAN + np.random.default_rng(1).normal(size=CLEAN.shape).astype("float32")


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    model = Autoencoder(
        small_network((2, 2, 1), (3,)), small_network((3,), (2, 2, 1), "sigmoid")
    )
    model.compile("sgd", run_eagerly=True)
    return model


def squared_error(model, x, y):
    made = keras.ops.convert_to_numpy(model.reconstruct(x))
    return ((made - y) ** 2).mean(axis=(1, 2, 3))


def test_the_loss_is_that_of_the_target(model):
    weights = np.arange(8, dtype="float32")
    for x, y in ((NOISY, CLEAN), (CLEAN, NOISY), (CLEAN, CLEAN)):
        expected = squared_error(model, x, y)
        found = float(model.test_on_batch(x, y))
        assert found == pytest.approx(expected.mean(), rel=1e-5)
        found = float(model.test_on_batch(x, y, sample_weight=weights))
        assert found == pytest.approx((weights * expected).mean(), rel=1e-5)
    labels = float(model.test_on_batch(CLEAN, np.arange(8)))
    assert labels == pytest.approx(squared_error(model, CLEAN, CLEAN).mean(), rel=1e-5)


def test_it_learns_the_target():
    # A linear one takes any offset off: the loss to the clean data falls to nothing.
    keras.utils.set_random_seed(0)
    model = Autoencoder(
        *(keras.Sequential([keras.Input((3,)), keras.layers.Dense(3)]) for _ in "ab")
    )
    for network in (model.encoder, model.decoder):
        network.layers[-1].set_weights([np.eye(3), np.zeros(3)])
    model.compile(keras.optimizers.SGD(0.3))
    clean = np.random.default_rng(0).normal(size=(16, 3)).astype("float32")
    history = model.fit(clean + 1.0, clean, batch_size=16, epochs=30, verbose=0)
    losses = history.history["loss"]
    assert losses[0] == pytest.approx(1.0, rel=1e-4) and losses[-1] < 1e-2


def test_targets_are_checked(model):
    with pytest.raises(ValueError, match=r"`y` must be .*\(batch, 2, 2, 1\), or one"):
        model.fit(CLEAN, CLEAN[:, 0], verbose=0)
    with pytest.raises(ValueError, match=r"`y` must be .*\(batch, 2, 2, 1\), or one"):
        model.train_on_batch(CLEAN, CLEAN[:, 0])
    with pytest.raises(ValueError, match=r"`x` must have shape \(batch, 2, 2, 1\)"):
        model.fit(CLEAN[:, 0], CLEAN, verbose=0)
