"""Landscapes by night are those by day, as the documentation says it."""

import importlib

import numpy as np
import pytest

from keras_genmod import data

pytestmark = pytest.mark.any_backend
module = importlib.import_module("keras_genmod.data.day_and_night")

DAY, NIGHT = data.day_and_night(60, 32, seed=3)


def painted(images, colour):
    """Returns which pixels have a colour, `(n, size, size)`."""
    return np.all(np.abs(images - np.float32(colour)) < 1e-6, axis=-1)


def test_images_are_floats_in_range_and_the_same_for_a_seed():
    assert DAY.shape == NIGHT.shape == (60, 32, 32, 3)
    assert DAY.dtype == NIGHT.dtype == np.float32
    for images in (DAY, NIGHT):
        assert images.min() >= 0 and images.max() <= 1
    again = data.day_and_night(60, 32, seed=3)
    np.testing.assert_array_equal(again[0], DAY)
    # More of them begin with the same ones.
    np.testing.assert_array_equal(data.day_and_night(2, 32, seed=3)[1], NIGHT[:2])
    assert np.abs(data.day_and_night(60, 32, seed=4)[0] - DAY).mean() > 0.01
    assert len(np.unique(DAY.reshape(60, -1), axis=0)) == 60


def test_every_pixel_of_the_night_follows_from_the_day():
    sky = np.linspace(0, 1, 33)[:-1] + 1 / 64  # share of the lower colour, by row
    by_day, by_night = (
        top * (1 - sky[:, None]) + bottom * sky[:, None]
        for top, bottom in (module._SKY, module._NIGHT_SKY)
    )
    is_sky = painted(DAY, by_day[None, :, None])
    expected = DAY * module._MOONLIGHT
    expected[is_sky] = np.broadcast_to(by_night[:, None], (60, 32, 32, 3))[is_sky]
    expected[painted(DAY, module._SUN)] = module._MOON
    expected[painted(DAY, module._GLASS)] = module._LIGHT
    np.testing.assert_allclose(NIGHT, expected, atol=1e-6)


def test_there_is_all_that_makes_a_landscape():
    assert np.all(painted(DAY, module._SUN).any(axis=(1, 2)))
    for colour in (module._GLASS, module._CROWN, module._TRUNK):
        share = painted(DAY, colour).any(axis=(1, 2)).mean()
        assert 0.2 < share < 1.0


def test_the_same_landscape_has_any_size():
    large = data.day_and_night(4, 64, seed=3)[0]
    coarse = large.reshape(4, 32, 2, 32, 2, 3).mean(axis=(2, 4))
    assert np.abs(coarse - DAY[:4]).mean() < 0.02


@pytest.mark.parametrize("arguments", [{"num": 0}, {"size": 8}, {"seed": -1}])
def test_bad_arguments_are_named(arguments):
    (name,) = arguments
    with pytest.raises(ValueError, match=f"`{name}` must be"):
        data.day_and_night(**{"num": 2, **arguments})
