"""Each distribution against SciPy, and against its own draws."""

import itertools

import keras
import numpy as np
import pytest
import scipy.special
import scipy.stats
from keras import ops

from keras_genmod.distributions import (
    Bernoulli,
    Categorical,
    Normal,
    StandardNormal,
)

LOGITS = np.random.default_rng(0).normal(size=(2, 3)).astype("float32") * 3.0
LEVELS = np.random.default_rng(0).normal(size=(2, 3, 4)).astype("float32") * 3.0
LOG_VAR = np.random.default_rng(0).normal(size=(2, 3)).astype("float32")


def numpy(tensor):
    return ops.convert_to_numpy(tensor)


def rows(parameters, num_rows):
    return np.repeat(parameters[:1], num_rows, axis=0)


def test_bernoulli_log_prob_equals_scipy(rng):
    value = rng.integers(0, 2, size=(2, 3))
    expected = scipy.stats.bernoulli.logpmf(value, scipy.special.expit(LOGITS))
    found = numpy(Bernoulli(LOGITS).log_prob(value))
    np.testing.assert_allclose(found, expected.sum(1), rtol=1e-5)


def test_categorical_log_prob_equals_scipy(rng):
    value = rng.integers(0, 4, size=(2, 3))
    table = scipy.special.log_softmax(LEVELS, axis=-1)
    expected = np.take_along_axis(table, value[..., None], axis=-1)[..., 0]
    found = numpy(Categorical(LEVELS).log_prob(value))
    np.testing.assert_allclose(found, expected.sum(1), rtol=1e-5)


def test_normal_log_prob_equals_scipy(rng):
    value = rng.normal(size=(2, 3))
    expected = scipy.stats.norm.logpdf(value, LOGITS, np.exp(LOG_VAR / 2))
    found = numpy(Normal(LOGITS, LOG_VAR).log_prob(value))
    np.testing.assert_allclose(found, expected.sum(1), rtol=1e-5)


def test_normal_takes_one_variance_for_all(rng):
    value = rng.normal(size=(2, 3))
    expected = scipy.stats.norm.logpdf(value, LOGITS, np.exp(0.35))
    found = numpy(Normal(LOGITS, 0.7).log_prob(value))
    np.testing.assert_allclose(found, expected.sum(1), rtol=1e-5)


def test_standard_normal_log_prob_equals_scipy(rng):
    value = rng.normal(size=(5, 2, 3))
    found = numpy(StandardNormal((2, 3)).log_prob(value.astype("float32")))
    expected = scipy.stats.norm.logpdf(value).sum((1, 2))
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize(
    "distribution,parameters,num_levels",
    [(Bernoulli, LOGITS, 2), (Categorical, LEVELS, 4)],
)
def test_probabilities_sum_to_one(distribution, parameters, num_levels):
    states = np.array(list(itertools.product(range(num_levels), repeat=3)))
    log_prob = numpy(distribution(rows(parameters, len(states))).log_prob(states))
    assert abs(np.exp(log_prob).sum() - 1.0) < 1e-5


def test_bernoulli_draws():
    distribution = Bernoulli(rows(LOGITS, 20_000))
    draws = numpy(distribution.sample(seed=0))
    assert set(np.unique(draws)) == {0.0, 1.0}
    mean = scipy.special.expit(LOGITS[0])
    np.testing.assert_allclose(numpy(distribution.mean())[0], mean, rtol=1e-5)
    np.testing.assert_allclose(draws.mean(0), mean, atol=0.015)


def test_categorical_draws():
    distribution = Categorical(rows(LEVELS, 20_000))
    draws = numpy(distribution.sample(seed=0)).astype(int)
    probabilities = scipy.special.softmax(LEVELS[0].astype("float64"), axis=-1)
    mean = (probabilities * np.arange(4)).sum(-1)
    np.testing.assert_allclose(numpy(distribution.mean())[0], mean, rtol=1e-5)
    for i in range(3):
        counts = np.bincount(draws[:, i], minlength=4)
        assert scipy.stats.chisquare(counts, 20_000 * probabilities[i]).pvalue > 1e-3


