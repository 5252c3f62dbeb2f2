"""Mixtures with modes to count: a ring, a grid, and stacked digits."""

import os

import numpy as np

from keras_genmod import checks
from keras_genmod.data.loading import load


def ring(
    seed: int = 0,
    num_points: int = 100_000,
    num_modes: int = 8,
    radius: float = 1.0,
    deviation: float = 0.01,
) -> tuple[np.ndarray, np.ndarray]:
    """Draws from equally likely Gaussians on a circle, by default PacGAN's ring.

    Args:
        seed: Int of at least 0.
        num_points: Positive int.
        num_modes: Positive int; mode m is at the angle 2 pi m / num_modes.
        radius: Positive number, of the circle.
        deviation: Positive number, the standard deviation of each Gaussian.

    Returns:
        `(x, y)`: float32 of shape `(num_points, 2)`, and int32 of shape
        `(num_points,)`, the modes. `ring_centres` gives the centres.

    Raises:
        ValueError: If an argument is out of its range.

    References:
        Lin et al., PacGAN, 2018, arXiv:1712.04086; Srivastava et al., VEEGAN, 2017,
        arXiv:1705.07761.

    Example:
        ```python
        x, _ = data.ring(seed=0)
        centres = data.ring_centres()
        metrics.mode_coverage(samples, centres, radius=0.03, deviation=0.01)
        ```
    """
    return _draw(seed, num_points, ring_centres(num_modes, radius), deviation)


def ring_centres(num_modes: int = 8, radius: float = 1.0) -> np.ndarray:
    """Returns the centres of `ring`, float32 of shape `(num_modes, 2)`."""
    num_modes = checks.positive_int("num_modes", num_modes)
    checks.positive("radius", radius)
    angle = 2 * np.pi * np.arange(num_modes) / num_modes
    centres = radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return centres.astype("float32")


def grid(
    seed: int = 0,
    num_points: int = 100_000,
    side: int = 5,
    spacing: float = 2.0,
    deviation: float = 0.05,
) -> tuple[np.ndarray, np.ndarray]:
    """Draws from equally likely Gaussians on a square grid, by default PacGAN's.

    Args:
        seed: Int of at least 0.
        num_points: Positive int.
        side: Positive int, Gaussians along a side, in the middle of the plane.
        spacing: Positive number, from one to the next.
        deviation: Positive number, the standard deviation of each Gaussian.

    Returns:
        `(x, y)` as `ring` does. `grid_centres` gives the centres.

    Raises:
        ValueError: If an argument is out of its range.

    Example:
        ```python
        x, y = data.grid(seed=0, num_points=2_500)
        ```
    """
    return _draw(seed, num_points, grid_centres(side, spacing), deviation)


def grid_centres(side: int = 5, spacing: float = 2.0) -> np.ndarray:
    """Returns the centres of `grid`, float32 of shape `(side ** 2, 2)`."""
    side = checks.positive_int("side", side)
    checks.positive("spacing", spacing)
    places = spacing * (np.arange(side) - (side - 1) / 2)
    return np.stack(np.meshgrid(places, places), axis=-1).reshape(-1, 2).astype("f4")


def _draw(seed, num_points, centres, deviation):
    num_points = checks.positive_int("num_points", num_points)
    checks.positive("deviation", deviation)
    # RandomState's stream is frozen across NumPy versions: the same points forever.
    generator = np.random.RandomState(checks.required_seed("seed", seed))
    modes = generator.randint(0, len(centres), num_points)
    noise = generator.standard_normal((num_points, 2))
    return (centres[modes] + deviation * noise).astype("f4"), modes.astype("int32")


def stacked_mnist(
    seed: int = 0,
    num_images: int = 128_000,
    data_dir: str | os.PathLike[str] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Stacks three random MNIST digits as the channels of each image: 1,000 modes.

    Digits are drawn from all 70,000, with replacement.

    Args:
        seed: Int of at least 0: a fixed set for each.
        num_images: Positive int; 9,408 bytes an image.
        data_dir: As in `load`.

    Returns:
        `(x, y)`: float32 in [0, 1] of shape `(num_images, 28, 28, 3)`, and int32 of
        shape `(num_images,)`: 100 times the first digit, 10 times the second and the
        third.

    Raises:
        ValueError: If an argument is out of its range.
        OSError: If MNIST is not here and cannot be downloaded.

    References:
        Metz et al., Unrolled generative adversarial networks, 2017, arXiv:1611.02163;
        Lin et al., PacGAN, 2018, arXiv:1712.04086, whose number of images is the
        default.

    Example:
        ```python
        # Not run by the tests: needs MNIST.
        x, y = data.stacked_mnist(seed=0, num_images=1_000)
        ```
    """
    checks.positive_int("num_images", num_images)
    checks.required_seed("seed", seed)
    splits = [load("mnist", split, data_dir) for split in ("train", "test")]
    digits, labels = (np.concatenate(parts) for parts in zip(*splits, strict=True))
    return stacked(digits, labels, num_images, seed)


def stacked(
    digits: np.ndarray, labels: np.ndarray, num_images: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Returns three of the digits as channels, and their three labels as one number.

    Args:
        digits: Float array `(n, height, width, 1)`.
        labels: Int array `(n,)` in [0, 10).
        num_images: Positive int.
        seed: Int of at least 0.
    """
    generator = np.random.RandomState(seed)
    chosen = generator.randint(0, len(digits), (num_images, 3))
    images = np.stack([digits[chosen[:, i], ..., 0] for i in range(3)], axis=-1)
    return images, (labels[chosen] @ [100, 10, 1]).astype("int32")
