"""Split: half of the channels are latents at once, with a learned prior or without."""

import keras
import numpy as np
import pytest
import scipy.stats

from keras_genmod import NormalizingFlow
from keras_genmod.bijectors import (
    ActNorm,
    Affine,
    Bijector,
    Chain,
    Sigmoid,
    Split,
    Squeeze,
)
from tests.bijectors.cases import arrays
from tests.models.small_networks import small_network

IMAGES = np.random.default_rng(0).normal(size=(6, 2, 2, 4)).astype("float32")
FIRST, SECOND = IMAGES[..., :2], IMAGES[..., 2:]


@keras.saving.register_keras_serializable("tests")
class Shift(Bijector):
    """f(z) = z + condition."""

    def __init__(self, event_dim, condition_dim, **kwargs):
        super().__init__((event_dim,), condition_dim=condition_dim, **kwargs)
        self.built = True

    def _forward_and_log_det(self, z, condition):
        return z + condition, 0.0 * z[:, 0]

    def _inverse_and_log_det(self, x, condition):
        return x - condition, 0.0 * x[:, 0]


def inner():
    bijector = Affine((2, 2, 2))
    bijector.log_scale.assign(np.random.default_rng(0).normal(size=(2, 2, 2)))
    return bijector


def test_the_first_half_is_latent_and_the_rest_goes_on():
    bijector = inner()
    split = Split((2, 2, 4), bijector)
    assert split.latent_shape == (16,)
    z, log_det = arrays(split.inverse_and_log_det(IMAGES))
    np.testing.assert_array_equal(z[:, :8], FIRST.reshape(6, 8))
    w, expected = arrays(bijector.inverse_and_log_det(SECOND))
    np.testing.assert_array_equal(z[:, 8:], w.reshape(6, 8))
    np.testing.assert_array_equal(log_det, expected)


def test_the_network_makes_the_prior_of_the_first_half(rng):
    # p(a, b) = N(a; mean(b), exp(log_scale(b))^2) p(b), with N(0, I) of the latents
    network, bijector = small_network((2, 2, 2), (2, 2, 4)), inner()
    for weight in network.weights:
        weight.assign(rng.normal(size=weight.shape))
    model = NormalizingFlow(Split((2, 2, 4), bijector, network))
    mean, raw = np.split(arrays([network(SECOND)])[0].astype("float64"), 2, axis=-1)
    deviation = np.exp(7 * np.tanh(raw / 7))
    expected = scipy.stats.norm.logpdf(FIRST, mean, deviation).sum((1, 2, 3))
    w, log_det = arrays(bijector.inverse_and_log_det(SECOND))
    expected += scipy.stats.norm.logpdf(w).sum((1, 2, 3)) + log_det
    (found,) = arrays([model.log_prob(IMAGES)])
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_splits_in_splits_are_as_many_scales(rng):
    last = Split((2, 2, 4), ActNorm((2, 2, 2)), small_network((2, 2, 2), (2, 2, 4)))
    outer = Split((4, 4, 2), Chain([last, Squeeze((4, 4, 1))]))
    flow = Chain([outer, ActNorm((4, 4, 2))])
    x = rng.normal(3.0, 2.0, size=(8, 4, 4, 2)).astype("float32")
    assert flow.latent_shape == (32,) and not flow.is_initialized
    (latents,) = arrays([flow.initialize(x)])
    assert flow.is_initialized and latents.shape == (8, 32)
    z, log_det = arrays(flow.inverse_and_log_det(x))
    np.testing.assert_allclose(z, latents, atol=1e-5)
    back, back_log_det = arrays(flow.forward_and_log_det(z))
    np.testing.assert_allclose(back, x, atol=1e-4)
    np.testing.assert_allclose(back_log_det, -log_det, rtol=1e-5)
    # The innermost half is normalised last: its latents are the last 8 values.
    innermost = z[:, -8:].reshape(-1, 2)
    np.testing.assert_allclose(innermost.mean(0), 0, atol=1e-4)
    np.testing.assert_allclose(innermost.std(0), 1, rtol=1e-3)


def test_initialize_forward_starts_the_bijector_from_latents(rng):
    split = Split((2, 2, 4), ActNorm((2, 2, 2)), small_network((2, 2, 2), (2, 2, 4)))
    z = rng.normal(5.0, 3.0, size=(64, 16)).astype("float32")
    (x,) = arrays([split.initialize_forward(z)])
    assert split.is_initialized
    np.testing.assert_allclose(x[..., 2:].mean((0, 1, 2)), 0, atol=1e-4)
    np.testing.assert_allclose(x, arrays([split.forward(z)])[0], atol=1e-5)


def test_conditions_reach_the_bijector(rng):
    split = Split((4,), Shift(2, condition_dim=2))
    assert split.condition_dim == 2
    x, condition = rng.normal(size=(2, 3, 4)).astype("float32")
    (z,) = arrays([split.inverse(x, condition[:, :2])])
    np.testing.assert_allclose(z[:, :2], x[:, :2])
    np.testing.assert_allclose(z[:, 2:], x[:, 2:] - condition[:, :2])


def test_it_has_the_domain_of_its_bijector():
    assert Split((4,), Sigmoid((2,), 0.05)).domain == Sigmoid((2,), 0.05).domain


@pytest.mark.parametrize(
    ("shape", "bijector"),
    [((2, 2, 3), Affine((2, 2, 1))), ((2, 2, 4), Affine((2, 2, 4)))],
)
def test_halves_that_do_not_fit_are_errors(shape, bijector):
    with pytest.raises(ValueError, match="even number of channels.*half as many"):
        Split(shape, bijector)


def test_other_things_are_errors():
    with pytest.raises(ValueError, match="`bijector` must be a bijector"):
        Split((2, 2, 4), lambda z: z)
    for network in (keras.layers.Dense(4), small_network((2, 2, 2), (2, 2, 2)), "net"):
        with pytest.raises(ValueError, match="`prior_network` must be a built Keras"):
            Split((2, 2, 4), Affine((2, 2, 2)), network)
