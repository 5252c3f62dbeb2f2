"""Weight normalization, and that no data start it at infinity or NaN."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_genmod.layers import (
    MaskedConv2D,
    ShiftedConv2D,
    ShiftedConv2DTranspose,
    WeightNormalization,
)
from tests.autodiff import gradients

IMAGES = np.random.default_rng(0).normal(2.0, 3.0, size=(8, 4, 4, 2)).astype("float32")
KINDS = {
    "conv": lambda: ShiftedConv2D(3, (2, 3), "down", use_bias=False),
    "back": lambda: ShiftedConv2DTranspose(3, "down", use_bias=False),
}


def numpy(x):
    return ops.convert_to_numpy(x)


def made(kind="conv", **kwargs):
    layer = WeightNormalization(KINDS[kind](), **kwargs)
    layer.build((None, 4, 4, 2))
    return layer


@pytest.mark.parametrize("kind", KINDS)
def test_kernel_has_the_length_of_the_scale(kind):
    layer = made(kind)
    layer.scale.assign([1.0, 2.0, -3.0])
    layer.bias.assign([0.1, 0.2, 0.3])
    direction = numpy(layer.layer.kernel)
    length = np.sqrt((direction**2).sum((0, 1, 2)))
    kernel = ops.convert_to_tensor(direction * np.array([1, 2, -3]) / length, "float32")
    expected = numpy(layer.layer.convolve(ops.convert_to_tensor(IMAGES), kernel))
    np.testing.assert_allclose(
        numpy(layer(IMAGES)), expected + [0.1, 0.2, 0.3], rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("deviation", [1.0, 0.1])
def test_outputs_start_with_mean_zero_and_the_deviation(kind, deviation):
    layer = made(kind, initial_deviation=deviation)
    layer.initialize(ops.convert_to_tensor(IMAGES))
    outputs = numpy(layer(IMAGES))
    np.testing.assert_allclose(outputs.mean((0, 1, 2)), 0, atol=1e-4 * deviation)
    np.testing.assert_allclose(outputs.std((0, 1, 2)), deviation, rtol=1e-3)


@pytest.mark.parametrize("value", [0.0, 1.0, 1e4, np.inf, np.nan])
def test_constant_and_infinite_data_leave_the_scale(value):
    layer = made("back")
    layer.initialize(ops.full((4, 4, 4, 2), value))
    assert np.all(np.isfinite(numpy(layer(IMAGES))))
    assert np.all(np.abs(numpy(layer.scale)) <= 1e3)
    if not np.isfinite(value) or value == 0:
        np.testing.assert_array_equal(numpy(layer.scale), 1)


def test_a_feature_without_variance_keeps_its_scale():
    layer = made()
    kernel = numpy(layer.layer.kernel)
    kernel[..., 1] = 0
    layer.layer.kernel.assign(kernel)
    layer.initialize(ops.convert_to_tensor(IMAGES))
    assert numpy(layer.scale)[1] == 1 and numpy(layer.scale)[0] != 1
    outputs = numpy(layer(IMAGES))
    assert np.all(np.isfinite(outputs)) and np.all(outputs[..., 1] == 0)
    variables = layer.trainable_variables
    for found in gradients(lambda: ops.sum(layer(IMAGES) ** 2), variables):
        assert np.all(np.isfinite(found))


def test_gradients_are_orthogonal_to_the_direction():
    layer = made()
    kernel = layer.layer.kernel
    (found,) = gradients(lambda: ops.sum(layer(IMAGES) ** 2), [kernel])
    along = (found * numpy(kernel)).sum((0, 1, 2))
    np.testing.assert_allclose(along, 0, atol=1e-4 * np.abs(found).sum())


def test_half_precision_normalises_in_float32():
    full, half = made(), made(dtype="mixed_bfloat16")
    half.set_weights(full.get_weights())
    outputs = half(IMAGES)
    assert keras.backend.standardize_dtype(outputs.dtype) == "bfloat16"
    np.testing.assert_allclose(
        numpy(ops.cast(outputs, "float32")), numpy(full(IMAGES)), atol=0.2
    )


def test_config_round_trip():
    layer = made(initial_deviation=0.1)
    config = keras.saving.serialize_keras_object(layer)
    copy = keras.saving.deserialize_keras_object(config)
    assert copy.get_config() == layer.get_config()


@pytest.mark.parametrize(
    "layer", [MaskedConv2D(2, 3, "A"), ShiftedConv2D(2, (2, 3), "down")]
)
def test_other_layers_are_refused(layer):
    with pytest.raises(ValueError, match="`layer` must be .*use_bias.*Received"):
        WeightNormalization(layer)
