"""Anomaly scores by what a model offers, and their corrections."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_genmod import GAN, RBM, Autoencoder
from keras_genmod.evaluation import (
    AnomalyScores,
    anomaly_score,
    complexity_corrected,
    input_complexity,
    likelihood_ratio,
)
from keras_genmod.metrics import outlier_auroc
from tests.evaluation.explicit_models import IMAGES, STATES, flow, pixel_cnn, rbm, vae
from tests.models.small_networks import small_network


def autoencoder():
    return Autoencoder(small_network((4,), (2,)), small_network((2,), (4,)))


@pytest.mark.parametrize(
    "model,data,name",
    [
        (pixel_cnn, IMAGES, "negative log-likelihood (exact)"),
        (flow, STATES, "negative log-likelihood (exact)"),
        (rbm, STATES, "negative log-likelihood (exact)"),
        (lambda: rbm(25, 30), np.ones((3, 30), "float32"), "free energy"),
        (vae, IMAGES, "negative log-likelihood (from a lower bound), importance_sam"),
        (autoencoder, STATES, "reconstruction error (mean squared)"),
    ],
)
def test_each_model_scores_with_what_it_offers(model, data, name):
    found = anomaly_score(model(), data, batch_size=5)
    assert found.scores.shape == (len(data),) and found.scores.dtype == "float64"
    assert found.name.startswith(name)


def test_scores_are_those_of_the_model():
    model = rbm()
    expected = ops.convert_to_numpy(model.log_prob(STATES))
    found = anomaly_score(model, STATES, batch_size=3).scores
    np.testing.assert_allclose(found, -expected, rtol=1e-5)
    # The free energy differs by log Z, and so ranks alike.
    free = anomaly_score(model, STATES, kind="free_energy").scores
    log_z = model.log_partition().value
    np.testing.assert_allclose(free + log_z, found, rtol=1e-5)
    error = anomaly_score(model, STATES, kind="reconstruction", batch_size=3)
    means = ops.convert_to_numpy(model.reconstruct(STATES))
    np.testing.assert_allclose(
        error.scores, np.square(means - STATES).mean(axis=1), rtol=1e-5
    )


def test_conditions_reach_the_model():
    model = pixel_cnn(num_classes=2)
    labels = np.arange(16) % 2
    found = anomaly_score(model, IMAGES, labels, batch_size=3).scores
    expected = -ops.convert_to_numpy(model.log_prob(IMAGES, labels))
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_separated_data_have_an_auroc_of_one():
    # A machine of the image that is all ones, beside all others with many zeros.
    model = rbm()
    model.couplings.assign(np.zeros((4, 3)))
    model.visible_bias.assign(np.full(4, 5.0))
    inside, outside = STATES[-1:].repeat(3, 0), STATES[STATES.sum(axis=1) < 3]
    scores = [anomaly_score(model, x).scores for x in (inside, outside)]
    assert outlier_auroc(*scores).auroc == 1.0
    assert outlier_auroc(*scores[::-1]).auroc == 0.0


def test_seeded_bounds_repeat():
    model = vae(seed=0)
    first, again, other = (
        anomaly_score(model, IMAGES, seed=s, num_samples=2).scores for s in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert np.any(first != other)


@pytest.mark.parametrize("model,data", [(pixel_cnn, IMAGES), (vae, IMAGES)])
def test_likelihood_ratio_of_equal_models_is_zero(model, data):
    one, other = model(), keras.models.clone_model(model())
    other.set_weights(one.get_weights())
    scores = [anomaly_score(m, data, seed=3) for m in (one, other)]
    np.testing.assert_allclose(likelihood_ratio(*scores).scores, 0.0, atol=1e-6)


def test_likelihood_ratio_is_the_difference_of_scores():
    def scores(*values):
        return AnomalyScores(scores=np.array(values), name="n", unit="nats")

    found = likelihood_ratio(scores(5.0, 1.0), scores(2.0, 3.0))
    np.testing.assert_array_equal(found.scores, [3.0, -2.0])
    assert "background" in found.name and found.unit == "nats"


def test_simple_images_compress_to_less():
    rng = np.random.default_rng(0)
    blank, noise = np.zeros((16, 16, 1)), rng.integers(0, 2, (16, 16, 1))
    stripes = np.zeros((16, 16, 1))
    stripes[::2] = 1
    found = input_complexity(np.stack([blank, stripes, noise]), num_levels=2)
    assert found[0] <= found[1] < found[2]
    again = input_complexity(np.stack([noise]), num_levels=2)
    np.testing.assert_array_equal(found[2:], again)
    # Random bits do not compress: at least a bit, ln 2 nats, a pixel.
    assert found[2] >= 256 * np.log(2)
    # ... and little more where a pixel is stored in one bit.
    large = input_complexity(rng.integers(0, 2, (1, 64, 64)), num_levels=2)
    assert 4096 * np.log(2) <= large[0] < 1.3 * 4096 * np.log(2)
    grey = input_complexity(rng.integers(0, 256, (2, 16, 16, 3)) / 255)
    assert np.all(grey >= 8 * 768 * np.log(2))


def test_complexity_turns_a_known_failure_round():
    # Under independent sparse pixels a blank image is more likely than any draw.
    model = RBM(64, 1)
    model.couplings.assign(np.zeros((64, 1)))
    model.visible_bias.assign(np.full(64, -1.0))
    draws = np.random.default_rng(0).random((50, 64)) < 1 / (1 + np.e)
    scores, corrected = [], []
    for x in (draws.astype("float32"), np.zeros((1, 64), "float32")):
        scores.append(anomaly_score(model, x))
        complexity = input_complexity(x.reshape(-1, 8, 8), num_levels=2)
        corrected.append(complexity_corrected(scores[-1], complexity))
    assert outlier_auroc(*(s.scores for s in scores)).auroc == 0.0
    assert outlier_auroc(*(s.scores for s in corrected)).auroc == 1.0
    assert corrected[0].name == f"{scores[0].name} - input complexity"


@pytest.mark.any_backend
@pytest.mark.parametrize(
    "call,message",
    [
        (
            lambda: anomaly_score(
                GAN(small_network((2,), (4,)), small_network((4,), (1,)), 2), STATES
            ),
            "`model` must offer .*GAN offers none",
        ),
        (
            lambda: anomaly_score(flow(), STATES, kind="free_energy"),
            "`kind` must be one of \\['likelihood'\\]",
        ),
        (
            lambda: anomaly_score(rbm(), STATES, kind="free_energy", num_samples=3),
            "`options` must be left out",
        ),
        (
            lambda: anomaly_score(autoencoder(), STATES * np.nan),
            "must be numbers. Received: 16 NaN of 16",
        ),
        (
            lambda: likelihood_ratio(
                anomaly_score(flow(), STATES), anomaly_score(autoencoder(), STATES)
            ),
            "`background` must hold scores of the same kind",
        ),
        (
            lambda: complexity_corrected(
                anomaly_score(autoencoder(), STATES), np.zeros(16)
            ),
            "`scores` must be .*in nats. Received: 'reconstruction",
        ),
        (
            lambda: complexity_corrected(anomaly_score(flow(), STATES), [1.0]),
            "`complexity` must have shape \\(16,\\)",
        ),
        (lambda: input_complexity(STATES), "`images` must have shape"),
        (lambda: input_complexity(IMAGES * 0.5, 2), "`images` must hold the values"),
        (lambda: input_complexity(IMAGES * 2, 2), "`images` must lie in \\[0, 1\\]"),
        (lambda: input_complexity(IMAGES, 1), "`num_levels` must"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
