"""The waves are those of the formula, and tell neighbouring times apart."""

import keras
import numpy as np
import pytest

from keras_genmod.layers import SinusoidalEmbedding
from keras_genmod.networks import unet

TIMES = np.array([0.0, 0.001, 0.5, 1.0], "float32")


def waves(layer, times=TIMES):
    return keras.ops.convert_to_numpy(layer(times))


def test_waves_equal_the_formula():
    found = waves(SinusoidalEmbedding(6, scale=200.0, longest=1000.0))
    angles = TIMES[:, None] * np.array([200.0, 20.0, 2.0])
    expected = np.concatenate([np.cos(angles), np.sin(angles)], axis=1)
    np.testing.assert_allclose(found, expected, atol=2e-5)


def test_scalar_products_depend_on_differences_alone():
    found = waves(SinusoidalEmbedding(32), np.array([0.1, 0.13, 0.6, 0.63], "float32"))
    products = found @ found.T
    assert products[0, 1] == pytest.approx(products[2, 3], abs=1e-3)
    assert products[0, 0] == pytest.approx(16, abs=1e-4)


def test_half_precision_keeps_neighbouring_times_apart():
    """Float16 has 2,048 numbers from 0.5 to 1, and the waves' phases need more."""
    times = np.array([0.9991, 0.9993], "float32")
    layer = SinusoidalEmbedding(4, dtype="mixed_float16")
    assert keras.backend.standardize_dtype(layer(times).dtype) == "float16"
    np.testing.assert_allclose(
        waves(layer, times)[:, 0], np.cos(1000 * times), atol=1e-3
    )


def test_networks_hand_their_times_over_in_float32():
    before = keras.mixed_precision.dtype_policy()
    keras.mixed_precision.set_dtype_policy("mixed_float16")
    try:
        network = unet((2, 2, 1), 2, (1,), 1)
    finally:
        keras.mixed_precision.set_dtype_policy(before)
    layer = next(x for x in network.layers if isinstance(x, SinusoidalEmbedding))
    times = np.array([0.9991, 0.9993], "float32")
    inside = keras.Model(network.inputs, layer.output)
    found = inside([np.zeros((2, 2, 2, 1), "float32"), times])
    found = keras.ops.convert_to_numpy(found)
    np.testing.assert_allclose(found[:, 0], np.cos(1000 * times), atol=1e-3)


def test_config_round_trip():
    layer = SinusoidalEmbedding(4, scale=2.0, longest=30.0, name="time")
    config = keras.saving.serialize_keras_object(layer)
    assert keras.saving.deserialize_keras_object(config).get_config() == (
        layer.get_config()
    )


@pytest.mark.parametrize("name,value", [("dim", 3), ("scale", 0), ("longest", 1.0)])
def test_bad_argument_is_named(name, value):
    with pytest.raises(ValueError, match=f"`{name}` must be .*Received: {name}="):
        SinusoidalEmbedding(**{"dim": 4, name: value})
