"""Draws have the moments asked for, and gradients that pass through them."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_genmod.layers import GaussianSampling
from tests.autodiff import gradient

MEAN = np.array([[-1.0, 0.0, 5.0]], "float32")
LOG_VAR = np.array([[-4.0, 0.0, 1.0]], "float32")


def draw(layer, num_draws):
    rows = [np.repeat(x, num_draws, axis=0) for x in (MEAN, LOG_VAR)]
    return ops.convert_to_numpy(layer(rows))


def test_draws_have_mean_and_variance():
    z = draw(GaussianSampling(seed=0), 40_000)
    deviation = np.exp(LOG_VAR[0] / 2)
    np.testing.assert_allclose((z.mean(0) - MEAN[0]) / deviation, 0.0, atol=0.02)
    np.testing.assert_allclose(z.std(0) / deviation, 1.0, atol=0.02)
    correlations = np.corrcoef(z.T) - np.eye(3)
    np.testing.assert_allclose(correlations, 0.0, atol=0.02)


def test_calls_draw_anew_and_a_seed_repeats_the_stream():
    layer, twin = GaussianSampling(seed=3), GaussianSampling(seed=3)
    first, second = draw(layer, 4), draw(layer, 4)
    assert np.all(first != second)
    np.testing.assert_array_equal(draw(twin, 4), first)
    np.testing.assert_array_equal(draw(twin, 4), second)


def test_gradient_is_that_of_the_reparameterization():
    # dz/dmean = 1, dz/dlog_var = (z - mean) / 2
    stacked = np.stack([MEAN, LOG_VAR])
    z = draw(GaussianSampling(seed=5), 1)

    def summed(inputs):
        return ops.sum(GaussianSampling(seed=5)((inputs[0], inputs[1])))

    found = gradient(summed, stacked)
    np.testing.assert_allclose(found[0], np.ones((1, 3)))
    np.testing.assert_allclose(found[1], 0.5 * (z - MEAN), rtol=1e-5)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_draws_are_float32_under_every_policy(policy):
    z = GaussianSampling(seed=0, dtype=policy)((MEAN, LOG_VAR))
    assert keras.backend.standardize_dtype(z.dtype) == "float32"


def test_config_round_trip():
    layer = GaussianSampling(seed=7)
    assert GaussianSampling.from_config(layer.get_config()).seed == 7
