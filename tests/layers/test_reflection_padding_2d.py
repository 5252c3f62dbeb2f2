"""Reflection padding equals NumPy's."""

import keras
import numpy as np
import pytest

from keras_genmod.layers import ReflectionPadding2D

IMAGES = np.random.default_rng(0).random((2, 5, 4, 3), dtype="float32")


@pytest.mark.parametrize("padding", [0, 1, 3])
def test_values_equal_numpy(padding):
    padded = keras.ops.convert_to_numpy(ReflectionPadding2D(padding)(IMAGES))
    both = (padding, padding)
    expected = np.pad(IMAGES, ((0, 0), both, both, (0, 0)), mode="reflect")
    np.testing.assert_array_equal(padded, expected)


def test_shape_is_known_before_the_data():
    shape = ReflectionPadding2D(2).compute_output_shape((None, None, 5, 3))
    assert shape == (None, None, 9, 3)


def test_config_round_trip():
    layer = ReflectionPadding2D(2, name="pad")
    config = keras.saving.serialize_keras_object(layer)
    assert keras.saving.deserialize_keras_object(config).get_config() == (
        layer.get_config()
    )


@pytest.mark.parametrize("padding", [-1, 1.5, True, (1, 1)])
def test_bad_padding_is_an_error(padding):
    with pytest.raises(ValueError, match="`padding` must be .*Received: padding="):
        ReflectionPadding2D(padding)


def test_padding_as_large_as_the_image_is_an_error():
    with pytest.raises(ValueError, match="`padding` must be smaller"):
        ReflectionPadding2D(4)(IMAGES)
