"""Losses of scores against the same losses of probabilities."""

import numpy as np
import pytest
import scipy.special
from keras import ops

from keras_genmod.models.adversarial.losses import GAN_LOSSES
from tests.autodiff import gradient

RNG = np.random.default_rng(0)
REAL = RNG.normal(size=(7, 1)).astype("float32") * 2.0
FAKE = RNG.normal(size=(5, 1)).astype("float32") * 2.0
D_REAL, D_FAKE = scipy.special.expit(REAL), scipy.special.expit(FAKE)

# -E log D(x) - E log(1 - D(G(z)))
CROSS_ENTROPY = -np.log(D_REAL).mean() - np.log(1 - D_FAKE).mean()
EXPECTED = {
    "non_saturating": (CROSS_ENTROPY, -np.log(D_FAKE).mean()),
    "minimax": (CROSS_ENTROPY, np.log(1 - D_FAKE).mean()),
    "least_squares": (
        ((REAL - 1) ** 2).mean() / 2 + (FAKE**2).mean() / 2,
        ((FAKE - 1) ** 2).mean() / 2,
    ),
    "hinge": (
        np.maximum(0, 1 - REAL).mean() + np.maximum(0, 1 + FAKE).mean(),
        -FAKE.mean(),
    ),
}


def test_every_loss_is_checked():
    assert set(GAN_LOSSES) == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_losses_are_those_of_the_papers(name):
    discriminator_loss, generator_loss = GAN_LOSSES[name]
    found = [discriminator_loss(REAL, FAKE), generator_loss(FAKE)]
    found = [float(ops.convert_to_numpy(loss)) for loss in found]
    np.testing.assert_allclose(found, EXPECTED[name], rtol=1e-5)


@pytest.mark.parametrize("name", EXPECTED)
@pytest.mark.parametrize("score", [-1e4, 1e4])
def test_losses_and_gradients_are_finite_for_certain_discriminators(name, score):
    discriminator_loss, generator_loss = GAN_LOSSES[name]
    scores = np.array([[score]], "float32")
    losses = {
        "real": lambda x: discriminator_loss(x, -scores),
        "fake": lambda x: discriminator_loss(-scores, x),
        "generator": generator_loss,
    }
    for loss in losses.values():
        assert np.isfinite(ops.convert_to_numpy(loss(ops.convert_to_tensor(scores))))
        assert np.all(np.isfinite(gradient(loss, scores)))


def test_only_minimax_saturates():
    # Where the discriminator is sure of a fake, log(1 - D) has no slope, log D has.
    scores = np.array([[-20.0]], "float32")
    slopes = {name: gradient(GAN_LOSSES[name][1], scores)[0, 0] for name in EXPECTED}
    assert abs(slopes.pop("minimax")) < 1e-8
    assert all(slope <= -0.99 for slope in slopes.values())
