"""The masks of the paper, built again tap by tap."""

import itertools

import keras
import numpy as np
import pytest

from keras_genmod.layers import MaskedConv2D


def expected_mask(kernel_size, num_inputs, num_outputs, mask, num_channels):
    """Says of every tap whether the paper lets it through."""
    height, width = kernel_size
    result = np.zeros((height, width, num_inputs, num_outputs))
    for row, column, i, o in itertools.product(*map(range, result.shape)):
        above = row < height // 2
        left = row == height // 2 and column < width // 2
        centre = row == height // 2 and column == width // 2
        group_in = i * num_channels // num_inputs
        group_out = o * num_channels // num_outputs
        earlier = group_in < group_out or (mask == "B" and group_in == group_out)
        result[row, column, i, o] = above or left or (centre and earlier)
    return result


CASES = [
    ((7, 7), 1, 4, "A", 1),
    ((3, 3), 4, 4, "B", 1),
    ((3, 5), 3, 9, "A", 3),
    ((3, 3), 9, 6, "B", 3),
    ((1, 1), 7, 5, "B", 3),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_taps_are_those_of_the_paper(case):
    kernel_size, num_inputs, num_outputs, mask, num_channels = case
    layer = MaskedConv2D(num_outputs, kernel_size, mask, num_channels)
    layer.build((None, 9, 9, num_inputs))
    shape = (*kernel_size, num_inputs, num_outputs)
    expected = expected_mask(*case)
    assert np.all((layer.get_weights()[0] != 0) == expected)
    layer.set_weights([np.ones(shape), np.zeros(num_outputs)])
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(layer.kernel), expected)


@pytest.mark.parametrize("mask,own", [("A", 0.0), ("B", 1.0)])
def test_an_impulse_reaches_later_pixels_only(mask, own):
    layer = MaskedConv2D(1, 3, mask, kernel_initializer="ones")
    image = np.zeros((1, 4, 4, 1), "float32")
    image[0, 1, 1, 0] = 1.0
    response = keras.ops.convert_to_numpy(layer(image))[0, :, :, 0]
    expected = [[0, 0, 0, 0], [0, own, 1, 0], [1, 1, 1, 0], [0, 0, 0, 0]]
    np.testing.assert_array_equal(response, expected)


def test_dilation_keeps_the_order_and_is_refused_pixel_by_pixel():
    layer = MaskedConv2D(1, 3, "B", dilation_rate=2, kernel_initializer="ones")
    image = np.zeros((1, 5, 5, 1), "float32")
    image[0, 2, 2, 0] = 1.0
    response = keras.ops.convert_to_numpy(layer(image))[0, :, :, 0]
    expected = np.zeros((5, 5))
    expected[2, 2::2] = expected[4, ::2] = 1.0
    np.testing.assert_array_equal(response, expected)
    with pytest.raises(ValueError, match="`dilation_rate` must be 1 .*Received: "):
        layer.incremental(1, 5)
    with pytest.raises(ValueError, match="`dilation_rate` must be 1 .*Received: "):
        layer.wavefront(1, 1, 5)


def test_rows_too_close_to_each_other_are_refused():
    layer = MaskedConv2D(1, 7, "B")
    layer.build((None, 8, 8, 1))
    layer.wavefront(1, 2, 4)
    layer.wavefront(1, 1, 3)  # a row at a time, of an image of three columns
    with pytest.raises(ValueError, match="`stride` must be more than 3.*Received: "):
        layer.wavefront(1, 2, 3)


def test_half_precision_keeps_the_mask():
    layer = MaskedConv2D(2, 3, "A", dtype="mixed_bfloat16", kernel_initializer="ones")
    response = layer(np.ones((1, 3, 3, 1), "float32"))
    assert keras.backend.standardize_dtype(response.dtype) == "bfloat16"
    response = keras.ops.convert_to_numpy(keras.ops.cast(response, "float32"))
    np.testing.assert_array_equal(
        response[0, :, :, 0], [[0, 1, 1], [2, 4, 3], [2, 4, 3]]
    )


def test_config_round_trip():
    layer = MaskedConv2D(6, 3, "B", num_channels=3, use_bias=False)
    layer.build((None, 4, 4, 6))
    config = keras.saving.serialize_keras_object(layer)
    copy = keras.saving.deserialize_keras_object(config)
    assert copy.get_config() == layer.get_config()


@pytest.mark.parametrize(
    "arguments,name",
    [
        ({"mask": "C"}, "mask"),
        ({"mask": None}, "mask"),
        ({"kernel_size": 4}, "kernel_size"),
        ({"kernel_size": (3, 2)}, "kernel_size"),
        ({"num_channels": 3}, "filters"),
        ({"padding": "valid"}, "padding"),
        ({"strides": 2}, "strides"),
        ({"groups": 2}, "groups"),
        ({"data_format": "channels_first"}, "data_format"),
    ],
)
def test_bad_argument_is_named(arguments, name):
    with pytest.raises(ValueError, match=f"`{name}` must be .*Received: "):
        MaskedConv2D(**{"filters": 2, "kernel_size": 3, "mask": "A", **arguments})
