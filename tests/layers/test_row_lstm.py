"""The Row LSTM against its equations, pixel by pixel."""

import itertools

import keras
import numpy as np
import pytest
from keras import ops

from keras_genmod.layers import RowLSTM

KINDS = [(4, 3, 1), (4, 1, 2), (6, 5, 3)]  # filters, kernel size, channels
# Keras casts to float32 for `ops.tanh` on JAX.
ATOL = 1e-6 if keras.backend.backend() == "jax" else 1e-12


def make(filters, kernel_size, num_channels, num_inputs=6, **kwargs):
    layer = RowLSTM(filters, kernel_size, num_channels, **kwargs)
    layer.build((None, 3, 4, num_inputs))
    rng = np.random.default_rng(0)
    values = [
        w if w.ndim > 1 else rng.normal(size=w.shape) for w in layer.get_weights()
    ]
    layer.set_weights(values)
    return layer


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def images(num_inputs=6):
    return np.random.default_rng(1).normal(size=(2, 3, 4, num_inputs))


def gates_of(flat, num_channels):
    """Returns o, f, i, g; the convolution keeps those of a group together."""
    groups = np.split(flat, num_channels)
    return np.concatenate([np.reshape(group, (4, -1)) for group in groups], axis=1)


def plain(layer, x):
    """Returns the layer's output for one image, by loops over its pixels."""
    state_kernel = np.array(ops.convert_to_numpy(layer.state_kernel))
    kernel = np.array(ops.convert_to_numpy(layer.input_to_state.kernel))
    bias = np.array(ops.convert_to_numpy(layer.input_to_state.bias))
    state_kernel = state_kernel.reshape(layer.kernel_size, layer.filters, -1)
    height, width, _ = x.shape
    hidden, cell = np.zeros((2, height, width, layer.filters))
    for r, c in itertools.product(range(height), range(width)):
        inputs, states = bias.copy(), 0.0
        for tap in range(layer.kernel_size):
            near = c + tap - layer.kernel_size // 2
            if 0 <= near < width:
                inputs += x[r, near] @ kernel[0, tap]
                if r > 0:
                    states += hidden[r - 1, near] @ state_kernel[tap]
        gates = gates_of(inputs, layer.num_channels)
        gates += np.reshape(states, (4, -1)) if r > 0 else 0.0
        o, f, i, g = gates
        before = cell[r - 1, c] if r > 0 else 0.0
        cell[r, c] = sigmoid(f) * before + sigmoid(i) * np.tanh(g)
        hidden[r, c] = sigmoid(o) * np.tanh(cell[r, c])
    return hidden


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
    steps = layer.incremental(batch_size=2, width=4)
    cache, outputs = steps.init_cache(), np.zeros((2, 3, 4, kind[0]))
    for r in range(3):
        cache = steps.prefill(cache)
        for c in range(4):
            for pixel in (0 * x[:, r, c], x[:, r, c]):  # the last visit counts
                output, cache = steps.step(ops.convert_to_tensor(pixel), cache, c)
            outputs[:, r, c] = ops.convert_to_numpy(output)
    np.testing.assert_allclose(ops.convert_to_numpy(layer(x)), outputs, atol=ATOL)


def test_it_sees_a_triangle_and_the_groups_before_its_own(float64):
    layer = make(6, 3, 3)
    x = images()[0]
    places = list(itertools.product(range(4), range(3)))
    others = np.stack([x] * (len(places) + 1))
    for other, (d, group) in zip(others, places, strict=False):
        other[0, d, 2 * group : 2 * group + 2] += 1.0
    outputs = ops.convert_to_numpy(layer(others))
    for changed, (d, group) in zip(outputs != outputs[-1], places, strict=False):
        for r, c, g in itertools.product(range(3), range(4), range(3)):
            left = r == 0 and d == c - 1
            here = r == 0 and d == c and group <= g
            # The row above shows r pixels on each side, and one more on the left.
            above = r > 0 and c - r - 1 <= d <= c + r
            sees = left or here or above
            assert np.all(changed[r, c, 2 * g : 2 * g + 2] == sees)


def test_half_precision_keeps_states_in_float32():
    layer = make(4, 3, 1)
    half = make(4, 3, 1, dtype="mixed_bfloat16")
    half.set_weights(layer.get_weights())
    x = images().astype("float32")
    outputs = half(x)
    assert keras.backend.standardize_dtype(outputs.dtype) == "bfloat16"
    outputs = ops.convert_to_numpy(ops.cast(outputs, "float32"))
    np.testing.assert_allclose(outputs, ops.convert_to_numpy(layer(x)), atol=0.03)
    cache = half.incremental(2, 4).init_cache()[1]
    assert {keras.backend.standardize_dtype(t.dtype) for t in cache} == {"float32"}


def test_forget_gates_start_open():
    layer = RowLSTM(6, num_channels=3)
    layer.build((None, 3, 4, 6))
    bias = np.array(ops.convert_to_numpy(layer.input_to_state.bias))
    np.testing.assert_array_equal(gates_of(bias, 3), np.eye(4)[1][:, None].repeat(6, 1))


def test_config_round_trip():
    layer = make(6, 5, 3)
    config = keras.saving.serialize_keras_object(layer)
    copy = keras.saving.deserialize_keras_object(config)
    assert copy.get_config() == layer.get_config()
    outputs = copy(keras.KerasTensor((None, 3, 4, 4)))
    assert outputs.shape == (None, 3, 4, 6)


@pytest.mark.parametrize(
    "arguments,name",
    [
        ({"filters": 0}, "filters"),
        ({"filters": 4, "num_channels": 3}, "filters"),
        ({"filters": 4, "kernel_size": 2}, "kernel_size"),
    ],
)
def test_bad_argument_is_named(arguments, name):
    with pytest.raises(ValueError, match=f"`{name}` must be .*Received"):
        RowLSTM(**arguments)
