"""Finite scalars are numbered one to one; Gumbel draws follow their logits."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_genmod.layers import FiniteScalarQuantizer, GumbelQuantizer
from tests.autodiff import gradient

LEVELS = [(2,), (3, 2), (4, 3), (5, 2, 2), (6, 5), (7, 3), (8, 6, 5), (8, 5, 5, 5)]


@pytest.mark.parametrize("levels", LEVELS)
def test_codes_and_vectors_are_one_to_one(levels):
    layer = FiniteScalarQuantizer(levels)
    codes = np.arange(layer.num_codes, dtype="int32")
    vectors = ops.convert_to_numpy(layer.lookup(codes))
    assert vectors.shape == (np.prod(levels), len(levels))
    assert len(np.unique(vectors, axis=0)) == len(codes)
    # Features that are quantized to each of these vectors: wide, to reach the ends.
    sizes = np.array(levels)
    digits = codes[:, None] // np.cumprod([1, *levels[:-1]]) % sizes
    even = sizes % 2 == 0
    half, centered = (sizes - 1) / 2, digits - sizes // 2 + 0.5 * even
    shift = np.where(even & (sizes > 2), 0.5 / (0.999 * half), 0.0)
    features = np.arctanh(np.clip(centered / half, -0.999, 0.999)) - np.arctanh(shift)
    found = layer(features.astype("float32"))
    np.testing.assert_array_equal(ops.convert_to_numpy(found["codes"]), codes)
    np.testing.assert_allclose(
        ops.convert_to_numpy(found["quantized"]), vectors, atol=1e-6
    )


@pytest.mark.parametrize("num_levels", range(2, 9))
def test_every_level_is_reached_and_no_other(num_levels):
    layer = FiniteScalarQuantizer((num_levels,))
    z = np.concatenate([np.linspace(-6, 6, 2001), [-1e4, 1e4]])[:, None]
    found = layer(z.astype("float32"))
    codes = ops.convert_to_numpy(found["codes"])
    np.testing.assert_array_equal(np.unique(codes), np.arange(num_levels))
    assert np.all(np.diff(codes[:-2]) >= 0)
    values = ops.convert_to_numpy(found["quantized"])
    assert np.abs(values).max() <= 1.0
    if num_levels > 2:  # 0 is a level; with two it is the border between them
        centre = layer(np.zeros((1, 1), "float32"))["quantized"]
        np.testing.assert_allclose(ops.convert_to_numpy(centre), 0.0, atol=1e-6)


@pytest.mark.parametrize("num_levels", [2, 3, 8])
def test_finite_scalars_have_a_slope_at_the_origin(num_levels):
    layer = FiniteScalarQuantizer((num_levels,))
    z = np.zeros((2, 1), "float32")
    slope = gradient(lambda z: ops.sum(layer(z)["quantized"]), z)
    assert np.all(slope > 0.4) and np.all(slope < 1.1)


def test_codes_of_half_precision_features_are_exact_above_256():
    # bfloat16 knows every second integer above 256 alone.
    layer = FiniteScalarQuantizer((8, 5, 5, 5), dtype="mixed_bfloat16")
    features = np.random.default_rng(0).normal(0, 2, (500, 4)).astype("float32")
    half = ops.cast(ops.convert_to_tensor(features), "bfloat16")
    found = ops.convert_to_numpy(layer(half)["codes"])
    plain = FiniteScalarQuantizer((8, 5, 5, 5))(ops.cast(half, "float32"))
    np.testing.assert_array_equal(found, ops.convert_to_numpy(plain["codes"]))
    assert len(np.unique(found[found > 256] % 2)) == 2


def test_finite_scalars_have_no_loss_and_no_weights():
    layer = FiniteScalarQuantizer((4, 3), dtype="mixed_bfloat16")
    found = layer(np.ones((3, 5, 2), "float32"))
    np.testing.assert_array_equal(ops.convert_to_numpy(found["loss"]), np.zeros(3))
    assert not layer.variables and found["codes"].shape == (3, 5)
    config = layer.get_config()
    assert FiniteScalarQuantizer.from_config(config).get_config() == config


@pytest.mark.parametrize("levels", [(1, 3), (2**13, 2**12)])
def test_levels_are_checked(levels):
    with pytest.raises(ValueError, match="`levels` must be at least 2 each"):
        FiniteScalarQuantizer(levels)


def test_gumbel_draws_follow_the_logits():
    layer = GumbelQuantizer(3, 2, hard=True, seed=0)
    chances = np.array([0.6, 0.3, 0.1])
    logits = np.tile(np.log(chances).astype("float32"), (20_000, 1))
    found = layer(logits, training=True)
    codes = ops.convert_to_numpy(found["codes"])
    shares = np.bincount(codes, minlength=3) / len(codes)
    np.testing.assert_allclose(shares, chances, atol=0.015)
    np.testing.assert_allclose(
        ops.convert_to_numpy(found["quantized"]),
        ops.convert_to_numpy(layer.codebook)[codes],
        atol=1e-5,
    )


def test_gumbel_mixtures_become_draws_as_the_temperature_falls():
    layer, logits = GumbelQuantizer(4, 4, seed=0), np.zeros((500, 4), "float32")
    layer.codebook.assign(np.eye(4))
    largest = []
    for temperature in (5.0, 1.0, 1e-3):
        layer.temperature.assign(temperature)
        mixture = ops.convert_to_numpy(layer(logits, training=True)["quantized"])
        np.testing.assert_allclose(mixture.sum(-1), 1.0, rtol=1e-5)
        largest.append(mixture.max(-1).mean())
    assert largest[0] < 0.5 < largest[1] < 0.99 < largest[2]


def test_gumbel_takes_the_likeliest_code_in_evaluation():
    layer = GumbelQuantizer(3, 2, seed=0)
    logits = np.array([[[0.0, 2.0, 1.0], [3.0, 0.0, 1.0]]], "float32")
    found = layer(logits)
    np.testing.assert_array_equal(ops.convert_to_numpy(found["codes"]), [[1, 0]])
    vectors = ops.convert_to_numpy(layer.lookup(found["codes"]))
    np.testing.assert_allclose(ops.convert_to_numpy(found["quantized"]), vectors)


def test_gumbel_loss_is_the_divergence_from_uniform_codes():
    layer = GumbelQuantizer(3, 2, kl_weight=2.0)
    logits = np.array([[[0.0, 0.0, 0.0]], [[90.0, 0.0, 0.0]]], "float32")
    loss = ops.convert_to_numpy(layer(logits)["loss"])
    np.testing.assert_allclose(loss, [0.0, 2 * np.log(3.0)], atol=1e-5)


@pytest.mark.parametrize("hard", [False, True])
def test_gumbel_gradients_reach_the_logits_also_where_draws_are_hard(hard):
    layer = GumbelQuantizer(3, 2, kl_weight=0.0, hard=hard, seed=0)
    logits = np.array([[0.5, 0.0, -0.5]], "float32")
    found = gradient(lambda x: ops.sum(layer(x, training=True)["quantized"]), logits)
    assert np.all(found != 0) and abs(found.sum()) < 1e-5


def test_gumbel_config_round_trip():
    layer = GumbelQuantizer(3, 2, 0.5, 0.1, True, seed=4, dtype="mixed_float16")
    config = layer.get_config()
    assert GumbelQuantizer.from_config(config).get_config() == config
    found = layer(np.zeros((2, 3), "float32"), training=True)
    assert keras.backend.standardize_dtype(found["quantized"].dtype) == "float32"
