"""How many of the data's modes a model generates."""

import dataclasses
import numbers
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import rel_entr

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
    """

    num_modes_found: int
    high_quality_share: float
    kl: float


def mode_coverage(
    samples: ArrayLike,
    modes: int | ArrayLike,
    radius: float | None = None,
    frequencies: ArrayLike | None = None,
    protocol: Protocol | None = None,
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

    Returns:
        `ModeCoverage`: three numbers and their protocol.

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
    shares = check_features("frequencies", np.atleast_2d(frequencies))[0]
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
