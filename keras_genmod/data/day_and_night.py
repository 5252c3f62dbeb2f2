"""Landscapes by day and by night: two domains whose right translation is known."""

import numpy as np

from keras_genmod import checks

_SKY = np.array([(0.42, 0.65, 0.95), (0.82, 0.91, 1.0)])  # at the top, at the bottom
_NIGHT_SKY = np.array([(0.02, 0.03, 0.10), (0.12, 0.14, 0.30)])
_SUN, _MOON = np.array([(1.0, 0.90, 0.45), (0.90, 0.92, 0.98)])
_GLASS, _LIGHT = np.array([(0.22, 0.30, 0.38), (1.0, 0.85, 0.45)])
_MOONLIGHT = np.array((0.16, 0.20, 0.34))  # what is left of a colour at night
_HILLS = np.array([(0.35, 0.62, 0.30), (0.55, 0.62, 0.28), (0.42, 0.55, 0.38)])
_WALLS = np.array([(0.93, 0.88, 0.76), (0.85, 0.62, 0.50), (0.75, 0.80, 0.85)])
_ROOFS = np.array([(0.62, 0.25, 0.18), (0.40, 0.32, 0.30), (0.30, 0.38, 0.50)])
_CROWN, _TRUNK = np.array([(0.16, 0.40, 0.20), (0.40, 0.28, 0.18)])


def day_and_night(
    num: int, size: int = 32, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Draws landscapes of hills, houses and trees, each by day and by night.

    At night the sky is dark, the moon stands where the sun stood, windows are lit, and
    all other colours are those of the day times (0.16, 0.20, 0.34). So each picture by
    day has one right picture by night, and the other way round: pairs for `Pix2Pix`,
    and, of different landscapes, two domains for `CycleGAN` with a truth to compare to.

    Args:
        num: Positive int, landscapes.
        size: Positive int, at least 16, height and width in pixels.
        seed: Int; the same one gives the same landscapes everywhere.

    Returns:
        `(day, night)`, each float32 `(num, size, size, 3)` in [0, 1], the same
        landscape at the same index.

    Raises:
        ValueError: If an argument is out of range.

    Example:
        ```python
        day, night = keras_genmod.data.day_and_night(100, size=32)
        ```
    """
    num = checks.positive_int("num", num)
    size = checks.integer("size", size, 16, 1024)
    seed = checks.required_seed("seed", seed)
    # RandomState's stream is frozen across NumPy versions.
    rng = np.random.RandomState(seed)
    pairs = [_landscape(rng, size) for _ in range(num)]
    both = np.array(pairs, "float32")  # (num, 2, size, size, 3)
    return both[:, 0], both[:, 1]


def _landscape(rng, size):
    """Returns one landscape by day and by night, `(size, size, 3)`."""
    middle = (np.arange(size) + 0.5) / size
    x, y = middle[None, :], middle[:, None]  # to the right, and down
    share = np.broadcast_to(y[..., None], (size, size, 1))
    day, night = (sky[0] * (1 - share) + sky[1] * share for sky in (_SKY, _NIGHT_SKY))

    def paint(covered, by_day, by_night=None):
        day[covered] = by_day
        night[covered] = by_day * _MOONLIGHT if by_night is None else by_night

    across, down = rng.uniform(0.1, 0.9), rng.uniform(0.1, 0.25)
    paint(
        (x - across) ** 2 + (y - down) ** 2 <= rng.uniform(0.06, 0.1) ** 2, _SUN, _MOON
    )
    for level in (0.5, 0.65):  # hills far off, then near ones
        phase, waves = rng.uniform(0, 2 * np.pi), rng.uniform(0.5, 1.5)
        horizon = level + 0.06 * np.sin(2 * np.pi * waves * x + phase)
        paint(y >= horizon, _HILLS[rng.randint(len(_HILLS))] * rng.uniform(0.85, 1.0))
    for left in rng.permutation(4)[: rng.randint(1, 4)] / 4:
        bottom = rng.uniform(0.75, 0.92)
        if rng.randint(2):
            _house(paint, rng, x, y, left + 0.03, bottom)
        else:
            _tree(paint, rng, x, y, left + 0.12, bottom)
    return day, night


def _house(paint, rng, x, y, left, bottom):
    width, height = 0.2, rng.uniform(0.16, 0.24)
    top = bottom - height
    wall, roof = _WALLS[rng.randint(len(_WALLS))], _ROOFS[rng.randint(len(_ROOFS))]
    inside = (x >= left) & (x < left + width)
    paint(inside & (y >= top) & (y < bottom), wall)
    rise = (y - (top - 0.1)) / 0.1  # 0 at the ridge, 1 at the eaves
    slope = np.abs(x - left - width / 2) <= rise * width / 2
    paint(slope & (rise >= 0) & (rise < 1), roof)
    for column in (0.2, 0.6):
        start = left + column * width
        of_window = (x >= start) & (x < start + 0.06)
        paint(
            of_window & (y >= top + 0.05) & (y < top + 0.11),
            _GLASS,
            _LIGHT,
        )


def _tree(paint, rng, x, y, middle, bottom):
    radius = rng.uniform(0.07, 0.1)
    trunk = (np.abs(x - middle) <= 0.02) & (y >= bottom - 0.15) & (y < bottom)
    paint(trunk, _TRUNK)
    crown = (x - middle) ** 2 + (y - bottom + 0.15 + radius / 2) ** 2 <= radius**2
    paint(crown, _CROWN)
