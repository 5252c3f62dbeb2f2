"""A denoising autoencoder beside normal data, whose best one is known."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_genmod import DenoisingAutoencoder
from tests.models.small_networks import small_network

# x from N(M, S2), noise of SIGMA: the best r(x) = M + share (x - M).
M, S2, SIGMA = np.array([0.5, -1.0]), np.array([2.0, 0.5]), 0.7
SHARE = S2 / (S2 + SIGMA**2)
SIZE = 20_000
X = np.random.default_rng(0).normal(M, S2**0.5, (SIZE, 2)).astype("float32")


def affine(factors, shift):
    network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    network.layers[0].set_weights([np.diag(factors), np.asarray(shift)])
    return network


def model_of(share, shift=0.0, **kwargs):
    best = M * (1 - share) + shift
    kwargs = {"noise_level": SIGMA, "seed": 0, **kwargs}
    model = DenoisingAutoencoder(affine(share, best), affine([1, 1], [0, 0]), **kwargs)
    model.compile("sgd")
    return model


def loss_of(model, **kwargs):
    return model.evaluate(X, batch_size=SIZE, verbose=0, return_dict=True)["loss"]


def test_the_best_has_the_loss_in_closed_form_and_others_a_larger_one():
    expected = np.mean(S2 * SIGMA**2 / (S2 + SIGMA**2))
    assert loss_of(model_of(SHARE)) == pytest.approx(expected, rel=0.02)
    for share, shift in ((SHARE + 0.3, 0), (SHARE - 0.3, 0), (SHARE, 0.3)):
        # The excess is quadratic in what is wrong.
        excess = np.mean((share - SHARE) ** 2 * (S2 + SIGMA**2) + shift**2)
        found = loss_of(model_of(share, shift))
        assert found == pytest.approx(expected + excess, rel=0.02)


def test_its_score_is_that_of_the_data_with_noise():
    found = ops.convert_to_numpy(model_of(SHARE).score(X[:5]))
    np.testing.assert_allclose(found, -(X[:5] - M) / (S2 + SIGMA**2), rtol=1e-4)


def test_masking_blackens_a_share_of_the_values():
    model = model_of(np.ones(2), noise="masking", noise_level=0.25)
    made = model.predict(X, batch_size=SIZE, verbose=0)
    masked = made == 0.0
    np.testing.assert_allclose(made[~masked], X[~masked], rtol=1e-6)
    assert masked.mean(axis=0) == pytest.approx(0.25, abs=0.02)
    assert (masked.all(axis=1)).mean() == pytest.approx(0.25**2, abs=0.02)
    with pytest.raises(ValueError, match='`noise` must be "normal" for a score'):
        model.score(X[:5])
    np.testing.assert_allclose(ops.convert_to_numpy(model.reconstruct(X[:5])), X[:5])


def test_the_noise_may_change_in_training_and_is_drawn_anew():
    model = model_of(np.ones(2))
    first, second = (loss_of(model) for _ in range(2))
    assert first != second and first == pytest.approx(SIGMA**2, rel=0.03)
    model.noise_level = 0.1
    assert loss_of(model) == pytest.approx(0.01, rel=0.03)
    assert model.get_config()["noise_level"] == pytest.approx(0.1)


def test_a_probability_stays_one_in_training():
    model = model_of(np.ones(2), noise="masking", noise_level=0.25)
    for value in (3.0, 0.0):
        with pytest.raises(ValueError, match="`noise_level` must .*Received"):
            model.noise_level = value
    assert float(model.noise_level) == 0.25
    model.noise_level = 1.0


@pytest.mark.parametrize(
    "arguments,name",
    [
        ({"noise": "salt"}, "noise"),
        ({"noise_level": 0.0}, "noise_level"),
        ({"noise": "masking", "noise_level": 1.5}, "noise_level"),
    ],
)
def test_bad_argument_is_named(arguments, name):
    networks = small_network((4,), (2,)), small_network((2,), (4,))
    with pytest.raises(ValueError, match=f"`{name}` must .*Received"):
        DenoisingAutoencoder(*networks, **arguments)
