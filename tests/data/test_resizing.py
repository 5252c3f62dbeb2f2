"""Resizing averages, keeps floats and ranges, and treats channels alike."""

import numpy as np
import pytest

from keras_genmod.data import resize

pytestmark = pytest.mark.any_backend

IMAGES = np.random.default_rng(0).random((3, 8, 6, 2), dtype="float32")


@pytest.mark.parametrize("size,shape", [(4, (4, 4)), ((12, 5), (12, 5))])
def test_size_is_an_integer_or_a_pair(size, shape):
    resized = resize(IMAGES, size)
    assert resized.shape == (3, *shape, 2) and resized.dtype == "float32"


def test_same_size_changes_nothing():
    np.testing.assert_allclose(resize(IMAGES, (8, 6)), IMAGES, atol=1e-6)


def test_constant_images_stay_constant():
    np.testing.assert_allclose(resize(np.full((1, 8, 8, 1), 0.3), 3), 0.3, rtol=1e-6)


def test_shrinking_averages_a_fine_pattern():
    checks = np.indices((32, 32)).sum(axis=0)[None, :, :, None] % 2
    inner = resize(checks.astype("float32"), 8)[:, 1:-1, 1:-1]
    np.testing.assert_allclose(inner, 0.5, atol=0.02)


@pytest.mark.parametrize("size", [3, 20])
def test_values_stay_in_the_range_of_the_input(size):
    binary = np.round(IMAGES)
    resized = resize(binary, size)
    assert resized.min() >= 0 and resized.max() <= 1


@pytest.mark.parametrize(
    "x,size,name",
    [
        (IMAGES, 0, "size"),
        (IMAGES, (4, 4, 4), "size"),
        (IMAGES, 2.5, "size"),
        (IMAGES[0], 4, "x"),
        (IMAGES.astype("uint8"), 4, "x"),
    ],
)
def test_bad_argument_is_named(x, size, name):
    with pytest.raises(ValueError, match=f"`{name}` must .*Received: {name}"):
        resize(x, size)


def test_bicubic_keeps_ramps_of_which_bilinear_bends_the_ends():
    ramp = np.tile(np.arange(16.0), (16, 1))[None, :, :, None]
    inner = resize(ramp, 64, "bicubic")[0, 0, 12:-12, 0]
    np.testing.assert_allclose(np.diff(inner), 0.25, atol=1e-5)
    # A peak: weights of the cubic with a = -0.5 at half a pixel, (9, -1) / 16.
    peak = np.zeros((1, 1, 9, 1))
    peak[0, 0, 4] = 1.0
    odd = resize(np.concatenate([peak, -peak]), (1, 18), "bicubic")[0, 0, :, 0]
    d = np.array([0.25, 0.75, 1.25, 1.75])
    near = 1.5 * d**3 - 2.5 * d**2 + 1
    far = -0.5 * d**3 + 2.5 * d**2 - 4 * d + 2
    expected = [*near[:2], *far[2:]]
    np.testing.assert_allclose(odd[9:13], expected, atol=1e-5)


def test_an_unknown_method_is_named():
    with pytest.raises(ValueError, match="`method` must be one of"):
        resize(IMAGES, 4, "nearest")
