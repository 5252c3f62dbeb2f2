import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_genmod.latents import analogy, around

pytestmark = pytest.mark.any_backend

A, B, C = np.random.default_rng(0).normal(size=(3, 6, 4)).astype("float32")


@given(st.integers(1, 6), st.integers(1, 6))
def test_means_are_added_and_subtracted(num_a, num_b):
    found = analogy([A[:num_a], C], [B[:num_b]])
    expected = A[:num_a].mean(0) - B[:num_b].mean(0) + C.mean(0)
    assert np.allclose(found.latent, expected[None], atol=1e-6)
    assert found.neighbours is None


def test_a_group_less_itself_is_the_rest():
    assert np.allclose(analogy([A, C], [A]).latent, C.mean(0), atol=1e-6)


def test_the_nearest_of_others_are_found():
    others = np.concatenate([A, C.mean(0)[None], B])
    neighbours = analogy([A, C], [A], among=others, k=3).neighbours
    assert neighbours.indices[0, 0] == len(A)
    assert neighbours.distances[0, 0] < 1e-6 < neighbours.distances[0, 1]


def test_random_neighbours_stay_in_their_cube_and_repeat():
    found = around(A, 50, scale=0.5, seed=3)
    assert found.shape == (6, 50, 4)
    distances = np.abs(found - A[:, None])
    assert 0.45 < distances.max() <= 0.5 + 1e-6
    assert np.array_equal(found, around(A, 50, scale=0.5, seed=3))
    assert not np.array_equal(found, around(A, 50, scale=0.5, seed=4))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([],), "`positive` must hold at least one group"),
        (([A[0]],), r"`positive\[0\]` must have the shape"),
        (([A, A[:0]],), r"`positive\[1\]` must have at least 1 samples"),
        (([A], [B[:, :2]]), "`negative` must have 4 features"),
        (([A], [], B, 7), "`k` must be at most 6"),
        (([A], [], B[:, :2]), "must have .* features"),
    ],
)
def test_other_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        analogy(*arguments)
