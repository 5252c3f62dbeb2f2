"""How many of the data's modes a model generates."""

import dataclasses
import math
import numbers
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import rel_entr
from scipy.stats import binom

from keras_genmod import checks
from keras_genmod.metrics.features import check_features, check_pair
from keras_genmod.metrics.neighbour_search import nearest
from keras_genmod.metrics.protocol import Protocol, filled_in
from keras_genmod.metrics.results import Result

_SUM_TOLERANCE = 1e-6


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModeCoverage(Result):
    """What `mode_coverage` returns.

    Args:
        num_modes_found: Integer, modes with at least one sample.
        high_quality_share: Float in [0, 1], share of samples that belong to a mode.
        kl: Float from 0, in nats, from the generated modes' frequencies to the data's;
            NaN if no sample belongs to a mode, infinite if one belongs to a mode that
            the data does not have.
        protocol: The `Protocol`.

    Beside these stand what as many draws from the data itself would give on average:
    `ideal_num_modes`, `ideal_share` and `ideal_kl`. `str` prints both.
    """

    num_modes_found: int
    high_quality_share: float
    kl: float

    @property
    def ideal_num_modes(self) -> float:
        """Modes that an ideal sampler finds, of classified samples."""
        p, number = self._frequencies, self._num_fake
        return float(-np.expm1(number * np.log1p(-np.minimum(p, 1 - 1e-16))).sum())

    @property
    def ideal_share(self) -> float:
        """Share of ideal points within the radius; NaN without `deviation`.

        A classifier without rejection gives every sample a mode: 1.
        """
        radius, deviation = self.protocol.radius, self.protocol.deviation
        if radius is None:
            return 1.0
        if deviation is None:
            return float("nan")
        return -math.expm1(-0.5 * (radius / deviation) ** 2)

    @property
    def ideal_kl(self) -> float:
        """KL of an ideal sampler, about (num_modes - 1) / (2 num_fake), exactly.

        E sum_m k_m / n log(k_m / (n p_m)), k_m from Binomial(n, p_m).
        """
        number, total = self._num_fake, 0.0
        for p, times in zip(
            *np.unique(self._frequencies, return_counts=True), strict=True
        ):
            if p > 0:
                low, high = binom.ppf([1e-14, 1 - 1e-14], number, p)
                k = np.arange(max(1.0, low - 1), min(number, high + 1) + 1)
                shares = k / number
                terms = binom.pmf(k, number, p) * shares * np.log(shares / p)
                total += times * terms.sum()
        return float(total)

    @property
    def _frequencies(self) -> np.ndarray:
        return np.asarray(self.protocol.frequencies, np.float64)

    @property
    def _num_fake(self) -> int:
        return self.protocol.num_fake or 0

    def __str__(self) -> str:
        return (
            f"{self.num_modes_found} of {self.protocol.num_modes} modes (an ideal "
            f"sampler: {self.ideal_num_modes:.2f}), {self.high_quality_share:.1%} in a "
            f"mode ({self.ideal_share:.1%}), KL {self.kl:.4g} nats "
            f"({self.ideal_kl:.4g}) [{self.protocol}]"
        )


