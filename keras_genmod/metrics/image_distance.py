"""PSNR and SSIM of images beside what they should be.

Both are taken, as in papers on super-resolution, on the luma channel and without a
border: numbers of RGB or of whole images are others, by a decibel and more.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import ndimage

from keras_genmod import checks
from keras_genmod.metrics.protocol import Protocol, filled_in
from keras_genmod.metrics.results import Score

# Y of BT.601 in 0 to 255, of RGB in [0, 1]: black is 16, white 235.
_LUMA, _BLACK = np.array([65.481, 128.553, 24.966]), 16.0
_WINDOW, _DEVIATION = 11, 1.5  # of SSIM, in pixels
_STABLE = (0.01**2, 0.03**2)  # C1, C2, for values in [0, 1]


def peak_signal_to_noise_ratio(
    real: ArrayLike,
    made: ArrayLike,
    border: int = 0,
    luma: bool = True,
    protocol: Protocol | None = None,
) -> Score:
    """Returns the mean PSNR of images, in decibels.

        PSNR = -10 log10 mean (real - made)^2, of values in [0, 1]

    an image, with the mean over its pixels (and channels), then the mean over images.

    Args:
        real: Floats in [0, 1] of shape `(batch, height, width, channels)`.
        made: Floats of the same shape, what was made of the images.
        border: Int of at least 0, pixels that are left out on each side: as many as
            the scale, in papers on super-resolution.
        luma: Whether RGB images are compared in Y = (16 + 65.481 R + 128.553 G +
            24.966 B) / 255 of BT.601; images of other channels are compared as they
            are, always.
        protocol: `Protocol` that says where the images come from, or `None`.

    Returns:
        `Score`, higher is better, with the standard error over images; infinite where
        an image equals its original.

    Raises:
        ValueError: If the arrays are no such images, or `border` leaves nothing.

    Note:
        Values are not rounded to 8 bits, as files round them.

    Example:
        ```python
        score = metrics.peak_signal_to_noise_ratio(high, model.upscale(low), border=4)
        float(score)  # 27.6, in dB
        ```
    """
    x, y, channel = _pair(real, made, border, luma)
    with np.errstate(divide="ignore"):
        values = -10.0 * np.log10(np.square(x - y).mean(axis=(1, 2, 3)))
    return _score("PSNR", values, channel, border, protocol)


def structural_similarity(
    real: ArrayLike,
    made: ArrayLike,
    border: int = 0,
    luma: bool = True,
    protocol: Protocol | None = None,
) -> Score:
    """Returns the mean SSIM of images, 1 for equal ones.

    With m, v and c the means, variances and the covariance in a normal window of 11x11
    pixels, standard deviation 1.5, of values in [0, 1], at each place where the window
    lies within the image,

        SSIM = (2 m1 m2 + C1) (2 c + C2) / ((m1^2 + m2^2 + C1) (v1 + v2 + C2))

    with C1 = 0.01^2 and C2 = 0.03^2; the mean over places and channels, then images.

    Args:
        real: Floats in [0, 1] of shape `(batch, height, width, channels)`, sides of
            at least 11 without the border.
        made: Floats of the same shape, what was made of the images.
        border: As in `peak_signal_to_noise_ratio`.
        luma: As in `peak_signal_to_noise_ratio`.
        protocol: `Protocol` that says where the images come from, or `None`.

    Returns:
        `Score` in [-1, 1], higher is better, with the standard error over images.

    Raises:
        ValueError: If the arrays are no such images, or too small.

    References:
        Wang, Bovik, Sheikh and Simoncelli, Image quality assessment: from error
        visibility to structural similarity, IEEE Transactions on Image Processing 13,
        2004.

    Example:
        ```python
        metrics.structural_similarity(high, model.upscale(low), border=4)
        ```
    """
    x, y, channel = _pair(real, made, border, luma)
    if min(x.shape[1:3]) < _WINDOW:
        raise ValueError(
            f"`real` must have sides of at least {_WINDOW}, the window of SSIM, "
            f"without `border`. Received: sides of {x.shape[1:3]} that are left"
        )
    mean_1, mean_2 = _windowed(x), _windowed(y)
    variance_1 = _windowed(x * x) - mean_1**2
    variance_2 = _windowed(y * y) - mean_2**2
    covariance = _windowed(x * y) - mean_1 * mean_2
    c1, c2 = _STABLE
    places = (2 * mean_1 * mean_2 + c1) * (2 * covariance + c2)
    places /= (mean_1**2 + mean_2**2 + c1) * (variance_1 + variance_2 + c2)
    return _score("SSIM", places.mean(axis=(1, 2, 3)), channel, border, protocol)


def _windowed(x):
    """Returns means in a normal window around each place that holds it whole."""
    offsets = np.arange(_WINDOW) - _WINDOW // 2
    window = np.exp(-(offsets**2) / (2 * _DEVIATION**2))
    window /= window.sum()
    for axis in (1, 2):
        x = ndimage.correlate1d(x, window, axis=axis)
    half = _WINDOW // 2
    return x[:, half:-half, half:-half]


def _pair(real: Any, made: Any, border: Any, luma: Any):
    """Returns both as float64 arrays of what is compared, and its name."""
    border = checks.integer("border", border)
    checks.boolean("luma", luma)
    real, made = _images("real", real), _images("made", made)
    if real.shape != made.shape:
        raise ValueError(
            f"`made` must have the shape of `real`, {real.shape}. "
            f"Received: made of shape {made.shape}"
        )
    if 2 * border >= min(real.shape[1:3]):
        raise ValueError(
            f"`border` must leave pixels of images of {real.shape[1:3]}. "
            f"Received: border={border}"
        )
    inner = slice(border, -border or None)
    real, made = real[:, inner, inner], made[:, inner, inner]
    if not (luma and real.shape[-1] == 3):
        return real, made, "all"
    real, made = ((_BLACK + x @ _LUMA)[..., None] / 255.0 for x in (real, made))
    return real, made, "luma BT.601"


def _images(name: str, x: Any) -> np.ndarray:
    x = checks.real_numbers(name, x)
    if x.ndim != 4 or x.size == 0:
        raise ValueError(
            f"`{name}` must have the shape (batch, height, width, channels). "
            f"Received: {name} of shape {x.shape}"
        )
    checks.unit_range(name, x)
    return x.astype(np.float64)


def _score(name, values, channel, border, protocol):
    count = len(values)
    spread = None
    if count > 1 and np.all(np.isfinite(values)):
        spread = float(values.std(ddof=1) / np.sqrt(count))
    described = filled_in(
        protocol, metric=name, num_fake=count, channel=channel, border=border
    )
    value = float(values.mean())
    return Score(value=value, standard_error=spread, protocol=described)
