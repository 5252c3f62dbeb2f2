"""Squared distances between many points: bounded by blocks, decided in float64.

Differences of large products lose digits, and float32 loses more, but is twice as fast.
So blocks hold lower bounds, from one matrix product each; whatever a bound leaves open
is decided from the difference of the two points. Results are those of exact
arithmetic up to the rounding of `sum((x - y)^2)` in float64, and equal points are
equally far from others, so that strict comparisons hold at ties.
"""

import numpy as np

BLOCK = 1024  # rows and columns of a block
_CHUNK = 1 << 20  # numbers held at once where pairs are decided one by one


class Points:
    """Points ready for `lower_bounds`.

    Args:
        x: Array `(n, d)` of finite floats.
        centre: Array `(d,)` near which the points lie, the same for two sets that are
            compared. It keeps rounding errors small and changes no distance.
        dtype: The dtype of the bounds, float32 or float64.
    """

    def __init__(self, x: np.ndarray, centre: np.ndarray, dtype: type):
        num_points, dim = x.shape
        self.x = x
        self.centre = centre
        # |x^ . y^ computed - exact| <= (d + 2) u |x||y|, plus the rounding of x^, y^
        # and of their norms: together below margin / 2 (|x|^2 + |y|^2), u = eps / 2.
        self.margin = (dim + 8) * float(np.finfo(dtype).eps)
        self.tiny = (dim + 8) * float(np.finfo(dtype).tiny)
        self.norms = np.empty(num_points)
        # Rows (x, 1, (1 - margin) |x|^2), for one product to give the whole bound.
        self._rows = np.empty((num_points, dim + 2), dtype)
        for rows in blocks(num_points):
            centred = x[rows].astype(np.float64) - centre
            self._rows[rows, :dim] = centred
            self.norms[rows] = np.einsum("nd,nd->n", centred, centred)
        self._rows[:, -2] = 1.0
        self._rows[:, -1] = (1.0 - self.margin) * self.norms - self.tiny

    def __len__(self) -> int:
        return len(self.x)

    def left(self, rows: slice) -> np.ndarray:
        """Returns the left factor of the bounds of some points."""
        right = self._rows[rows]
        left = -2.0 * right
        left[:, -2] = right[:, -1]
        left[:, -1] = 1.0
        return left

    def lower_bounds(self, left: np.ndarray, columns: slice) -> np.ndarray:
        """Returns lower bounds of squared distances, `(rows, columns)`.

        They are too low by at most `slack`.
        """
        return left @ self._rows[columns].T

    def subset(self, rows: slice | np.ndarray, dtype: type) -> "Points":
        """Returns some of the points, ready for bounds of another dtype."""
        return Points(self.x[rows], self.centre, dtype)


def slack(queries: Points, points: Points, i: np.ndarray, j: np.ndarray) -> np.ndarray:
    """Returns how much too low the bounds of pairs of indices may be."""
    margin = max(queries.margin, points.margin)
    return 2.1 * margin * (queries.norms[i] + points.norms[j]) + 4.0 * points.tiny


def suitable_dtype(*sets: np.ndarray) -> type:
    """Returns float32 if the sets' numbers fit its range well, otherwise float64."""
    largest = max(max(float(x.max()), -float(x.min())) for x in sets)
    return np.float32 if 1e-12 < largest < 1e15 else np.float64


def near(x: np.ndarray) -> np.ndarray:
    """Returns a point in the middle of most of `x`, the median of about 100."""
    return np.median(x[:: max(1, len(x) // 100)], axis=0).astype(np.float64)


def blocks(count: int) -> list[slice]:
    """Returns slices that cover `range(count)`."""
    return [slice(i, min(i + BLOCK, count)) for i in range(0, count, BLOCK)]


def squared_distances(
    x: np.ndarray, y: np.ndarray, i: np.ndarray, j: np.ndarray
) -> np.ndarray:
    """Returns `|x[i] - y[j]|^2` for pairs of indices, in float64."""
    result = np.empty(len(i))
    step = max(1, _CHUNK // x.shape[1])
    for start in range(0, len(i), step):
        part = slice(start, start + step)
        difference = np.subtract(x[i[part]], y[j[part]], dtype=np.float64)
        result[part] = np.einsum("nd,nd->n", difference, difference)
    return result


def below(
    block: np.ndarray, limits: np.ndarray, axis: int
) -> tuple[np.ndarray, np.ndarray]:
    """Returns row and column indices where `block < limits`.

    Args:
        block: Array `(rows, columns)`.
        limits: Array `(rows,)` for axis 0, `(columns,)` for axis 1.
        axis: 0 or 1, the axis that `limits` runs along.
    """
    limits = np.asarray(limits)
    if limits.dtype != block.dtype:  # never round a limit down
        limits = np.nextafter(limits.astype(block.dtype), np.inf, dtype=block.dtype)
    mask = block < (limits[:, None] if axis == 0 else limits)
    return np.divmod(np.flatnonzero(mask), block.shape[1])
