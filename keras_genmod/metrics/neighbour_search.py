"""The k nearest neighbours of many points, exact and in little memory."""

import numpy as np

from keras_genmod.metrics.distance_bounds import (
    Points,
    below,
    blocks,
    near,
    slack,
    squared_distances,
    suitable_dtype,
)
from keras_genmod.progress import shown

_SPARE = 8  # neighbours kept beyond k, for what the bounds cannot tell apart
_TIE = 1e-10  # relative difference of squared distances of more than k + 8 points


def nearest(
    queries: np.ndarray, points: np.ndarray, k: int
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the k nearest of `points` to each of `queries`.

    Args:
        queries: Array `(num_queries, d)` of finite floats.
        points: Array `(num_points, d)` with at least k rows.
        k: Integer.

    Returns:
        `(indices, squared)`: integers and float64, both `(num_queries, k)`, nearest
        first.
    """
    dtype, centre = suitable_dtype(queries, points), near(points)
    both = Points(queries, centre, dtype), Points(points, centre, dtype)
    return _nearest(*both, k, all_exact=True)


def squared_radii(x: np.ndarray, k: int, verbose: int = 0) -> np.ndarray:
    """Returns the squared distance of each point to its k-th nearest other one.

    Args:
        x: Array `(num_points, d)` of finite floats, with at least k + 1 rows.
        k: Integer.
        verbose: 0 shows nothing, 1 a bar of the blocks of points, 2 a line at the end.

    Returns:
        float64 array `(num_points,)`.
    """
    points = Points(x, near(x), suitable_dtype(x))
    return _nearest(points, points, k, False, verbose)[1][:, -1]


def _nearest(
    queries: Points, points: Points, k: int, all_exact: bool, verbose: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    own = np.arange(len(points)) if queries is points else None
    found = _search(queries, points, k, own, verbose)
    indices, squared, done = _refined(found, k, all_exact)
    rest = np.flatnonzero(~done)
    if len(rest):  # float32 could not tell the neighbours of these apart
        found = _search(
            queries.subset(rest, np.float64),
            points.subset(slice(None), np.float64),
            k,
            None if own is None else own[rest],
        )
        indices[rest], squared[rest], done = _refined(found, k, all_exact)
        for i in rest[~done]:  # nor float64: points close together, far from others
            indices[i], squared[i] = _of_one(queries.x, points.x, i, k, own)
    return indices, squared


def _of_one(
    queries: np.ndarray, points: np.ndarray, i: int, k: int, own: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    exact = squared_distances(
        queries, points, np.full(len(points), i), np.arange(len(points))
    )
    if own is not None:
        exact[own[i]] = np.inf
    order = np.argsort(exact, kind="stable")[:k]
    return order, exact[order]


def _search(
    queries: Points,
    points: Points,
    k: int,
    own: np.ndarray | None,
    verbose: int = 0,
) -> "_Candidates":
    found = _Candidates(queries, points, k)
    if queries is points:
        rows = blocks(len(points))
        for row in rows:  # blocks on the diagonal first: they narrow the others
            _visit(found, row, row, own, mirrored=False)
        for i, row in enumerate(shown(rows, verbose)):
            for column in rows[i + 1 :]:
                _visit(found, row, column, None, mirrored=True)
    else:
        for row in shown(blocks(len(queries)), verbose):
            for column in blocks(len(points)):
                _visit(found, row, column, own, mirrored=False)
    return found


def _visit(
    found: "_Candidates",
    row: slice,
    column: slice,
    own: np.ndarray | None,
    mirrored: bool,
) -> None:
    bounds = found.bounds(row, column)
    if own is not None:
        place = own[row] - column.start
        inside = np.flatnonzero((place >= 0) & (place < bounds.shape[1]))
        bounds[inside, place[inside]] = np.inf
    found.update(row, column, bounds, axis=0)
    if mirrored:
        found.update(column, row, bounds, axis=1)


class _Candidates:
    """The points of lowest bound to each query so far."""

    def __init__(self, queries: Points, points: Points, k: int):
        self.queries, self.points = queries, points
        size = min(k + _SPARE, len(points))
        self.lowest = np.full((len(queries), size), np.inf, queries.norms.dtype)
        self.indices = np.full((len(queries), size), -1)
        self._left_of: slice | None = None

    def bounds(self, row: slice, column: slice) -> np.ndarray:
        if self._left_of != row:
            self._left_of, self._left = row, self.queries.left(row)
        return self.points.lower_bounds(self._left, column)

    def update(self, mine: slice, theirs: slice, bounds: np.ndarray, axis: int) -> None:
        """Takes in a block of bounds, whose `axis` runs along the queries `mine`."""
        lowest = self.lowest[mine]
        if np.isinf(lowest[:, -1]).any():
            rows = bounds if axis == 0 else bounds.T
            count = min(lowest.shape[1], rows.shape[1])
            one = np.argpartition(rows, count - 1, axis=1)[:, :count].ravel()
            query = np.repeat(np.arange(len(rows)), count)
            values = rows[query, one]
        else:
            row, column = below(bounds, lowest[:, -1], axis)
            query, one = (row, column) if axis == 0 else (column, row)
            values = bounds[row, column]
        self._merge(mine, query, one + theirs.start, values)

    def _merge(
        self, mine: slice, query: np.ndarray, index: np.ndarray, values: np.ndarray
    ) -> None:
        if not len(query):
            return
        lowest, indices = self.lowest[mine], self.indices[mine]
        count, size = lowest.shape
        query = np.concatenate([np.repeat(np.arange(count), size), query])
        values = np.concatenate([lowest.ravel(), values])
        index = np.concatenate([indices.ravel(), index])
        order = np.lexsort((values, query))
        first = np.searchsorted(query[order], np.arange(count))
        keep = order[first[:, None] + np.arange(size)]
        self.lowest[mine], self.indices[mine] = values[keep], index[keep]


def _refined(
    found: _Candidates, k: int, all_exact: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns indices, squared distances, and whether no other point can be nearer.

    Without `all_exact`, only the last of the k distances is exact.
    """
    count, size = found.indices.shape
    query = np.repeat(np.arange(count), size).reshape(count, size)
    highest = found.lowest + slack(found.queries, found.points, query, found.indices)
    # The k-th distance lies between the k-th lowest and the k-th highest bound.
    from_, to = found.lowest[:, k - 1 : k], np.partition(highest, k - 1)[:, k - 1 : k]
    is_open = (found.lowest <= to) & np.isfinite(found.lowest)
    exact = np.full((count, size), np.inf)
    if not all_exact:
        surely_nearer = highest < from_
        exact[surely_nearer] = found.lowest[surely_nearer]
        is_open &= ~surely_nearer
    exact[is_open] = squared_distances(
        found.queries.x, found.points.x, query[is_open], found.indices[is_open]
    )
    order = np.lexsort((found.indices, exact))[:, :k]
    indices = np.take_along_axis(found.indices, order, axis=1)
    squared = np.take_along_axis(exact, order, axis=1)
    # Points outside the slots lie at or beyond the last slot's bound.
    done = squared[:, -1] * (1.0 - _TIE) <= np.maximum(found.lowest[:, -1], 0.0)
    return indices, squared, done | (size == len(found.points))