def mode_coverage(
    samples: ArrayLike,
    modes: int | ArrayLike,
    radius: float | None = None,
    frequencies: ArrayLike | None = None,
    protocol: Protocol | None = None,
    deviation: float | None = None,
) -> ModeCoverage:
    r"""Counts the modes that samples come from, and compares their frequencies.

        KL(q || p) = sum_m q_m log(q_m / p_m),   q_m = share of mode m among the samples
                                                       that belong to a mode

    Samples are points, for modes with known centres (a ring or grid of Gaussians), or
    labels that a classifier gave (stacked MNIST: 1,000 labels).

    Args:
        samples: Array of points `(num_samples, dim)`, or of integer labels
            `(num_samples,)` in [0, modes), where -1 means no mode.
        modes: Array `(num_modes, dim)` of centres for points; integer, their number,
            for labels.
        radius: Float, a point belongs to the nearest centre if it is no farther than
            this; three standard deviations is usual. Required for points, refused for
            labels.
        frequencies: Array `(num_modes,)`, the modes' frequencies in the data, summing
            to one; `None` means equal ones.
        protocol: A `Protocol` that says which samples or which classifier this is.
        deviation: Positive float, the standard deviation of each mode in two
            dimensions, for `ideal_share`: within three of them lie 98.9% of an ideal
            sampler's points, not all.

    Returns:
        `ModeCoverage`: three numbers, what an ideal sampler gets, and their protocol.

    Raises:
        ValueError: If the arguments are not as above.

    References:
        Srivastava et al., 2017, "VEEGAN", arXiv:1705.07761; Lin et al., 2018, "PacGAN",
        arXiv:1712.04086.

    Example:
        ```python
        mode_coverage([[0.0, 0.1], [5.0, 5.0]], [[0.0, 0.0], [1.0, 1.0]], radius=0.3)
        mode_coverage(classifier.predict(x).argmax(axis=-1), 10)
        ```
    """
    if isinstance(modes, numbers.Integral):
        num_modes = checks.integer("modes", modes, 1)
        labels = _check_labels(samples, num_modes, radius)
    else:
        labels, num_modes = _nearest_modes(samples, modes, radius)
    if deviation is not None:
        deviation = float(checks.positive("deviation", deviation))
        if radius is None or np.shape(samples)[-1] != 2:
            raise ValueError(
                "`deviation` must be left out where `samples` are no points in two "
                f"dimensions. Received: deviation={deviation!r}"
            )
    frequencies = _check_frequencies(frequencies, num_modes)
    found = np.bincount(labels[labels >= 0], minlength=num_modes)
    total = found.sum()
    kl = float(rel_entr(found / total, frequencies).sum()) if total else float("nan")
    return ModeCoverage(
        num_modes_found=int(np.count_nonzero(found)),
        high_quality_share=float(total / len(labels)),
        kl=kl,
        protocol=filled_in(
            protocol,
            metric="mode_coverage",
            num_fake=len(labels),
            num_modes=num_modes,
            radius=None if radius is None else float(radius),
            deviation=deviation,
            frequencies=tuple(frequencies.tolist()),
        ),
    )


def _check_labels(samples: ArrayLike, num_modes: int, radius: Any) -> np.ndarray:
    labels = checks.numeric("samples", samples)
    if labels.ndim != 1 or not len(labels) or labels.dtype.kind not in "iu":
        raise ValueError(
            "`samples` must be integer labels of shape (num_samples,) where `modes` is "
            f"a number. Received: samples of shape {labels.shape}, dtype {labels.dtype}"
        )
    if labels.min() < -1 or labels.max() >= num_modes:
        raise ValueError(
            f"`samples` must lie in [0, {num_modes}), or be -1 for no mode. Received: "
            f"samples with values in [{labels.min()}, {labels.max()}]"
        )
    if radius is not None:
        raise ValueError(
            "`radius` must be left out where `samples` are labels. "
            f"Received: radius={radius!r}"
        )
    return labels.astype(np.int64)


def _nearest_modes(
    samples: ArrayLike, modes: Any, radius: Any
) -> tuple[np.ndarray, int]:
    centres, samples = check_pair(modes, samples, names=("modes", "samples"))
    if not isinstance(radius, numbers.Real) or not 0 < float(radius) < np.inf:
        raise ValueError(
            "`radius` must be a positive number where `samples` are points. "
            f"Received: radius={radius!r}"
        )
    indices, squared = nearest(samples, centres, 1)
    is_near = np.sqrt(squared[:, 0]) <= radius
    return np.where(is_near, indices[:, 0], -1), len(centres)


def _check_frequencies(frequencies: Any, num_modes: int) -> np.ndarray:
    if frequencies is None:
        return np.full(num_modes, 1.0 / num_modes)
    shares = np.atleast_2d(checks.numeric("frequencies", frequencies))
    shares = check_features("frequencies", shares)[0]
    total = shares.sum(dtype=np.float64)
    if (
        shares.shape != (num_modes,)
        or shares.min() < 0
        or abs(total - 1) > (_SUM_TOLERANCE)
    ):
        raise ValueError(
            f"`frequencies` must be {num_modes} shares that sum to 1. Received: "
            f"frequencies of shape {np.shape(frequencies)} that sum to {total:.6g}"
        )
    return shares.astype(np.float64)
