"""Frechet distance between Gaussians fitted to two sets of features."""

import dataclasses
import warnings
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import linalg

from keras_genmod.metrics.feature_statistics import FeatureStatistics
from keras_genmod.metrics.features import check_features, check_same_width
from keras_genmod.metrics.protocol import Protocol, filled_in
from keras_genmod.metrics.results import Score

# The rounding error allowed in the quick route, relative to the distance and to the
# traces. Beyond it the slower, more exact route is taken.
_RELATIVE, _OF_TRACES = 1e-10, 1e-14


class RankDeficientWarning(UserWarning):
    """A covariance was estimated from too few samples to have full rank."""


@dataclasses.dataclass(frozen=True)
class _Gaussian:
    count: int
    mean: np.ndarray  # (d,)
    trace: float
    covariance: np.ndarray | None  # (d, d), where it was needed
    root: np.ndarray | None  # (n, d), root^T root = covariance, where it is cheaper

    def full(self) -> np.ndarray:
        """Returns the covariance, where there are more samples than features."""
        if self.covariance is None:
            raise ValueError(f"{self.count} samples have a root in its place")
        return self.covariance


def frechet_distance(
    real: ArrayLike | FeatureStatistics,
    fake: ArrayLike | FeatureStatistics,
    protocol: Protocol | None = None,
) -> Score:
    r"""Frechet distance between Gaussians fitted to real and generated features.

        |m_r - m_f|^2 + tr(C_r) + tr(C_f) - 2 tr (C_r C_f)^(1/2)

    with sample means `m` and covariances `C` (divisor N - 1). With Inception features
    this is the FID. The last term is a nuclear norm: for any `A^T A = C_r` and
    `B^T B = C_f` it is the sum of the singular values of `A B^T`. Where N <= d and the
    features are at hand, `A` is the centred features over the root of N - 1, and no
    d x d matrix is formed; otherwise it is a Cholesky factor, or made of symmetric
    eigenvalues where that fails. Well-conditioned covariances take a quicker way, the
    generalized symmetric eigenvalues of `C_r C_f`.

    Args:
        real: Array of shape `(num_real, num_features)`, or `FeatureStatistics`.
        fake: Array of shape `(num_fake, num_features)`, or `FeatureStatistics`.
        protocol: A `Protocol` that says which features these are. Left out, it is
            that of the statistics.

    Returns:
        A `Score`. The distance is biased upwards by about d^2 / N; compare only equal
        counts. It has no standard error. Nothing is clipped: equal sets give zero up
        to rounding, about 1e-15 of the traces, of either sign.

    Raises:
        ValueError: If a set has fewer than two samples or a value that is not finite,
            or the sets differ in width or features.

    Warns:
        RankDeficientWarning: If a set has no more samples than features.

    References:
        Heusel et al., 2017, "GANs trained by a two time-scale update rule converge to
        a local Nash equilibrium", arXiv:1706.08500.

    Example:
        ```python
        rng = np.random.default_rng(0)
        real, fake = rng.normal(size=(2, 500, 8))
        frechet_distance(real, fake + 1.0).value  # about 8
        ```
    """
    protocol = _source(real, fake, protocol)
    first, second = _gaussian("real", real), _gaussian("fake", fake)
    check_same_width("fake", len(first.mean), len(second.mean), "`real`")
    _warn_of_rank(first, second)
    offset = first.mean - second.mean
    rest = float(offset @ offset + first.trace + second.trace)
    return Score(
        value=rest - 2.0 * _trace_of_root(first, second, rest),
        protocol=filled_in(
            protocol,
            metric="frechet_distance",
            num_real=first.count,
            num_fake=second.count,
        ),
    )


def _source(real: Any, fake: Any, protocol: Protocol | None) -> Protocol | None:
    known = [x for x in (real, fake) if isinstance(x, FeatureStatistics)]
    if len(known) == 2:
        real.check_same_features("fake", fake)
    return known[0].protocol if protocol is None and known else protocol


def _gaussian(name: str, x: Any) -> _Gaussian:
    if not isinstance(x, FeatureStatistics):
        x = check_features(name, x, minimum=2)
        if len(x) <= x.shape[1]:
            mean = x.mean(axis=0, dtype=np.float64)
            root = (x - mean) / np.sqrt(len(x) - 1)
            return _Gaussian(len(x), mean, float(np.square(root).sum()), None, root)
        x = FeatureStatistics().update(x)
    covariance = x.covariance
    trace = float(np.trace(covariance))
    return _Gaussian(x.count, x.mean, trace, covariance, None)


def _warn_of_rank(first: _Gaussian, second: _Gaussian) -> None:
    num_features, fewest = len(first.mean), min(first.count, second.count)
    if fewest <= num_features:
        warnings.warn(
            f"{fewest} samples do not determine a covariance of {num_features} "
            "features: the Frechet distance is strongly biased. Take more than "
            f"{num_features} samples, or fewer features.",
            RankDeficientWarning,
            stacklevel=3,
        )


def _trace_of_root(first: _Gaussian, second: _Gaussian, rest: float) -> float:
    """Returns tr (C_1 C_2)^(1/2)."""
    num_features = len(first.mean)
    if min(first.count, second.count) > num_features:
        trace, error = _by_eigenvalues(first.full(), second.full())
        distance = abs(rest - 2.0 * trace)
        if 2.0 * error <= max(_RELATIVE * distance, _OF_TRACES * rest):
            return trace
    product = _root(first) @ _root(second).T
    return float(np.linalg.svd(product, compute_uv=False).sum())


def _by_eigenvalues(first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    """Returns the trace and an estimate of its rounding error (infinite: failed)."""
    try:
        # Cholesky of `first`, then the eigenvalues of L^T second L.
        squares = linalg.eigh(
            second, first, type=2, driver="gv", eigvals_only=True, check_finite=False
        )
    except linalg.LinAlgError:
        return 0.0, np.inf
    if squares[0] <= 0:
        return 0.0, np.inf
    roots = np.sqrt(squares)
    each = np.finfo(np.float64).eps * linalg.norm(first) * linalg.norm(second)
    return float(roots.sum()), float(linalg.norm(each / (2.0 * roots)))


def _root(gaussian: _Gaussian) -> np.ndarray:
    """Returns F of shape (rank, d) with F^T F = C."""
    if gaussian.root is not None:
        return gaussian.root
    num_features = len(gaussian.mean)
    if gaussian.count > num_features:
        try:
            return np.linalg.cholesky(gaussian.full()).T
        except np.linalg.LinAlgError:
            pass
    squares, vectors = np.linalg.eigh(gaussian.full())
    rank = min(gaussian.count - 1, num_features)
    squares, vectors = squares[-rank:], vectors[:, -rank:]
    return np.sqrt(np.maximum(squares, 0.0))[:, None] * vectors.T
