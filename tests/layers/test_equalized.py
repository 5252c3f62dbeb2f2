"""Layers of progressive GANs: scaled weights, unit pixels, variation of a batch."""

import math

import keras
import numpy as np
import pytest
from keras import ops

from keras_genmod.layers import (
    EqualizedConv2D,
    EqualizedDense,
    MinibatchStandardDeviation,
    PixelNormalization,
)

MADE = {
    "dense": (lambda **kw: EqualizedDense(7, **kw), (50,), 50),
    "convolution": (lambda **kw: EqualizedConv2D(5, (3, 5), **kw), (6, 8, 4), 60),
}


def run(layer, x):
    return ops.convert_to_numpy(layer(ops.convert_to_tensor(x, "float32")))


@pytest.mark.parametrize("name", MADE)
def test_outputs_start_with_the_variance_of_the_gain(name, rng):
    make, shape, _ = MADE[name]
    keras.utils.set_random_seed(0)
    x = rng.standard_normal((200, *shape))
    for gain in (1.0, math.sqrt(2.0)):
        layers = [make(gain=gain, **_valid(name)) for _ in range(20)]
        variance = np.mean([run(layer, x).var() for layer in layers])
        np.testing.assert_allclose(variance, gain**2, rtol=0.1)


def _valid(name):
    return {"padding": "valid"} if name == "convolution" else {}


@pytest.mark.parametrize("name", MADE)
def test_kernel_is_scaled_where_it_is_used_and_not_where_it_starts(name):
    make, shape, inputs = MADE[name]
    layer = make(gain=3.0)
    layer.build((None, *shape))
    stored = layer.trainable_variables[0]
    np.testing.assert_allclose(stored.numpy().std(), 1.0, rtol=0.15)
    # A step of length e on the weight moves the kernel by e c, whatever its size.
    before = ops.convert_to_numpy(layer.kernel)
    stored.assign(stored + 0.1)
    moved = ops.convert_to_numpy(layer.kernel) - before
    np.testing.assert_allclose(moved, 0.1 * 3.0 / math.sqrt(inputs), rtol=1e-3)


@pytest.mark.parametrize("name", MADE)
def test_files_keep_the_weight_that_is_stored(name, tmp_path, rng):
    make, shape, _ = MADE[name]
    models = [keras.Sequential([keras.Input(shape), make()]) for _ in range(2)]
    models[0].save_weights(tmp_path / "a.weights.h5")
    models[1].load_weights(tmp_path / "a.weights.h5")
    x = rng.standard_normal((2, *shape))
    np.testing.assert_array_equal(*(run(model, x) for model in models))


def test_convolution_keeps_the_size_of_images_and_equals_a_sum(rng):
    layer = EqualizedConv2D(2, 3, gain=1.0)
    x = rng.standard_normal((1, 4, 5, 3)).astype("float32")
    outputs = run(layer, x)
    assert outputs.shape == (1, 4, 5, 2)
    kernel = layer.get_weights()[0] / math.sqrt(27)
    expected = np.einsum("hwi,hwio->o", x[0, 1:4, 2:5], kernel)
    np.testing.assert_allclose(outputs[0, 2, 3], expected, rtol=1e-4, atol=1e-5)


def test_multiplier_slows_weights_and_biases_and_changes_no_output(rng):
    layer = EqualizedDense(3, gain=1.0, learning_rate_multiplier=0.01)
    layer.build((None, 400))
    weight, bias = layer.trainable_variables
    np.testing.assert_allclose(weight.numpy().std(), 100.0, rtol=0.1)
    x = rng.standard_normal((4, 400)).astype("float32")
    bias.assign([100.0, 0.0, -200.0])
    expected = x @ weight.numpy() * 0.01 / 20 + [1.0, 0.0, -2.0]
    np.testing.assert_allclose(run(layer, x), expected, rtol=1e-4, atol=1e-4)


def test_pixels_have_a_mean_square_of_one(rng):
    x = 5 * rng.standard_normal((3, 4, 2, 6))
    found = run(PixelNormalization(), x)
    np.testing.assert_allclose((found**2).mean(axis=-1), 1.0, rtol=1e-5)
    expected = x / np.sqrt((x**2).mean(axis=-1, keepdims=True))
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert not np.any(run(PixelNormalization(), np.zeros((1, 3))))


def test_half_precision_pixels_do_not_overflow():
    layer = PixelNormalization(dtype="mixed_float16")
    found = ops.convert_to_numpy(layer(np.full((1, 4), 3e4, "float32")))
    np.testing.assert_allclose(found, 1.0, rtol=1e-3)


@pytest.mark.every_backend
def test_deviations_of_groups_are_those_by_hand():
    # Groups are 0, 3, 6, 9; 1, 4, 7, 10; 2, 5, 8, 11; the divisor is n.
    x = np.array([0, 0, 0, 0, 1, 2, 3, 4, 100, 200, 300, 400.0]).reshape(12, 1, 1, 1)
    found = run(MinibatchStandardDeviation(), x)
    assert found.shape == (12, 1, 1, 2)
    np.testing.assert_array_equal(found[..., 0], x[..., 0])
    by_hand = np.tile([86.178, 129.191, 163.557], 4)
    np.testing.assert_allclose(found[:, 0, 0, 1], by_hand, rtol=1e-5)


@pytest.mark.parametrize("batch", [1, 3, 8, 13])
def test_map_is_the_mean_over_pixels_of_each_group_of_any_batch(batch, rng):
    x = rng.standard_normal((batch, 2, 3, 4)).astype("float32")
    found = run(MinibatchStandardDeviation(4), x)[..., -1]
    groups = np.arange(batch) % max(1, batch // 4)
    expected = np.array([x[groups == group].std(axis=0).mean() for group in groups])
    expected = np.broadcast_to(expected[:, None, None], found.shape)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=2e-4)


def test_batch_of_unknown_size_compiles(rng):
    inputs = keras.Input((2, 2, 1))
    model = keras.Model(inputs, MinibatchStandardDeviation(2)(inputs))
    assert model.output_shape == (None, 2, 2, 2)
    x = rng.standard_normal((5, 2, 2, 1)).astype("float32")
    found = model.predict(x, batch_size=3, verbose=0)
    expected = np.concatenate([run(model, x[:3]), run(model, x[3:])])
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize(
    "layer",
    [
        PixelNormalization(1e-6, name="a"),
        MinibatchStandardDeviation(8, name="b"),
        EqualizedDense(3, 1.0, 0.5, use_bias=False, activation="relu", name="c"),
        EqualizedConv2D(3, 2, 1.0, "valid", strides=2, name="d"),
    ],
)
def test_config_round_trip(layer):
    config = keras.saving.serialize_keras_object(layer)
    again = keras.saving.deserialize_keras_object(config)
    assert again.get_config() == layer.get_config()
