"""Lab of known colours, and the way back."""

import numpy as np
import pytest
from keras import ops

from keras_genmod.colors import lab_to_rgb, rgb_to_lab
from tests.autodiff import gradient

KNOWN = {  # CIE Lab of sRGB's corners under D65
    (0, 0, 0): (0, 0, 0),
    (1, 1, 1): (100, 0, 0),
    (1, 0, 0): (53.24, 80.09, 67.20),
    (0, 1, 0): (87.73, -86.18, 83.18),
    (0, 0, 1): (32.30, 79.19, -107.86),
}


def value(x):
    return np.array(ops.convert_to_numpy(x))


@pytest.mark.parametrize("rgb", KNOWN)
def test_known_colours(rgb):
    lab = value(rgb_to_lab(np.array([rgb], "float32")))[0]
    np.testing.assert_allclose(lab, KNOWN[rgb], atol=0.01)


def test_grey_is_on_the_axis_and_its_lightness_is_the_formulas():
    grey = np.array([0.01, 0.2, 0.5, 0.9])
    lab = value(rgb_to_lab(np.repeat(grey[:, None], 3, axis=1)))
    linear = np.where(grey <= 0.04045, grey / 12.92, ((grey + 0.055) / 1.055) ** 2.4)
    lightness = np.where(
        linear > (6 / 29) ** 3, 116 * np.cbrt(linear) - 16, 24389 / 27 * linear
    )
    np.testing.assert_allclose(lab[:, 0], lightness, atol=1e-3)
    np.testing.assert_allclose(lab[:, 1:], 0.0, atol=1e-4)


def test_round_trip_is_within_a_level_of_8_bits_everywhere():
    ramp = np.linspace(0, 1, 18, dtype="float32")
    rgb = np.stack(np.meshgrid(ramp, ramp, ramp), axis=-1)
    again = value(lab_to_rgb(rgb_to_lab(rgb)))
    np.testing.assert_allclose(again, rgb, atol=1e-4)  # a level is 4e-3


def test_colours_beyond_a_screen_are_clipped():
    made = value(lab_to_rgb(np.array([[50.0, 200.0, 0.0], [120.0, 0, 0], [-5, 0, 0]])))
    assert made.min() >= 0 and made.max() <= 1
    np.testing.assert_allclose(made[1:], [[1, 1, 1], [0, 0, 0]], atol=1e-6)


def test_gradients_are_finite_at_black_and_white():
    corners = np.array([[0, 0, 0], [1, 1, 1], [1, 0, 0]], "float32")
    for function in (rgb_to_lab, lambda x: lab_to_rgb(rgb_to_lab(x))):
        found = gradient(lambda x, f=function: ops.sum(f(x)[..., 0]), corners)
        assert np.all(np.isfinite(found)) and np.any(found != 0)
