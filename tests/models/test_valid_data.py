"""Which examples of a batch a model may learn from."""

import keras
import numpy as np
import pytest

from keras_genmod import checks
from keras_genmod.models import valid_data
from tests.models import test_contracts as cases

# Each with two pixels.
EXAMPLES = [(0.0, 1.0), (-0.5, 1.5), (0.5, 1.1), (-1e-3, 0.5)]
STRANGE = [(np.nan, 0.5), (np.inf, 0.5), (-np.inf, np.inf), (0.5, -np.inf)]


def test_all_values_must_be_in_range():
    x = np.array(EXAMPLES + STRANGE, "float32").reshape(-1, 1, 2)
    x = keras.ops.convert_to_tensor(x)
    valid = keras.ops.convert_to_numpy(valid_data.in_range(x, 0.0, 1.0))
    np.testing.assert_array_equal(valid, [True] + 7 * [False])


def test_all_values_must_be_levels():
    x = np.array([(0.0, 1.0), (0.5, 1.0), *EXAMPLES[1:], *STRANGE], "float32")
    x = keras.ops.convert_to_tensor(x)
    valid = keras.ops.convert_to_numpy(valid_data.on_levels(x, 3))
    np.testing.assert_array_equal(valid, 2 * [True] + 7 * [False])


def compiled(function):
    """Returns a function of one tensor as a step has it, by XLA where there is one."""
    if keras.backend.backend() == "jax":
        import jax

        return jax.jit(function)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.function(function, jit_compile=True)
    return function


@pytest.mark.parametrize("wrong", [np.nan, -1e-6, 1.000001, np.inf])
@pytest.mark.parametrize("wrap", [lambda function: function, compiled])
def test_one_value_anywhere_is_enough(wrong, wrap):
    x = np.tile(np.linspace(0.0, 1.0, 37, dtype="float32"), (38, 1))
    np.fill_diagonal(x, wrong)  # none in the last
    valid = wrap(lambda x: valid_data.in_range(x, 0.0, 1.0))(
        keras.ops.convert_to_tensor(x)
    )
    valid = keras.ops.convert_to_numpy(valid)
    np.testing.assert_array_equal(valid, 37 * [False] + [True])


@pytest.mark.any_backend
@pytest.mark.parametrize("case", [cases.TestGlow, cases.TestBoltzmannMachine])
def test_levels_are_checked_once_a_call(case, monkeypatch):
    checked = []
    check = checks.levels

    def counting(name, x, num_levels):
        checked.append(len(x))
        check(name, x, num_levels)

    monkeypatch.setattr(checks, "levels", counting)
    model, (x,) = case.compiled(), case.data
    for call in (case.fit, lambda m: m.evaluate(x, verbose=0), lambda m: m.log_prob(x)):
        call(model)
        assert checked == [len(x)]
        checked.clear()
    case.fit(model, validation_data=(x[:8],))
    assert sorted(checked) == [8, len(x)]
