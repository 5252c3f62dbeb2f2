"""Dequantized values stay in their level, uniformly."""

import numpy as np
import pytest

from keras_genmod.data import dequantize

pytestmark = pytest.mark.any_backend


def levels(num_levels, repeats=1):
    k = np.tile(np.arange(num_levels), repeats)
    return k, (k / (num_levels - 1)).astype("float32")


@pytest.mark.parametrize("num_levels", [2, 4, 256])
def test_values_stay_in_their_level(num_levels):
    k, x = levels(num_levels, repeats=20_000 // num_levels)
    z = dequantize(x, num_levels, seed=0)
    assert z.dtype == "float32" and z.min() >= 0 and z.max() < 1
    np.testing.assert_array_equal(np.floor(z * num_levels), k)


def test_noise_is_uniform_inside_a_level():
    k, x = levels(4, repeats=20_000)
    noise = dequantize(x, 4, seed=0) * 4 - k
    quantiles = np.quantile(noise, [0.1, 0.5, 0.9])
    np.testing.assert_allclose(quantiles, [0.1, 0.5, 0.9], atol=0.01)


def test_seed_repeats_the_noise():
    _, x = levels(256)
    np.testing.assert_array_equal(dequantize(x, seed=1), dequantize(x, seed=1))


@pytest.mark.parametrize("seed", [2, None])
def test_another_seed_gives_other_noise(seed):
    _, x = levels(256)
    assert np.any(dequantize(x, seed=1) != dequantize(x, seed=seed))


@pytest.mark.parametrize(
    "arguments,name",
    [
        ({"num_levels": 1}, "num_levels"),
        ({"num_levels": 2.0}, "num_levels"),
        ({"num_levels": 17}, "x"),
        ({"seed": -1}, "seed"),
    ],
)
def test_bad_argument_is_named(arguments, name):
    _, x = levels(256)
    with pytest.raises(ValueError, match=f"`{name}` must .*Received"):
        dequantize(x, **arguments)
