"""Rings, grids and stacked digits: their laws, and what an ideal sampler gets."""

import os

import numpy as np
import pytest
import scipy.stats

from keras_genmod import data, metrics
from keras_genmod.data import mixtures
from keras_genmod.data.mixtures import stacked

pytestmark = pytest.mark.any_backend

MIXTURES = {
    "ring": (data.ring, data.ring_centres(), 0.01),
    "grid": (data.grid, data.grid_centres(), 0.05),
}


def test_centres_are_those_of_the_protocol():
    centres = data.ring_centres()
    np.testing.assert_allclose(np.linalg.norm(centres, axis=1), 1.0, rtol=1e-6)
    np.testing.assert_allclose(centres[[0, 2]], np.eye(2), atol=1e-6)
    assert len(np.unique(centres.round(4), axis=0)) == 8
    assert {tuple(c) for c in data.grid_centres()} == {
        (x, y) for x in (-4, -2, 0, 2, 4) for y in (-4, -2, 0, 2, 4)
    }


@pytest.mark.parametrize("name", MIXTURES)
def test_points_are_normal_about_equally_likely_centres(name):
    draw, centres, deviation = MIXTURES[name]
    x, y = draw(seed=0, num_points=20_000)
    assert x.shape == (20_000, 2) and x.dtype == np.float32
    noise = (x - centres[y]) / deviation
    assert scipy.stats.kstest(noise.ravel(), "norm").pvalue > 1e-3
    assert scipy.stats.chisquare(np.bincount(y)).pvalue > 1e-3
    np.testing.assert_array_equal(draw(seed=0, num_points=20_000)[0], x)
    assert np.any(draw(seed=1, num_points=20_000)[0] != x)


@pytest.mark.parametrize("name", MIXTURES)
def test_ideal_sampler_is_what_the_coverage_prints(name):
    draw, centres, deviation = MIXTURES[name]
    results = [
        metrics.mode_coverage(
            draw(seed, 2_500)[0], centres, 3 * deviation, deviation=deviation
        )
        for seed in range(30)
    ]
    assert results[0].num_modes_found == len(centres)
    share = np.mean([result.high_quality_share for result in results])
    np.testing.assert_allclose(share, results[0].ideal_share, atol=2e-3)
    np.testing.assert_allclose(results[0].ideal_share, 1 - np.exp(-4.5), rtol=1e-9)
    kl = np.mean([result.kl for result in results])
    np.testing.assert_allclose(kl, results[0].ideal_kl, rtol=0.3)
    assert "(98.9%)" in str(results[0])


def test_floors_of_a_thousand_modes_are_the_known_ones():
    labels = np.random.default_rng(0).integers(0, 1000, 26_000)
    result = metrics.mode_coverage(labels, 1000)
    np.testing.assert_allclose(result.ideal_kl, 0.0194, atol=1e-4)
    np.testing.assert_allclose(result.kl, 0.0194, atol=3 * 0.0008)
    assert result.ideal_share == 1.0
    few = metrics.mode_coverage(labels[:10_000], 1000)
    np.testing.assert_allclose(few.ideal_kl, 0.0508, atol=5e-4)
    np.testing.assert_allclose(few.ideal_num_modes, 999.95, atol=0.01)


def test_floor_of_two_modes_is_the_sum_over_all_outcomes():
    # n = 2, p = 1/4: outcomes 2-0, 1-1, 0-2
    labels, p = np.array([0, 1]), np.array([0.25, 0.75])
    found = metrics.mode_coverage(labels, 2, frequencies=p)
    half = 0.5 * np.log(0.5 / p).sum()
    expected = p[0] ** 2 * -np.log(p[0]) + p[1] ** 2 * -np.log(p[1])
    expected += 2 * p[0] * p[1] * half
    np.testing.assert_allclose(found.ideal_kl, expected, rtol=1e-9)
    modes = 2 - 0.75**2 - 0.25**2
    np.testing.assert_allclose(found.ideal_num_modes, modes, rtol=1e-9)


def test_channels_are_digits_and_labels_their_number():
    digits = (np.arange(10) / 10).astype("float32").reshape(10, 1, 1, 1)
    x, y = stacked(np.tile(digits, (1, 2, 2, 1)), np.arange(10), 5_000, seed=0)
    assert x.shape == (5_000, 2, 2, 3) and x.dtype == np.float32
    of_channels = np.rint(10 * x[:, 0, 0]).astype(int)
    np.testing.assert_array_equal(of_channels @ [100, 10, 1], y)
    assert scipy.stats.chisquare(np.bincount(y, minlength=1000)).pvalue > 1e-3
    again, _ = stacked(np.tile(digits, (1, 2, 2, 1)), np.arange(10), 5_000, seed=0)
    np.testing.assert_array_equal(again, x)


def test_digits_are_those_of_both_splits(monkeypatch):
    def load(name, split, data_dir):
        assert (name, data_dir) == ("mnist", "here")
        count, of_test = (3, 0) if split == "train" else (2, 5)
        numbers = np.arange(of_test, of_test + count)
        return (numbers / 10).reshape(count, 1, 1, 1).astype("float32"), numbers

    monkeypatch.setattr(mixtures, "load", load)
    x, y = data.stacked_mnist(seed=0, num_images=200, data_dir="here")
    assert x.shape == (200, 1, 1, 3) and set(y % 10) == {0, 1, 2, 5, 6}
    np.testing.assert_array_equal(np.rint(10 * x[:, 0, 0]) @ [100, 10, 1], y)


@pytest.mark.slow
@pytest.mark.skipif("TFDS_DATA_DIR" not in os.environ, reason="needs prepared MNIST")
def test_digits_are_those_of_mnist():
    x, y = data.stacked_mnist(seed=0, num_images=20)
    assert x.shape == (20, 28, 28, 3) and x.min() >= 0 and x.max() <= 1
    digits, labels = data.load("mnist", "train")
    chosen = np.random.RandomState(0).randint(0, 70_000, (20, 3))
    row, channel = np.argwhere(chosen < 60_000)[0]
    digit = chosen[row, channel]
    np.testing.assert_array_equal(x[row, ..., channel], digits[digit, ..., 0])
    assert y[row] // 10 ** (2 - channel) % 10 == labels[digit]


@pytest.mark.parametrize(
    "call,name",
    [
        (lambda: data.ring(num_points=0), "num_points"),
        (lambda: data.ring(deviation=0.0), "deviation"),
        (lambda: data.ring_centres(0), "num_modes"),
        (lambda: data.ring_centres(8, -1.0), "radius"),
        (lambda: data.grid(seed=-1), "seed"),
        (lambda: data.grid_centres(0), "side"),
        (lambda: data.grid_centres(5, 0.0), "spacing"),
        (lambda: data.stacked_mnist(num_images=0), "num_images"),
        (lambda: data.stacked_mnist(seed=-1), "seed"),
        (lambda: metrics.mode_coverage([1, 2], 3, deviation=0.1), "deviation"),
        (
            lambda: metrics.mode_coverage(
                np.zeros((3, 2)), np.zeros((1, 2)), 1.0, deviation=0.0
            ),
            "deviation",
        ),
    ],
)
def test_bad_argument_is_named(call, name):
    with pytest.raises(ValueError, match=f"`{name}` must .*Received: "):
        call()
