"""Masks keep what waves an image is made of, and nothing of where they meet."""

import numpy as np
import pytest

from keras_genmod.hype import phase_scrambled

pytestmark = pytest.mark.any_backend


def spectrum(images):
    return np.abs(np.fft.fft2(images, axes=(1, 2)))


@pytest.mark.parametrize("size", [(16, 16), (15, 12)])
def test_masks_have_the_spectrum_and_other_phases(size, rng):
    # Contrast so low that nothing is clipped.
    images = (0.5 + 0.01 * rng.normal(size=(6, *size, 3))).astype("float32")
    masks = phase_scrambled(images, seed=0)
    assert masks.dtype == np.float32 and masks.shape == images.shape
    np.testing.assert_allclose(spectrum(masks), spectrum(images), atol=2e-4)
    flat, mask = images.reshape(6, -1), masks.reshape(6, -1)
    correlation = [np.corrcoef(a, b)[0, 1] for a, b in zip(flat, mask, strict=True)]
    assert np.abs(np.mean(correlation)) < 0.2
    assert np.abs(masks - images).max() > 0.01


def test_channels_stay_together(rng):
    grey = np.repeat(0.5 + 0.01 * rng.normal(size=(2, 8, 8, 1)), 3, axis=-1)
    masks = phase_scrambled(grey.astype("float32"), seed=0)
    np.testing.assert_allclose(masks, masks[..., :1].repeat(3, -1), atol=1e-6)


def test_masks_are_images_and_follow_the_seed(rng):
    images = rng.integers(0, 2, (4, 8, 8, 1)).astype("float32")
    masks = phase_scrambled(images, seed=1)
    assert masks.min() >= 0 and masks.max() <= 1
    np.testing.assert_array_equal(masks, phase_scrambled(images, seed=1))
    assert np.abs(masks - phase_scrambled(images, seed=2)).max() > 0.1
    with pytest.raises(ValueError, match="`images` must have shape"):
        phase_scrambled(images[0], seed=0)
