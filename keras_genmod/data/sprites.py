"""Sprites: white shapes of known factors of variation, drawn without any download."""

from typing import Any

import numpy as np

from keras_genmod import checks

SPRITE_FACTORS = ("shape", "scale", "angle", "x", "y")
_CHUNK = 1024  # images drawn at a time
_EXTENT = 1.25  # of the largest shape from its centre, in units of its radius


def sprites(
    num_samples: int | None = None,
    size: int = 64,
    num_scales: int = 6,
    num_angles: int = 40,
    num_positions: int = 32,
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """Draws squares, ellipses and hearts of some scale, angle and place.

    All factors are independent and uniform. A square looks the same after a quarter of
    a turn and an ellipse after half a turn, so that no code can tell those angles.

    Args:
        num_samples: Positive int, examples drawn with replacement; `None` for each
            combination once, in the order of the factors: 737,280 by default, 12 GB.
        size: Positive int, at least 8, height and width in pixels.
        num_scales: Positive int, scales from half to whole.
        num_angles: Positive int, angles of a whole turn.
        num_positions: Positive int, places along each axis.
        seed: Int; the same one gives the same examples everywhere.

    Returns:
        `(x, factors)`: float32 images `(n, size, size, 1)` of 0 and 1, and int32
        `(n, 5)`: shape (0 square, 1 ellipse, 2 heart), scale, angle, x, y.

    Raises:
        ValueError: If an argument is out of range.

    References:
        Matthey et al., dSprites, 2017: the same factors, drawn by other software.

    Example:
        ```python
        x, factors = data.sprites(1000, size=16, num_angles=8, num_positions=8)
        ```
    """
    size = checks.integer("size", size, 8)
    numbers = (
        3,
        checks.positive_int("num_scales", num_scales),
        checks.positive_int("num_angles", num_angles),
        *[checks.positive_int("num_positions", num_positions)] * 2,
    )
    seed = checks.integer("seed", seed)
    if num_samples is None:
        places = np.unravel_index(np.arange(int(np.prod(numbers))), numbers)
        factors = np.stack(places, axis=1)
    else:
        num_samples = checks.positive_int("num_samples", num_samples)
        # RandomState's stream is frozen across NumPy versions.
        generator = np.random.RandomState(seed)
        draws = [generator.randint(0, number, num_samples) for number in numbers]
        factors = np.stack(draws, axis=1)
    images = np.empty((len(factors), size, size, 1), "float32")
    for start in range(0, len(factors), _CHUNK):
        rows = slice(start, start + _CHUNK)
        images[rows, ..., 0] = _draw(factors[rows], size, numbers)
    return images, factors.astype("int32")


def _draw(factors: np.ndarray, size: int, numbers: Any) -> np.ndarray:
    """Returns bools `(n, size, size)`, whether the middle of a pixel is inside."""
    shape, scale, angle, x, y = (f[:, None, None] for f in factors.T)
    radius = size / 6 * (0.5 + 0.5 * scale / max(numbers[1] - 1, 1))
    margin = _EXTENT * size / 6
    step = (size - 2 * margin) / max(numbers[3] - 1, 1)
    turn = 2 * np.pi * angle / numbers[2]
    middle = np.arange(size) + 0.5
    across = (middle[None, None, :] - margin - step * x) / radius
    up = (margin + step * y - middle[None, :, None]) / radius
    u = np.cos(turn) * across + np.sin(turn) * up
    v = np.cos(turn) * up - np.sin(turn) * across
    square = np.maximum(np.abs(u), np.abs(v)) <= 0.8
    ellipse = u**2 + (v / 0.6) ** 2 <= 1
    p, q = 1.2 * u, 1.2 * v  # a heart that ends at about 1
    heart = (p**2 + q**2 - 1) ** 3 - p**2 * q**3 <= 0
    return np.where(shape == 0, square, np.where(shape == 1, ellipse, heart))
