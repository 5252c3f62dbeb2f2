"""Sprites have the factors that they say."""

import numpy as np
import pytest

from keras_genmod import data

pytestmark = pytest.mark.any_backend

SMALL = {"size": 24, "num_scales": 2, "num_angles": 8, "num_positions": 3}


def test_the_whole_grid_holds_each_combination_once():
    x, factors = data.sprites(**SMALL)
    assert x.shape == (3 * 2 * 8 * 9, 24, 24, 1) and x.dtype == np.float32
    assert factors.dtype == np.int32 and len(np.unique(factors, axis=0)) == len(x)
    assert factors.max(axis=0).tolist() == [2, 1, 7, 2, 2]
    assert set(np.unique(x)) == {0.0, 1.0}
    edges = x[:, [0, -1]].sum() + x[:, :, [0, -1]].sum()
    assert edges < len(x) / 4 and np.all(
        x.sum(axis=(1, 2, 3)) > 3
    )  # corners at most, and there


def test_position_scale_and_angle_are_those_of_the_factors():
    x, factors = data.sprites(
        size=64, num_scales=3, num_angles=4, num_positions=5, seed=3
    )
    image, mass = x[..., 0], x.sum(axis=(1, 2, 3))
    middle = np.arange(64) + 0.5
    across = (image.sum(axis=1) @ middle) / mass
    up = 64 - (image.sum(axis=2) @ middle) / mass
    no_heart = factors[:, 0] < 2  # the others have their middle at their centre
    margin = 1.25 * 64 / 6
    steps = np.linspace(margin, 64 - margin, 5)
    np.testing.assert_allclose(across[no_heart], steps[factors[no_heart, 3]], atol=0.3)
    np.testing.assert_allclose(
        64 - up[no_heart], 64 - steps[::-1][factors[no_heart, 4]], atol=0.3
    )
    squares = factors[:, 0] == 0  # areas go as the square of scales 1/2, 3/4, 1
    areas = [mass[squares & (factors[:, 1] == i)].mean() for i in range(3)]
    np.testing.assert_allclose(areas / areas[2], [0.25, 0.5625, 1.0], atol=0.06)
    chosen = (factors[:, 1:2] == 2).all(axis=1) & (factors[:, 3:] == 2).all(axis=1)
    ellipses = image[chosen & (factors[:, 0] == 1)]  # one an angle
    np.testing.assert_array_equal(ellipses[1], ellipses[0].T)
    np.testing.assert_array_equal(ellipses[2], ellipses[0])
    hearts = image[chosen & (factors[:, 0] == 2)]
    assert np.any(hearts[2] != hearts[0])
    np.testing.assert_array_equal(hearts[2], hearts[0][::-1])  # it is symmetric


def test_samples_repeat_for_a_seed_and_are_uniform():
    first, again, other = (data.sprites(600, seed=s, **SMALL) for s in (1, 1, 2))
    np.testing.assert_array_equal(first[0], again[0])
    assert np.any(first[1] != other[1])
    shares = np.bincount(first[1][:, 0]) / 600
    np.testing.assert_allclose(shares, 1 / 3, atol=0.08)


@pytest.mark.parametrize(
    "name", ["num_samples", "size", "num_scales", "num_angles", "num_positions"]
)
def test_bad_arguments_are_named(name):
    with pytest.raises(ValueError, match=f"`{name}` must be .*Received"):
        data.sprites(**{**SMALL, name: 0})