def test_normal_draws():
    distribution = Normal(rows(LOGITS, 20_000), rows(LOG_VAR, 20_000))
    draws = (numpy(distribution.sample(seed=0)) - LOGITS[0]) / np.exp(LOG_VAR[0] / 2)
    np.testing.assert_array_equal(numpy(distribution.mean())[0], LOGITS[0])
    for i in range(3):
        assert scipy.stats.kstest(draws[:, i], "norm").pvalue > 1e-3


def test_standard_normal_draws():
    draws = numpy(StandardNormal((2, 3)).sample(5_000, seed=0))
    assert draws.shape == (5_000, 2, 3)
    assert scipy.stats.kstest(draws.reshape(-1), "norm").pvalue > 1e-3
    np.testing.assert_array_equal(
        numpy(StandardNormal((2, 3)).mean()), np.zeros((2, 3))
    )


MAKERS = {
    "bernoulli": lambda scale: Bernoulli(scale * LOGITS),
    "categorical": lambda scale: Categorical(scale * LEVELS),
    "normal": lambda scale: Normal(scale * LOGITS, LOG_VAR),
}


@pytest.mark.parametrize("name", MAKERS)
def test_a_seed_repeats_the_draw_and_a_generator_moves_on(name):
    distribution = MAKERS[name](0.1)
    first, second = numpy(distribution.sample(1)), numpy(distribution.sample(1))
    np.testing.assert_array_equal(first, second)
    generator = keras.random.SeedGenerator(1)
    draws = [numpy(distribution.sample(generator)) for _ in range(20)]
    assert any(np.any(draw != draws[0]) for draw in draws)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("name", MAKERS)
def test_sums_are_float32_under_every_policy(name, policy, dtype_policy):
    dtype_policy(policy)
    distribution = MAKERS[name](1.0)
    value = ops.ones((2, 3), dtype=policy.removeprefix("mixed_"))
    for result in (distribution.log_prob(value), distribution.mean()):
        assert keras.backend.standardize_dtype(result.dtype) == "float32"


@pytest.mark.parametrize("name", ["bernoulli", "categorical"])
@pytest.mark.parametrize("value", [0, 1])
def test_extreme_logits_stay_finite(name, value):
    distribution = MAKERS[name](1e4)
    log_prob = numpy(distribution.log_prob(np.full((2, 3), value)))
    assert np.all(np.isfinite(log_prob)) and np.all(log_prob <= 0)
    assert np.all(np.isfinite(numpy(distribution.sample(0))))


@pytest.mark.parametrize("name", MAKERS)
def test_draws_of_nan_parameters_are_nan(name):
    scale = np.ones((2, 3), "float32")
    scale[0, 1] = np.nan
    scale = scale[..., None] if name == "categorical" else scale
    draws = numpy(MAKERS[name](scale).sample(seed=0))
    np.testing.assert_array_equal(np.isnan(draws), np.isnan(scale).reshape(2, 3))


@pytest.mark.parametrize("level", [-1.0, 4.0, np.nan])
def test_levels_that_do_not_exist_have_no_log_prob(level):
    value = np.array([[0, 1, 2], [0, level, 2]], "float32")
    log_prob = numpy(Categorical(LEVELS).log_prob(value))
    np.testing.assert_array_equal(np.isnan(log_prob), [False, True])


def test_certain_values_have_probability_one_or_almost_none():
    log_prob = numpy(Bernoulli(np.full((2, 1), 1e4)).log_prob([[1.0], [0.0]]))
    np.testing.assert_allclose(log_prob, [0.0, -1e4])
    log_prob = numpy(Categorical(np.array([[[1e4, -1e4]]] * 2)).log_prob([[0], [1]]))
    np.testing.assert_allclose(log_prob, [0.0, -2e4])
