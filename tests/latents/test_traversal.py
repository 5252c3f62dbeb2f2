import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_genmod.latents import traverse

pytestmark = pytest.mark.any_backend

Z = np.random.default_rng(0).normal(size=(2, 5)).astype("float32")


@given(
    dimensions=st.lists(st.integers(0, 4), min_size=1, max_size=4),
    values=st.lists(st.floats(-5, 5, width=32), min_size=1, max_size=4),
)
def test_one_dimension_at_a_time_takes_the_values(dimensions, values):
    swept = traverse(Z, dimensions, values)
    assert swept.shape == (2, len(dimensions), len(values), 5)
    for row, dimension in enumerate(dimensions):
        assert np.array_equal(swept[:, row, :, dimension], [values, values])
        others = np.delete(swept[:, row], dimension, axis=-1)
        start = np.delete(Z, dimension, axis=-1)
        assert np.array_equal(others, np.repeat(start[:, None], len(values), 1))


def test_one_dimension_may_stand_alone_and_the_start_stays():
    before = Z.copy()
    assert np.array_equal(traverse(Z, 2, [9.0]), traverse(Z, [2], [9.0]))
    assert np.array_equal(Z, before)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((Z[0], [0], [1.0]), "`z` must have the shape"),
        ((Z, [5], [1.0]), "`dimensions` must be integers from 0 to 4"),
        ((Z, [-1], [1.0]), "`dimensions` must be integers from 0 to 4"),
        ((Z, [], [1.0]), "`dimensions` must be integers from 0 to 4"),
        ((Z, [0.5], [1.0]), "`dimensions` must be integers from 0 to 4"),
        ((Z, [0], []), "`values` must have the shape"),
        ((Z, [0], [[1.0]]), "`values` must have the shape"),
        ((Z, [0], [np.inf]), "`values` must be finite"),
    ],
)
def test_other_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        traverse(*arguments)
