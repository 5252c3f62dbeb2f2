"""The masked dense layer, weight by weight."""

import itertools

import keras
import numpy as np
import pytest

from keras_genmod.layers import MaskedDense
from tests.autodiff import gradients

INPUTS, OUTPUTS = [1, 2, 3, 2], [0, 1, 3, 2, 1]


def test_outputs_see_inputs_of_no_higher_degree():
    layer = MaskedDense(INPUTS, OUTPUTS)
    layer.build((None, 4))
    expected = np.zeros((4, 5), bool)
    for i, o in itertools.product(range(4), range(5)):
        expected[i, o] = INPUTS[i] <= OUTPUTS[o]
    assert np.all((layer.get_weights()[0] != 0) == expected)
    layer.set_weights([np.ones((4, 5)), np.zeros(5)])
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(layer.kernel), expected)
    outputs = layer(np.array([[1.0, 10.0, 100.0, 1000.0]], "float32"))
    np.testing.assert_array_equal(
        keras.ops.convert_to_numpy(outputs), [[0, 1, 1111, 1011, 1]]
    )


def test_masked_weights_have_no_gradient():
    layer = MaskedDense(INPUTS, OUTPUTS, activation="tanh")
    x = np.random.default_rng(0).normal(size=(6, 4)).astype("float32")
    layer.build(x.shape)
    mask = layer.get_weights()[0] != 0
    kernel, _ = gradients(lambda: keras.ops.sum(layer(x)), layer.trainable_variables)
    np.testing.assert_array_equal(kernel != 0, mask)


def test_half_precision_keeps_the_mask():
    layer = MaskedDense([1, 2], [0, 1, 2], dtype="mixed_bfloat16")
    outputs = layer(np.zeros((1, 2), "float32"))
    assert keras.backend.standardize_dtype(outputs.dtype) == "bfloat16"
    kernel = keras.ops.convert_to_numpy(keras.ops.cast(layer.kernel, "float32"))
    np.testing.assert_array_equal(kernel != 0, [[0, 1, 1], [0, 0, 1]])


def test_config_round_trip():
    layer = MaskedDense(INPUTS, OUTPUTS, use_bias=False, kernel_initializer="zeros")
    layer.build((None, 4))
    config = keras.saving.serialize_keras_object(layer)
    copy = keras.saving.deserialize_keras_object(config)
    assert copy.get_config() == layer.get_config()


@pytest.mark.parametrize("degrees", [(), 3, [1, -1], [0.5], [True], None])
def test_bad_degrees_are_named(degrees):
    with pytest.raises(ValueError, match="`input_degrees` must be .*Received: "):
        MaskedDense(degrees, [1])
    with pytest.raises(ValueError, match="`output_degrees` must be .*Received: "):
        MaskedDense([1], degrees)


def test_inputs_of_another_number_are_an_error():
    with pytest.raises(ValueError, match="`input_degrees` must hold .*3 degrees, 2"):
        MaskedDense([1, 2, 3], [1]).build((None, 2))
