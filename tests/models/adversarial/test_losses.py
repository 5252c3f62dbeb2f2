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


# d / d score of the mean over scores, times their number: of real ones, of fake ones in
# the discriminator's loss, of fake ones in the generator's.
CROSS_ENTROPY_SLOPES = (D_REAL - 1, D_FAKE)
SLOPES = {
    "non_saturating": (*CROSS_ENTROPY_SLOPES, D_FAKE - 1),
    "minimax": (*CROSS_ENTROPY_SLOPES, -D_FAKE),
    "least_squares": (REAL - 1, FAKE, FAKE - 1),
    "hinge": (-1.0 * (REAL < 1), 1.0 * (FAKE > -1), -np.ones_like(FAKE)),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_gradients_are_those_of_the_papers(name):
    discriminator_loss, generator_loss = GAN_LOSSES[name]
    found = [
        gradient(lambda real: discriminator_loss(real, ops.array(FAKE)), REAL),
        gradient(lambda fake: discriminator_loss(ops.array(REAL), fake), FAKE),
        gradient(generator_loss, FAKE),
    ]
    for slopes, expected in zip(found, SLOPES[name], strict=True):
        np.testing.assert_allclose(
            slopes * len(slopes), expected, rtol=1e-4, atol=1e-6, err_msg=name
        )


@pytest.mark.parametrize("name", EXPECTED)
def test_scores_of_patches_count_alike(name):
    # A map of scores has the mean over examples and patches.
    discriminator_loss, generator_loss = GAN_LOSSES[name]
    for loss in (discriminator_loss(REAL, FAKE), generator_loss(FAKE)):
        assert loss.shape == ()
    maps = [np.stack([x, x + 0.5], axis=1) for x in (REAL, FAKE)]
    flat = [x.reshape(-1, 1) for x in maps]
    found, expected = (
        [discriminator_loss(*scores), generator_loss(scores[1])]
        for scores in (maps, flat)
    )
    for loss, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(
            ops.convert_to_numpy(loss), ops.convert_to_numpy(other), rtol=1e-6
        )


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
