"""Two-dimensional toy densities, all within about [-4, 4] on both axes."""

import numpy as np

NUM_POINTS = {"train": 10_000, "test": 2_000}


def two_moons(generator: np.random.RandomState, num_points: int) -> np.ndarray:
    """Draws from two interleaved half circles of radius 2.5, noise of 0.2.

    Args:
        generator: `numpy.random.RandomState`.
        num_points: Integer.

    Returns:
        Array of shape `(num_points, 2)`.
    """
    angle = np.pi * generator.random_sample(num_points)
    upper = generator.randint(0, 2, num_points) == 0
    sign = np.where(upper, 1.0, -1.0)
    x = sign * (np.cos(angle) - 0.5)  # the moons mirror each other
    y = sign * (np.sin(angle) - 0.25)
    points = 2.5 * np.stack([x, y], axis=1)
    return points + 0.2 * generator.standard_normal((num_points, 2))


def pinwheel(generator: np.random.RandomState, num_points: int) -> np.ndarray:
    """Draws from five Gaussian arms bent into a pinwheel.

    Args:
        generator: `numpy.random.RandomState`.
        num_points: Integer.

    Returns:
        Array of shape `(num_points, 2)`.

    References:
        - Johnson et al., "Composing graphical models with neural networks", 2016,
          arXiv:1603.06277.
    """
    arm = generator.randint(0, 5, num_points)
    noise = generator.standard_normal((num_points, 2))
    radial, tangential = 1.0 + 0.3 * noise[:, 0], 0.1 * noise[:, 1]
    angle = 2 * np.pi * arm / 5 + 0.25 * np.exp(radial)
    x = radial * np.cos(angle) - tangential * np.sin(angle)
    y = radial * np.sin(angle) + tangential * np.cos(angle)
    return 2.0 * np.stack([x, y], axis=1)


def checkerboard(generator: np.random.RandomState, num_points: int) -> np.ndarray:
    """Draws uniformly from the 8 dark squares, of side 2, of a 4x4 board.

    Args:
        generator: `numpy.random.RandomState`.
        num_points: Integer.

    Returns:
        Array of shape `(num_points, 2)`, in [-4, 4].
    """
    column = generator.randint(0, 4, num_points)
    row = 2 * generator.randint(0, 2, num_points) + column % 2
    corner = np.stack([column, row], axis=1)
    return 2.0 * (corner + generator.random_sample((num_points, 2))) - 4.0


def eight_gaussians(generator: np.random.RandomState, num_points: int) -> np.ndarray:
    """Draws from eight Gaussians of deviation 0.35 on a circle of radius 2.8.

    Args:
        generator: `numpy.random.RandomState`.
        num_points: Integer.

    Returns:
        Array of shape `(num_points, 2)`.
    """
    angle = 2 * np.pi * generator.randint(0, 8, num_points) / 8
    centres = 2.8 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return centres + 0.35 * generator.standard_normal((num_points, 2))


TOYS = {
    "two_moons": two_moons,
    "pinwheel": pinwheel,
    "checkerboard": checkerboard,
    "eight_gaussians": eight_gaussians,
}


def load_toy(name: str, split: str) -> tuple[np.ndarray, None]:
    """Loads the fixed sample of a toy density: 10,000 points, or 2,000 to test.

    Args:
        name: String, a key of `TOYS`.
        split: `"train"` or `"test"`, two independent samples.

    Returns:
        `(x, None)`: float32 of shape `(n, 2)`; a toy has no labels.
    """
    seed = [list(TOYS).index(name), list(NUM_POINTS).index(split)]
    # RandomState's stream is frozen across NumPy versions: the same points forever.
    generator = np.random.RandomState(seed)
    return TOYS[name](generator, NUM_POINTS[split]).astype("float32"), None
