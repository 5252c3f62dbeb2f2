"""Kernel distance (KID): squared maximum mean discrepancy of features."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

from keras_genmod import checks
from keras_genmod.metrics.features import check_pair
from keras_genmod.metrics.protocol import Protocol, filled_in
from keras_genmod.metrics.results import Score
from keras_genmod.progress import shown

_BLOCK = 256  # rows and columns of the kernel matrix held at once: they fit the cache


def kernel_distance(
    real: ArrayLike,
    fake: ArrayLike,
    num_subsets: int | None = 100,
    subset_size: int = 1000,
    seed: int = 2020,
    protocol: Protocol | None = None,
    verbose: int = 0,
) -> Score:
    r"""Unbiased squared maximum mean discrepancy under a cubic kernel.

        sum_{i != j} k(x_i, x_j) / (m (m - 1)) + sum_{i != j} k(y_i, y_j) / (n (n - 1))
            - 2 sum_{i, j} k(x_i, y_j) / (m n),      k(x, y) = (x . y / d + 1)^3

    With Inception features this is the KID. It is unbiased at any number of samples
    and so may be slightly negative.

    Args:
        real: Array of shape `(num_real, num_features)`.
        fake: Array of shape `(num_fake, num_features)`.
        num_subsets: Integer, the score is the mean over this many random subsets of
            each set. `None` takes all samples once: exact, deterministic, in memory
            that does not grow with the square of their number.
        subset_size: Integer, samples in a subset; without effect where `num_subsets`
            is `None`.
        seed: Integer, seeds the subsets; likewise.
        protocol: A `Protocol` that says which features these are.
        verbose: 0 shows nothing, 1 a bar of the subsets, 2 a line at the end; without
            effect where `num_subsets` is `None`.

    Returns:
        A `Score`. With subsets `standard_deviation` is over them (divisor n), and no
        standard error is given, since subsets share samples. Over all samples
        `standard_error` is the jackknife's (from three samples a set on).

    Raises:
        ValueError: If a set has fewer than two samples, fewer than `subset_size`, or a
            value that is not finite, or the sets differ in width.

    References:
        Binkowski et al., 2018, "Demystifying MMD GANs", arXiv:1801.01401.

    Note:
        For float64 features, seed and settings equal, the numbers are those of
        torch-fidelity with the generated set as its first input and the real one as
        its second. That package computes float32 features in float32.

    Example:
        ```python
        rng = np.random.default_rng(0)
        real, fake = rng.normal(size=(2, 500, 8))
        kernel_distance(real, fake, num_subsets=10, subset_size=100)
        kernel_distance(real, fake, num_subsets=None).standard_error
        ```
    """
    checks.choice("verbose", verbose, (0, 1, 2))
    real, fake = check_pair(real, fake, minimum=2)
    counts = {
        "metric": "kernel_distance",
        "num_real": len(real),
        "num_fake": len(fake),
    }
    if num_subsets is None:
        value, error = _over_all(real, fake)
        protocol = filled_in(protocol, **counts)
        return Score(value=value, standard_error=error, protocol=protocol)
    checks.integer("num_subsets", num_subsets, 1)
    smaller = min(len(real), len(fake))
    why = "the number of samples in `real` or `fake`"
    checks.integer("subset_size", subset_size, 2, smaller, why)
    # The legacy generator, whose subsets published numbers were made with.
    rng = np.random.RandomState(checks.required_seed("seed", seed))
    values = []
    for _ in shown(range(num_subsets), verbose):
        x = fake[rng.choice(len(fake), subset_size, replace=False)]
        y = real[rng.choice(len(real), subset_size, replace=False)]
        values.append(_over_all(y, x, jackknife=False)[0])
    settings = {"num_subsets": num_subsets, "subset_size": subset_size, "seed": seed}
    return Score(
        value=float(np.mean(values)),
        standard_deviation=float(np.std(values)),
        protocol=filled_in(protocol, **counts, **settings),
    )


def _over_all(
    real: np.ndarray, fake: np.ndarray, jackknife: bool = True
) -> tuple[float, float | None]:
    """Returns the distance and its jackknife standard error (or None)."""
    m, n = len(real), len(fake)
    within_real, within_fake = _sums_within(real), _sums_within(fake)  # (m,), (n,)
    across_real, across_fake = _sums_across(real, fake)  # (m,), (n,)
    of_real = within_real.sum() / (m * (m - 1))
    of_fake = within_fake.sum() / (n * (n - 1))
    across = across_real.sum() / (m * n)
    value = float(of_real + of_fake - 2.0 * across)
    if not jackknife or min(m, n) < 3:
        return value, None
    # What changes in the distance when one sample is left out; constants drop out.
    without_real = _left_out(within_real, across_real, m, n)
    without_fake = _left_out(within_fake, across_fake, n, m)
    variance = (m - 1) * without_real.var() + (n - 1) * without_fake.var()
    return value, float(np.sqrt(variance))


def _left_out(
    within: np.ndarray, across: np.ndarray, count: int, count_other: int
) -> np.ndarray:
    inside = (within.sum() - 2.0 * within) / ((count - 1) * (count - 2))
    outside = (across.sum() - across) / ((count - 1) * count_other)
    return inside - 2.0 * outside


def _kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    products = x @ y.T
    products /= x.shape[1]
    products += 1.0
    return products * products * products


def _blocks(x: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    for start in range(0, len(x), _BLOCK):
        yield start, np.asarray(x[start : start + _BLOCK], np.float64)


def _sums_within(x: np.ndarray) -> np.ndarray:
    """Returns the sum of k(x_i, x_j) over j != i, for each i."""
    sums = np.zeros(len(x))
    for i, rows in _blocks(x):
        block = _kernel(rows, rows)
        np.fill_diagonal(block, 0.0)
        sums[i : i + len(rows)] += block.sum(axis=1)
        for j, columns in _blocks(x[i + _BLOCK :]):
            j += i + _BLOCK
            block = _kernel(rows, columns)
            sums[i : i + len(rows)] += block.sum(axis=1)
            sums[j : j + len(columns)] += block.sum(axis=0)
    return sums


def _sums_across(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the sums of k(x_i, y_j) over j, and over i."""
    of_x, of_y = np.zeros(len(x)), np.zeros(len(y))
    for i, rows in _blocks(x):
        for j, columns in _blocks(y):
            block = _kernel(rows, columns)
            of_x[i : i + len(rows)] += block.sum(axis=1)
            of_y[j : j + len(columns)] += block.sum(axis=0)
    return of_x, of_y
