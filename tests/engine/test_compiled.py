"""Methods compiled once."""

import sys

import keras
import numpy as np
import pytest
from keras import ops

from keras_genmod.engine import Seeds, compiled, seed_state
from tests.contracts import array_of


class Scale(keras.layers.Layer):
    """Multiplies by a weight; counts how often Python runs its methods."""

    def __init__(self):
        super().__init__()
        self.factor = self.add_weight(shape=(), initializer="ones", name="factor")
        self.num_traces = 0
        self.built = True

    @compiled()
    def scale(self, x, *, power=1):
        self.num_traces += 1
        return ops.convert_to_tensor(self.factor) ** power * x

    @compiled()
    def draw(self, state, *, num_samples):
        seeds = Seeds(state)
        return [
            keras.random.normal((num_samples,), seed=seeds),
            keras.random.normal((num_samples,), seed=seeds),
        ]

    @compiled(xla=True)
    def total(self, start, mask):
        start = start if mask is None else ops.where(mask, start, 0.0)
        return ops.fori_loop(0, 4, lambda i, x: x + self.factor, start)


X = np.arange(3, dtype="float32")


@pytest.fixture
def layer():
    return Scale()


@pytest.mark.skipif(
    keras.backend.backend() == "torch", reason="torch runs the Python code each time"
)
def test_compiles_once_for_each_set_of_static_arguments(layer):
    for power in (1, 2, 1, 2, 2):
        layer.scale(X, power=power)
    assert layer.num_traces == 2


def test_calls_that_are_kept_are_bounded(layer, monkeypatch):
    # The function has the module's name.
    monkeypatch.setattr(sys.modules[compiled.__module__], "_MAX_CALLS", 2)
    for power in (1, 2, 1, 3):
        layer.scale(X, power=power)
    kept = [dict(static)["power"] for _, static, _ in layer._compiled_calls]
    assert kept == [1, 3]


def test_static_arguments_reach_the_method(layer):
    layer.factor.assign(3.0)
    for power in (1, 2, 1):
        np.testing.assert_allclose(array_of(layer.scale(X, power=power)), 3**power * X)


def test_sees_new_values_of_variables(layer):
    layer.scale(X)
    layer.factor.assign(5.0)
    np.testing.assert_allclose(array_of(layer.scale(X)), 5 * X)


def test_two_objects_do_not_share_what_they_read(layer):
    other = Scale()
    other.factor.assign(7.0)
    np.testing.assert_allclose(array_of(layer.scale(X)), X)
    np.testing.assert_allclose(array_of(other.scale(X)), 7 * X)


@pytest.mark.parametrize("mask,expected", [(None, X + 4), (X > 0.5, [4, 5, 6])])
def test_none_may_stand_for_a_tensor(layer, mask, expected):
    np.testing.assert_allclose(array_of(layer.total(X, mask)), expected)


def test_draws_repeat_for_a_state_and_differ_in_one_call(layer):
    state = seed_state(3, keras.random.SeedGenerator(0))
    first, again = (layer.draw(state, num_samples=8) for _ in range(2))
    for draw, same in zip(first, again, strict=True):
        np.testing.assert_array_equal(array_of(draw), array_of(same))
    assert np.all(array_of(first[0]) != array_of(first[1]))


def test_results_may_enter_autodiff(layer):
    network = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    network.compile("sgd", "mse")
    network.fit(layer.scale(X[None]), np.ones((1, 1)), verbose=0)


def test_keeps_no_call_in_files_and_variables(layer):
    layer.scale(X)
    assert len(layer.variables) == 1
    assert "_compiled_calls" not in layer.get_config()
