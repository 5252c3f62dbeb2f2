"""Masks: what is left of images when the phases of their waves are lost."""

import numpy as np

from keras_genmod import checks


def phase_scrambled(images: np.ndarray, seed: int) -> np.ndarray:
    """Returns images with the amplitudes of others' waves and random phases.

    With F the Fourier transform and W white noise, a mask of an image x is

        F^-1 [ |F x| exp(i (arg F x + arg F W)) ]

    with the same W in each channel, so that colours stay together. The mean of each
    channel stays as well. What leaves [0, 1] is clipped. Such a mask has the contrast
    and the textures of its image, and nothing that could be recognised; shown right
    after the image, it ends what the eye still holds of that.

    Args:
        images: Floats in [0, 1], `(num, height, width, channels)`.
        seed: Integer, of the noise.

    Returns:
        float32 array of the same shape.

    Note:
        HYPE's masks are textures after Portilla and Simoncelli (2000), which keep more
        than amplitudes. A study says in its protocol which ones it showed.

    Example:
        ```python
        masks = keras_genmod.hype.phase_scrambled(images[:4], seed=0)
        ```
    """
    images = checks.unit_floats("images", images)
    seed = checks.required_seed("seed", seed)
    if images.ndim != 4:
        raise ValueError(
            "`images` must have shape (num, height, width, channels). "
            f"Received: images.shape={images.shape}"
        )
    return np.clip(_scrambled(images, np.random.default_rng(seed)), 0, 1)


def _scrambled(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    noise = rng.normal(size=images.shape[:3])[..., None]  # (num, height, width, 1)
    # Noise is real: its phases are those of a real image, and so are the sums.
    turned = np.exp(1j * np.angle(np.fft.fft2(noise, axes=(1, 2))))
    turned[:, 0, 0] = 1.0  # the mean
    waves = np.fft.fft2(images.astype("float64"), axes=(1, 2)) * turned
    return np.fft.ifft2(waves, axes=(1, 2)).real.astype("float32")
