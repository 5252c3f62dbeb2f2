"""Precision, recall, density and coverage of generated samples."""

import dataclasses

import numpy as np
from numpy.typing import ArrayLike

from keras_genmod import checks
from keras_genmod.metrics.distance_bounds import (
    Points,
    below,
    blocks,
    near,
    slack,
    squared_distances,
    suitable_dtype,
)
from keras_genmod.metrics.features import check_pair
from keras_genmod.metrics.neighbour_search import squared_radii
from keras_genmod.metrics.protocol import Protocol, filled_in
from keras_genmod.metrics.results import Result
from keras_genmod.progress import shown

_OPEN = 0.01  # share of a block that float32 may leave open before float64 takes over


@dataclasses.dataclass(frozen=True, kw_only=True)
class PrecisionRecallDensityCoverage(Result):
    """What `precision_recall_density_coverage` returns.

    Args:
        precision: Float in [0, 1], share of generated samples in the real manifold.
        recall: Float in [0, 1], share of real samples in the generated manifold.
        density: Float from 0, real balls around a generated sample over k; about 1
            for equal distributions, and not bounded by it.
        coverage: Float in [0, 1], share of real balls with a generated sample inside.
        protocol: The `Protocol`.
    """

    precision: float
    recall: float
    density: float
    coverage: float


def precision_recall_density_coverage(
    real: ArrayLike,
    fake: ArrayLike,
    k: int = 5,
    protocol: Protocol | None = None,
    verbose: int = 0,
) -> PrecisionRecallDensityCoverage:
    r"""Precision, recall, density and coverage from balls around samples.

    The ball of a sample reaches to its k-th nearest neighbour in its own set (not
    counting itself); its radius is `r_k`. With the strict test `|x - y| < r_k(x)`,

        precision = mean_j 1[some real i: |x_i - y_j| < r_k(x_i)]
        recall    = mean_i 1[some fake j: |x_i - y_j| < r_k(y_j)]
        density   = mean_j #{real i: |x_i - y_j| < r_k(x_i)} / k
        coverage  = mean_i 1[some fake j: |x_i - y_j| < r_k(x_i)]

    Distances close to a radius are decided in float64 from the points' difference, so
    that copies of real samples are on the edge of balls, never by rounding inside.
    Memory grows with the number of samples, not with its square.

    Args:
        real: Array of shape `(num_real, num_features)`.
        fake: Array of shape `(num_fake, num_features)`.
        k: Integer, the neighbour that a ball reaches to.
        protocol: A `Protocol` that says which features these are.
        verbose: 0 shows nothing, 1 a bar of the blocks of samples for the radii of one
            set, of the other and for the balls, 2 a line at the end of each.

    Returns:
        `PrecisionRecallDensityCoverage`: four numbers and their protocol.

    Raises:
        ValueError: If a set has no more than `k` samples or a value that is not
            finite, or the sets differ in width.

    References:
        Kynkaanniemi et al., 2019, "Improved precision and recall metric for assessing
        generative models", arXiv:1904.06991; Naeem et al., 2020, "Reliable fidelity
        and diversity metrics for generative models", arXiv:2002.09797.

    Note:
        The first paper's test is `<=`, the second one's code (prdc) tests `<`, as here.

    Example:
        ```python
        rng = np.random.default_rng(0)
        real, fake = rng.normal(size=(2, 500, 8))
        result = precision_recall_density_coverage(real, fake * 0.1)
        result.precision, result.recall  # high, low
        ```
    """
    real, fake = check_pair(real, fake)
    smaller = min(len(real), len(fake))
    why = "the number of samples in `real` or `fake` but one"
    k = checks.integer("k", k, 1, smaller - 1, why)
    dtype = suitable_dtype(real, fake)
    around_real, around_fake = (squared_radii(x, k, verbose) for x in (real, fake))
    centre = near(real)
    points = Points(real, centre, dtype), Points(fake, centre, dtype)
    counts = _Counts(*points, around_real, around_fake, verbose)
    return PrecisionRecallDensityCoverage(
        precision=float((counts.balls_around_fake > 0).mean()),
        recall=float(counts.recalled.mean()),
        density=float(counts.balls_around_fake.mean() / k),
        coverage=float(counts.covered.mean()),
        protocol=filled_in(
            protocol,
            metric="precision_recall_density_coverage",
            num_real=len(real),
            num_fake=len(fake),
            k=k,
        ),
    )


class _Counts:
    """Which samples of one set are in balls around samples of the other."""

    def __init__(
        self,
        real: Points,
        fake: Points,
        around_real: np.ndarray,
        around_fake: np.ndarray,
        verbose: int,
    ):
        self.balls_around_fake = np.zeros(len(fake), np.int64)
        self.covered = np.zeros(len(real), bool)
        self.recalled = np.zeros(len(real), bool)
        for rows in shown(blocks(len(real)), verbose):
            left = real.left(rows)
            for columns in blocks(len(fake)):
                block = (real, fake, rows, columns, fake.lower_bounds(left, columns))
                i, j = _inside(*block, around_real[rows], axis=0)
                self.balls_around_fake += np.bincount(j, minlength=len(fake))
                self.covered[i] = True
                i, _ = _inside(*block, around_fake[columns], axis=1)
                self.recalled[i] = True


def _inside(
    real: Points,
    fake: Points,
    rows: slice,
    columns: slice,
    bounds: np.ndarray,
    squares: np.ndarray,
    axis: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the pairs of a block whose squared distance is below that of one of them.

    `squares` are squared radii of the real samples for axis 0, of the generated ones
    for axis 1.
    """
    row, column = below(bounds, squares, axis)
    limits = squares[row if axis == 0 else column]
    i, j = row + rows.start, column + columns.start
    is_open = bounds[row, column] + slack(real, fake, i, j) >= limits
    if bounds.dtype == np.float32 and is_open.sum() > _OPEN * bounds.size:
        real, fake = real.subset(rows, np.float64), fake.subset(columns, np.float64)
        rest = slice(0, len(real)), slice(0, len(fake))
        bounds = fake.lower_bounds(real.left(rest[0]), rest[1])
        i, j = _inside(real, fake, *rest, bounds, squares, axis)
        return i + rows.start, j + columns.start
    inside = ~is_open
    exact = squared_distances(real.x, fake.x, i[is_open], j[is_open])
    inside[is_open] = exact < limits[is_open]
    return i[inside], j[inside]
