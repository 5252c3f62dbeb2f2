"""Kernel distance: the definition, and its standard error."""

import importlib

import numpy as np
import pytest

from keras_genmod import metrics

pytestmark = pytest.mark.any_backend


def by_definition(real, fake):
    def kernel(x, y):
        return (x @ y.T / x.shape[1] + 1.0) ** 3

    within = 0.0
    for x in (real, fake):
        matrix = kernel(x, x)
        within += (matrix.sum() - np.trace(matrix)) / (len(x) * (len(x) - 1))
    return within - 2.0 * kernel(real, fake).mean()


@pytest.mark.parametrize("sizes", [(3, 2), (40, 70), (1025, 1024)])
def test_all_samples(sizes):
    rng = np.random.default_rng(0)
    real, fake = rng.normal(size=(sizes[0], 5)), rng.normal(size=(sizes[1], 5)) + 0.2
    score = metrics.kernel_distance(real, fake, num_subsets=None)
    np.testing.assert_allclose(score.value, by_definition(real, fake), rtol=1e-11)
    assert score.protocol.subset_size is None and score.protocol.seed is None


def test_one_subset_of_everything_is_the_exact_distance():
    real, fake = np.random.default_rng(0).normal(size=(2, 50, 4))
    whole = metrics.kernel_distance(real, fake, num_subsets=None)
    subset = metrics.kernel_distance(real, fake, num_subsets=1, subset_size=50)
    assert subset.value == pytest.approx(whole.value, abs=1e-12)


def test_jackknife_leaves_out_one_sample_at_a_time():
    rng = np.random.default_rng(0)
    real, fake = rng.normal(size=(12, 3)), rng.normal(size=(9, 3)) + 0.5
    without_real = [by_definition(np.delete(real, i, 0), fake) for i in range(12)]
    without_fake = [by_definition(real, np.delete(fake, i, 0)) for i in range(9)]
    variance = 11 * np.var(without_real) + 8 * np.var(without_fake)
    score = metrics.kernel_distance(real, fake, num_subsets=None)
    assert score.standard_error == pytest.approx(np.sqrt(variance), rel=1e-9)


def test_order_and_blocks_do_not_matter(monkeypatch):
    rng = np.random.default_rng(0)
    real, fake = rng.normal(size=(70, 6)), rng.normal(size=(45, 6)) + 0.1
    before = metrics.kernel_distance(real, fake, num_subsets=None)
    module = importlib.import_module("keras_genmod.metrics.kernel_distance")
    monkeypatch.setattr(module, "_BLOCK", 16)
    after = metrics.kernel_distance(rng.permutation(real), rng.permutation(fake), None)
    assert after.value == pytest.approx(before.value, rel=1e-10)
    assert after.standard_error == pytest.approx(before.standard_error, rel=1e-10)


def test_unbiased_for_equal_distributions():
    rng = np.random.default_rng(0)
    scores = [
        metrics.kernel_distance(*rng.normal(size=(2, 30, 4)), num_subsets=None).value
        for _ in range(200)
    ]
    error = np.std(scores) / np.sqrt(len(scores))
    assert abs(np.mean(scores)) < 4 * error
    assert min(scores) < 0  # not clipped
