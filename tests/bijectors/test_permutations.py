"""Permutation and Squeeze move values, and change none."""

import keras
import numpy as np
import pytest

from keras_genmod.bijectors import Permutation, Squeeze
from tests.bijectors.cases import arrays


def test_permutation_reorders_the_last_axis():
    z = np.arange(12, dtype="float32").reshape(2, 2, 3)
    bijector = Permutation((2, 3), [2, 0, 1])
    x, log_det = arrays(bijector.forward_and_log_det(z))
    np.testing.assert_array_equal(x, z[..., [2, 0, 1]])
    np.testing.assert_array_equal(log_det, [0, 0])
    np.testing.assert_array_equal(*arrays((bijector.inverse(x), z)))
    (x,) = arrays([Permutation((2, 3), "reverse").forward(z)])
    np.testing.assert_array_equal(x, z[..., ::-1])


def test_drawn_permutations_follow_the_seed_and_the_config():
    drawn = [Permutation((20,), seed=seed).permutation for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert Permutation((20,)).permutation != Permutation((20,)).permutation
    bijector = Permutation((20,))
    config = keras.saving.serialize_keras_object(bijector)
    copy = keras.saving.deserialize_keras_object(config)
    assert copy.permutation == bijector.permutation


@pytest.mark.parametrize(
    "permutation",
    [[0, 1], [0, 1, 1], [1, 2, 3], [0.0, 1.0, 2.0], [[0, 1, 2]], 3, "turn", [[0], 1]],
)
def test_what_is_no_permutation_is_an_error(permutation):
    with pytest.raises(ValueError, match="`permutation` must hold each of 0, ..., 2"):
        Permutation((2, 3), permutation)


def test_squeeze_puts_blocks_into_channels():
    # channel 4 c + 2 i + j of a latent pixel is channel c at (i, j) of its block
    x = np.random.default_rng(0).normal(size=(2, 4, 6, 3)).astype("float32")
    z, log_det = arrays(Squeeze((4, 6, 3)).inverse_and_log_det(x))
    assert z.shape == (2, 2, 3, 12)
    for c in range(3):
        for i in range(2):
            for j in range(2):
                np.testing.assert_array_equal(
                    z[..., 4 * c + 2 * i + j], x[:, i::2, j::2, c]
                )
    np.testing.assert_array_equal(log_det, [0, 0])


@pytest.mark.parametrize("shape", [(3, 4, 1), (4, 3, 1), (4, 4), (4,)])
def test_squeeze_needs_even_sides(shape):
    with pytest.raises(ValueError, match="with an even height and width. Received"):
        Squeeze(shape)
    with pytest.raises(ValueError, match="`event_shape` must be a non-empty tuple"):
        Squeeze((4, 4, None))
