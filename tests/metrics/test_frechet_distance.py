"""Frechet distance: closed forms, ranks, streams, files."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_genmod import metrics

pytestmark = pytest.mark.any_backend

SIZES = dict(
    num_real=st.integers(2, 40),
    num_fake=st.integers(2, 40),
    dim=st.integers(1, 30),
    rank=st.integers(1, 30),
    seed=st.integers(0, 2**32 - 1),
)


def features(rng, count, dim, rank=None):
    rank = dim if rank is None else min(rank, dim)
    return rng.normal(size=(count, rank)) @ rng.normal(size=(rank, dim)) + 3.0


def distance(real, fake):
    """Returns the distance, whatever the rank."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", metrics.RankDeficientWarning)
        return metrics.frechet_distance(real, fake)


def by_eigenvalues(real, fake):
    """The definition, through the root of one covariance."""
    squares, vectors = np.linalg.eigh(np.atleast_2d(np.cov(real, rowvar=False)))
    root = (vectors * np.sqrt(np.maximum(squares, 0))) @ vectors.T
    other = np.atleast_2d(np.cov(fake, rowvar=False))
    cross = np.linalg.eigvalsh(root @ other @ root)
    traces = squares.sum() + np.trace(other)
    offset = real.mean(axis=0) - fake.mean(axis=0)
    roots = np.sqrt(np.maximum(cross, 0)).sum()
    return offset @ offset + traces - 2 * roots, traces


@settings(max_examples=60, deadline=None)
@given(**SIZES)
def test_value_over_counts_dimensions_and_ranks(num_real, num_fake, dim, rank, seed):
    rng = np.random.default_rng(seed)
    real = features(rng, num_real, dim, rank)
    fake = features(rng, num_fake, dim)
    expected, traces = by_eigenvalues(real, fake)
    # Roots of eigenvalues near zero hold half the digits, in the expectation.
    tolerance = 1e-6 * (1 + traces)
    assert distance(real, fake).value == pytest.approx(expected, abs=tolerance)
    assert distance(fake, real).value == pytest.approx(expected, abs=tolerance)


@settings(max_examples=40, deadline=None)
@given(**SIZES)
def test_statistics_give_what_features_give(num_real, num_fake, dim, rank, seed):
    rng = np.random.default_rng(seed)
    real = features(rng, num_real, dim, rank)
    fake = features(rng, num_fake, dim)
    of_features = distance(real, fake).value
    statistics = [metrics.FeatureStatistics().update(x) for x in (real, fake)]
    scale = 1 + real.var(axis=0).sum() + fake.var(axis=0).sum()
    value = distance(*statistics).value
    assert value == pytest.approx(of_features, abs=1e-6 * scale)


@pytest.mark.parametrize("count", [20, 50, 500])  # below, at and above the dimension
def test_identical_sets_are_at_zero(count):
    x = features(np.random.default_rng(0), count, 50)
    assert abs(distance(x, x.copy()).value) <= 1e-8
    assert abs(distance(x, x[::-1]).value) <= 1e-8


def test_a_shift_costs_its_square():
    x = features(np.random.default_rng(0), 200, 4)
    assert distance(x, x + 2.0).value == pytest.approx(16.0, rel=1e-12)


@pytest.mark.parametrize("smallest", [1e-1, 1e-3, 3e-4, 1e-4, 1e-6, 1e-8])
def test_ill_conditioned_covariances_keep_their_digits(smallest):
    rng = np.random.default_rng(0)
    scales = np.repeat([1.0, smallest], [3, 97])  # the condition is 1 / smallest^2
    rotation = np.linalg.qr(rng.normal(size=(100, 100)))[0]
    x = rng.normal(size=(400, 100)) * scales @ rotation
    value = distance(x, 2.0 * x).value
    expected = x.var(axis=0, ddof=1).sum() + np.square(x.mean(axis=0)).sum()
    assert value == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("count", [2, 20, 50, 500])
def test_a_scaled_copy_costs_its_trace_at_any_rank(count):
    real = features(np.random.default_rng(0), count, 50)
    trace = real.var(axis=0, ddof=1).sum()  # C_f = 4 C_r
    offset = real.mean(axis=0) + 1.0
    sets = [real, 2.0 * real + 1.0]
    for pair in (sets, [metrics.FeatureStatistics().update(x) for x in sets]):
        value = distance(*pair).value
        assert value == pytest.approx(trace + offset @ offset, rel=1e-10)


def test_few_samples_warn():
    x = features(np.random.default_rng(0), 8, 8)
    with pytest.warns(metrics.RankDeficientWarning, match="8 samples do not"):
        metrics.frechet_distance(x, x + 1.0)


def test_order_of_samples_does_not_matter():
    rng = np.random.default_rng(0)
    real, fake = features(rng, 90, 7), features(rng, 80, 7)
    shuffled = distance(rng.permutation(real), rng.permutation(fake))
    assert shuffled.value == pytest.approx(distance(real, fake).value, rel=1e-11)


@settings(max_examples=40, deadline=None)
@given(cuts=st.lists(st.integers(1, 99), max_size=6), offset=st.sampled_from([0, 1e6]))
def test_streaming_and_merging_equal_one_batch(cuts, offset):
    x = features(np.random.default_rng(0), 100, 5) + offset
    parts = [part for part in np.split(x, sorted(cuts)) if len(part)]
    streamed = metrics.FeatureStatistics()
    merged = metrics.FeatureStatistics()
    for part in parts:
        streamed.update(part)
        merged.merge(metrics.FeatureStatistics().update(part))
    for statistics in (streamed, merged):
        assert statistics.count == 100
        np.testing.assert_allclose(statistics.mean, x.mean(axis=0), rtol=1e-10)
        np.testing.assert_allclose(
            statistics.covariance, np.cov(x, rowvar=False), rtol=1e-10, atol=1e-10
        )


def test_float32_features_are_summed_in_float64():
    x = (np.random.default_rng(0).normal(size=(5000, 2)) + 1e3).astype("float32")
    statistics = metrics.FeatureStatistics().update(x)
    np.testing.assert_allclose(statistics.mean, x.astype("float64").mean(0), rtol=1e-13)


def test_statistics_of_other_features_are_refused():
    x = features(np.random.default_rng(0), 30, 4)
    first, second = (
        metrics.FeatureStatistics(metrics.Protocol(features=name)).update(x)
        for name in ("inception", "digits")
    )
    with pytest.raises(ValueError, match="features: 'inception' and 'digits'"):
        first.merge(second)
    with pytest.raises(ValueError, match="features: 'inception' and 'digits'"):
        metrics.frechet_distance(first, second)
