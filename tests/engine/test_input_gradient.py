"""The gradient of scores with respect to their input."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_genmod.engine import input_gradient, value_and_input_gradient
from tests.autodiff import gradients
from tests.contracts import array_of

X = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")


@pytest.fixture
def network():
    return keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(5, "tanh"), keras.layers.Dense(1)]
    )


def score(network, x):
    """Returns the scores in float64 NumPy, for finite differences."""
    kernel, bias, last, last_bias = (
        array_of(w).astype("float64") for w in network.weights
    )
    return (np.tanh(x @ kernel + bias) @ last + last_bias)[:, 0]


def finite_differences(network, x, step=1e-5):
    x = x.astype("float64")
    shifts = step * np.eye(3)
    return np.stack(
        [
            (score(network, x + shift) - score(network, x - shift)) / (2 * step)
            for shift in shifts
        ],
        axis=1,
    )


def test_equals_finite_differences(network):
    np.testing.assert_allclose(
        array_of(input_gradient(network, X)),
        finite_differences(network, X),
        rtol=1e-4,
        atol=1e-6,
    )


def test_is_differentiable_in_the_weights(network):
    def penalty():
        return ops.sum(ops.square(input_gradient(network, X)))

    found = gradients(penalty, network.trainable_variables)
    step = 1e-3
    for variable, gradient in zip(network.trainable_variables, found, strict=True):
        value = array_of(variable)
        direction = np.random.default_rng(1).normal(size=value.shape)
        sides = []
        for sign in (1, -1):
            variable.assign(value + sign * step * direction)
            sides.append(np.square(finite_differences(network, X)).sum())
        variable.assign(value)
        expected = (sides[0] - sides[1]) / (2 * step)
        assert np.sum(gradient * direction) == pytest.approx(
            expected, rel=1e-2, abs=1e-4
        )


def test_rows_do_not_depend_on_each_other(network):
    alone = [array_of(input_gradient(network, x[None]))[0] for x in X]
    np.testing.assert_allclose(array_of(input_gradient(network, X)), alone, rtol=1e-5)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_is_float32_under_every_policy(policy, dtype_policy):
    dtype_policy(policy)
    network = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    gradient = input_gradient(network, X)
    assert keras.backend.standardize_dtype(gradient.dtype) == "float32"
    expected = np.tile(array_of(network.weights[0]).T, (4, 1))
    np.testing.assert_allclose(array_of(gradient), expected, rtol=1e-2)


def test_does_not_need_a_layer():
    gradient = input_gradient(lambda x: ops.sum(ops.square(x), axis=1), X)
    np.testing.assert_allclose(array_of(gradient), 2 * X, rtol=1e-6)


@pytest.mark.every_backend
def test_small_gradients_pass_through_float16():
    def function(x):
        half = ops.cast(x, "float16")
        return 1e-8 * ops.sum(ops.cast(half, "float32") ** 2)

    value, gradient = value_and_input_gradient(function, X)
    np.testing.assert_allclose(array_of(value), 1e-8 * (X**2).sum(), rtol=1e-2)
    # Below 6e-8 float16 has nothing but 0.
    np.testing.assert_allclose(array_of(gradient), 2e-8 * X, rtol=1e-2, atol=1e-10)
