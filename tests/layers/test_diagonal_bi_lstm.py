"""The Diagonal BiLSTM against its equations, pixel by pixel, and skewed maps."""

import itertools

import keras
import numpy as np
import pytest
from keras import ops

from keras_genmod.layers import DiagonalBiLSTM
from keras_genmod.layers.skewing import skew, unskew

KINDS = [(4, 1), (6, 3)]  # filters, channels
HEIGHT, WIDTH = 4, 3
# Keras casts to float32 for `ops.tanh` on JAX.
ATOL = 1e-6 if keras.backend.backend() == "jax" else 1e-12


def make(filters, num_channels, num_inputs=6, **kwargs):
    layer = DiagonalBiLSTM(filters, num_channels, **kwargs)
    layer.build((None, HEIGHT, WIDTH, num_inputs))
    rng = np.random.default_rng(0)
    values = [
        w if w.ndim > 1 else rng.normal(size=w.shape) for w in layer.get_weights()
    ]
    layer.set_weights(values)
    return layer


def images(num_inputs=6):
    return np.random.default_rng(1).normal(size=(2, HEIGHT, WIDTH, num_inputs))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def from_left(gates, kernel):
    """Returns one direction's states from what the inputs give to its gates."""
    height, width, _, filters = gates.shape
    hidden, cell = np.zeros((2, height + 1, width + 1, filters))  # and zeros before
    for r, c in itertools.product(range(height), range(width)):
        states = np.concatenate([hidden[r, c + 1], hidden[r + 1, c]]) @ kernel
        o, f, i, g = gates[r, c] + states.reshape(4, filters)
        cell[r + 1, c + 1] = sigmoid(f) * cell[r + 1, c] + sigmoid(i) * np.tanh(g)
        hidden[r + 1, c + 1] = sigmoid(o) * np.tanh(cell[r + 1, c + 1])
    return hidden[1:, 1:]


def plain(layer, x):
    """Returns the layer's output for one image, by loops over its pixels."""
    kernel = np.array(ops.convert_to_numpy(layer.input_to_state.kernel))[0, 0]
    bias = np.array(ops.convert_to_numpy(layer.input_to_state.bias))
    state_kernel = np.array(ops.convert_to_numpy(layer.state_kernel))
    # The convolution keeps all gates of a group together.
    groups = np.split(x @ kernel + bias, layer.num_channels, axis=-1)
    gates = [np.reshape(group, (*x.shape[:2], 2, 4, -1)) for group in groups]
    gates = np.concatenate(gates, axis=-1)
    left = from_left(gates[:, :, 0], state_kernel[0])
    right = from_left(gates[:, ::-1, 1], state_kernel[1])[:, ::-1]
    shifted = np.concatenate([np.zeros_like(right[:1]), right[:-1]])
    return left + shifted


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_it_follows_its_equations(kind, float64):
    layer = make(*kind)
    x = images()
    expected = np.stack([plain(layer, image) for image in x])
    np.testing.assert_allclose(ops.convert_to_numpy(layer(x)), expected, atol=ATOL)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_one_pixel_at_a_time_it_is_the_same(kind, float64):
    layer = make(*kind)
    x = images()
    steps = layer.incremental(batch_size=2, width=WIDTH)
    cache, outputs = steps.init_cache(), np.zeros((2, HEIGHT, WIDTH, kind[0]))
    for r in range(HEIGHT):
        cache = steps.prefill(cache)
        for c in range(WIDTH):
            for pixel in (0 * x[:, r, c], x[:, r, c]):  # the last visit counts
                output, cache = steps.step(ops.convert_to_tensor(pixel), cache, c)
            outputs[:, r, c] = ops.convert_to_numpy(output)
    np.testing.assert_allclose(ops.convert_to_numpy(layer(x)), outputs, atol=ATOL)


def test_it_sees_all_pixels_before_and_the_groups_before_its_own(float64):
    layer = make(6, 3)
    x = images()[0]
    places = list(itertools.product(range(HEIGHT), range(WIDTH), range(3)))
    others = np.stack([x] * (len(places) + 1))
    for other, (s, d, group) in zip(others, places, strict=False):
        other[s, d, 2 * group : 2 * group + 2] += 1.0
    outputs = ops.convert_to_numpy(layer(others))
    for changed, (s, d, group) in zip(outputs != outputs[-1], places, strict=False):
        for r, c, g in places:
            sees = (s, d) < (r, c) or ((s, d) == (r, c) and group <= g)
            assert np.all(changed[r, c, 2 * g : 2 * g + 2] == sees)


def test_half_precision_keeps_states_in_float32():
    layer = make(4, 1)
    half = make(4, 1, dtype="mixed_bfloat16")
    half.set_weights(layer.get_weights())
    x = images().astype("float32")
    outputs = half(x)
    assert keras.backend.standardize_dtype(outputs.dtype) == "bfloat16"
    outputs = ops.convert_to_numpy(ops.cast(outputs, "float32"))
    np.testing.assert_allclose(outputs, ops.convert_to_numpy(layer(x)), atol=0.03)
    cache = half.incremental(2, WIDTH).init_cache()
    assert {keras.backend.standardize_dtype(t.dtype) for t in cache} == {"float32"}


def test_config_round_trip():
    layer = make(6, 3)
    config = keras.saving.serialize_keras_object(layer)
    copy = keras.saving.deserialize_keras_object(config)
    assert copy.get_config() == layer.get_config()
    outputs = copy(keras.KerasTensor((None, HEIGHT, WIDTH, 4)))
    assert outputs.shape == (None, HEIGHT, WIDTH, 6)


@pytest.mark.parametrize("filters,num_channels", [(0, 1), (4, 3), (True, 1)])
def test_bad_argument_is_named(filters, num_channels):
    with pytest.raises(ValueError, match="`filters` must be .*Received"):
        DiagonalBiLSTM(filters, num_channels)


@pytest.mark.parametrize(
    "shape", [(2, 3, 4, 2), (1, 4, 2, 1), (1, 1, 3, 1), (1, 3, 1, 1)]
)
def test_skewed_maps_have_diagonals_for_columns_and_come_back(shape):
    x = np.random.default_rng(0).normal(size=shape).astype("float32")
    skewed = ops.convert_to_numpy(skew(ops.convert_to_tensor(x)))
    _, height, width, _ = shape
    expected = np.zeros((shape[0], height, height + width - 1, shape[3]), "float32")
    for r in range(height):
        expected[:, r, r : r + width] = x[:, r]
    np.testing.assert_array_equal(skewed, expected)
    again = ops.convert_to_numpy(unskew(ops.convert_to_tensor(skewed)))
    np.testing.assert_array_equal(again, x)
