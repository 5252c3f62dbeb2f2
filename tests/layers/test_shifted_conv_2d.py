"""Shifted convolutions and their way back, against loops over taps, step by step."""

import itertools

import keras
import numpy as np
import pytest
from keras import ops

from keras_genmod.layers import ShiftedConv2D, ShiftedConv2DTranspose

CASES = [
    ((2, 3), "down", "A", 1),
    ((1, 3), "down", "A", 1),
    ((2, 3), "down", "B", 1),
    ((2, 3), "down", "B", 2),
    ((3, 5), "down", "B", 1),
    ((2, 1), "down_right", "A", 1),
    ((2, 2), "down_right", "B", 1),
    ((2, 2), "down_right", "B", 2),
    ((3, 3), "down_right", "A", 1),
    ((1, 1), "down_right", "B", 1),
]


def numpy(x):
    return ops.convert_to_numpy(x)


def made(layer, inputs):
    """Builds a layer with the same random weights on every backend."""
    layer.build((None, None, None, inputs))
    rng = np.random.default_rng(0)
    layer.set_weights([rng.normal(size=w.shape) for w in layer.get_weights()])
    return layer


def images(height, width):
    shape = (2, height, width, 2)
    return np.random.default_rng(1).normal(size=shape).astype("float32")


def convolved(x, layer):
    """Adds up all taps, one by one."""
    kernel, bias = layer.get_weights()
    (height, width), stride = layer.kernel_size, layer.strides
    out = np.zeros((len(x), x.shape[1] // stride, x.shape[2] // stride, len(bias)))
    for r, c, i, j in itertools.product(*map(range, out.shape[1:3] + (height, width))):
        row, column = stride * r + i - height + 1, stride * c + j - width + 1
        if layer.direction == "down":
            column += width // 2
        if layer.mask == "A":
            row -= layer.direction == "down"
            column -= layer.direction == "down_right"
        if 0 <= row < x.shape[1] and 0 <= column < x.shape[2]:
            out[:, r, c] += x[:, row, column] @ kernel[i, j]
    return out + bias


@pytest.mark.parametrize("case", CASES, ids=str)
def test_taps_are_where_they_should_be(case):
    kernel_size, direction, mask, strides = case
    layer = made(ShiftedConv2D(3, kernel_size, direction, mask, strides), 2)
    x = images(4, 6)
    found = numpy(layer(x))
    assert layer.compute_output_shape(x.shape) == found.shape
    np.testing.assert_allclose(found, convolved(x, layer), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("case", [c for c in CASES if c[1] == "down"], ids=str)
def test_row_by_row_gives_the_same(case):
    kernel_size, direction, mask, strides = case
    layer = made(ShiftedConv2D(3, kernel_size, direction, mask, strides), 2)
    x = images(4, 6)
    form, rows = layer.incremental(2, 6), []
    cache = form.init_cache()
    for r in range(4):
        # Mask "A" takes the row above the output's.
        row = ops.convert_to_tensor(x[:, r : r + 1])
        if mask == "A":
            row = ops.convert_to_tensor(x[:, r - 1 : r]) if r else ops.zeros_like(row)
        if r % strides == 0:
            rows.append(numpy(form.step(row, cache)))
        cache = form.put(row, cache)
    np.testing.assert_allclose(
        np.concatenate(rows, axis=1), numpy(layer(x)), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("case", [c for c in CASES if c[1] == "down_right"], ids=str)
def test_pixel_by_pixel_gives_the_same(case):
    kernel_size, direction, mask, strides = case
    layer = made(ShiftedConv2D(3, kernel_size, direction, mask, strides), 2)
    x = images(4, 6)
    expected = numpy(layer(x))
    form = layer.incremental(2, 6)
    cache = form.init_cache()
    for r, c in itertools.product(range(4), range(6)):
        if c == 0:
            cache = form.prefill(cache)
        pixel = ops.convert_to_tensor(x[:, r, c])
        if r % strides == 0 and c % strides == 0:
            at = expected[:, r // strides, c // strides]
            y = form.peek(pixel, cache, c // strides)
            np.testing.assert_allclose(numpy(y), at, rtol=1e-4, atol=1e-5)
            y, cache = form.step(pixel, cache, c // strides)
            np.testing.assert_allclose(numpy(y), at, rtol=1e-4, atol=1e-5)
        cache = form.put(pixel, cache, c)
        if cache:
            np.testing.assert_array_equal(numpy(form.pixel(cache, c)), x[:, r, c])


@pytest.mark.parametrize("direction", ["down", "down_right"])
def test_way_back_is_a_transposed_convolution(direction):
    layer = made(ShiftedConv2DTranspose(3, direction), 2)
    x = images(3, 4)
    kernel, bias = layer.get_weights()
    full = np.zeros((2, 7, 10, 3))
    for r, c, i, j in itertools.product(
        range(3), range(4), *map(range, (kernel.shape[:2]))
    ):
        full[:, 2 * r + i, 2 * c + j] += x[:, r, c] @ kernel[i, j]
    first = 1 if direction == "down" else 0
    expected = full[:, :6, first : first + 8] + bias
    found = numpy(layer(x))
    assert layer.compute_output_shape(x.shape) == found.shape
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("use_bias", [True, False])
def test_way_back_goes_by_rows_and_pixels(use_bias):
    x = images(3, 4)
    tensor = ops.convert_to_tensor(x)
    down = made(ShiftedConv2DTranspose(3, "down", use_bias), 2)
    right = made(ShiftedConv2DTranspose(3, "down_right", use_bias), 2)
    rows, pixels = (layer.incremental(2, 4) for layer in (down, right))
    assert rows.prefill(rows.init_cache()) == ()
    found = [numpy(rows.step_row(tensor[:, r // 2, None], r)) for r in range(6)]
    np.testing.assert_allclose(
        np.concatenate(found, axis=1), numpy(down(x)), rtol=1e-4, atol=1e-5
    )
    expected = numpy(right(x))
    for r, c in itertools.product(range(6), range(8)):
        y = numpy(pixels.step_pixel(tensor[:, r // 2, c // 2], r, c))
        np.testing.assert_allclose(y, expected[:, r, c], rtol=1e-4, atol=1e-5)


def test_other_weights_can_be_given_to_the_other_form():
    layer = made(ShiftedConv2D(3, (2, 2), "down_right", use_bias=False), 2)
    kernel, bias = ops.ones((2, 2, 2, 3)), ops.ones((3,))
    form = layer.incremental(1, 2, kernel, bias)
    y = form.peek(ops.ones((1, 2)), form.prefill(form.init_cache()), 0)
    np.testing.assert_array_equal(numpy(y), [[3, 3, 3]])


@pytest.mark.parametrize(
    "layer",
    [
        ShiftedConv2D(6, (2, 3), "down", "A", use_bias=False),
        ShiftedConv2D(6, (2, 2), "down_right", strides=2),
        ShiftedConv2DTranspose(6, "down", use_bias=False),
    ],
    ids=lambda layer: layer.name,
)
def test_config_round_trip(layer):
    config = keras.saving.serialize_keras_object(layer)
    copy = keras.saving.deserialize_keras_object(config)
    assert copy.get_config() == layer.get_config()


@pytest.mark.parametrize(
    "arguments,name",
    [
        ({"direction": "up"}, "direction"),
        ({"mask": "C"}, "mask"),
        ({"kernel_size": (2, 2)}, "kernel_size"),
        ({"kernel_size": (0, 3)}, "kernel_size"),
        ({"strides": 0}, "strides"),
        ({"strides": 2, "mask": "A"}, "strides"),
    ],
)
def test_bad_argument_is_named(arguments, name):
    good = {"filters": 2, "kernel_size": (2, 3), "direction": "down"}
    with pytest.raises(ValueError, match=f"`{name}` must be .*Received: "):
        ShiftedConv2D(**{**good, **arguments})


def test_bad_direction_of_the_way_back_is_named():
    with pytest.raises(ValueError, match="`direction` must be .*Received: "):
        ShiftedConv2DTranspose(2, "left")
