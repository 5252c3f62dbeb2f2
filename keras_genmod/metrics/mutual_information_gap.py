"""Mutual information gap: whether one latent alone knows each factor."""

import dataclasses

import numpy as np
from numpy.typing import ArrayLike

from keras_genmod import checks
from keras_genmod.metrics.labelled_codes import check_codes
from keras_genmod.metrics.protocol import Protocol, filled_in
from keras_genmod.metrics.results import Score


@dataclasses.dataclass(frozen=True, kw_only=True)
class MutualInformationGap(Score):
    """What `mutual_information_gap` returns, a `Score` with more beside it.

    Args:
        ceiling: Float, the score of a code that is the factors themselves, in as many
            bins: below 1 where a factor has more values than there are bins.
        gaps: Tuple of floats, the gap of each factor.
    """

    ceiling: float = 1.0
    gaps: tuple[float, ...] = ()

    def __str__(self) -> str:
        return f"{self.value:.4g} (ceiling {self.ceiling:.4g}) [{self.protocol}]"


def mutual_information_gap(
    codes: ArrayLike,
    factors: ArrayLike,
    num_bins: int = 20,
    protocol: Protocol | None = None,
) -> MutualInformationGap:
    r"""Returns the mean normalised gap between the two most informed latents.

        MIG = mean_k (I(z_1st; v_k) - I(z_2nd; v_k)) / H(v_k)

    Each latent is put into equal bins between its extremes; one of at most `num_bins`
    distinct values keeps them.

    Args:
        codes: Array `(n, num_latents)`, posterior means.
        factors: Whole numbers `(n, num_factors)`.
        num_bins: Int of at least 2.
        protocol: A `Protocol` that says which model and data these are.

    Returns:
        `MutualInformationGap`: in [0, 1], with its ceiling and the gap of each factor.

    Raises:
        ValueError: If the arguments are not as above.

    References:
        Chen et al., 2018, arXiv:1802.04942, section 4.1; bins of means as Locatello et
        al., 2018, arXiv:1811.12359.

    Example:
        ```python
        score = mutual_information_gap(model.encode(x), factors)
        score.value, score.ceiling
        ```
    """
    num_bins = checks.integer("num_bins", num_bins, 2)
    codes, factors = check_codes(codes, factors)
    binned = _binned(codes, num_bins)
    information = np.array(
        [[mutual_information(z, v) for z in binned.T] for v in factors.T]
    )  # (factors, latents)
    own = _binned(factors.astype("float64"), num_bins)
    entropies = np.array([mutual_information(v, v) for v in factors.T])
    best = [mutual_information(z, v) for z, v in zip(own.T, factors.T, strict=True)]
    ordered = -np.sort(-np.pad(information, ((0, 0), (0, 1))), axis=1)  # 0: no second
    gaps = (ordered[:, 0] - ordered[:, 1]) / entropies
    return MutualInformationGap(
        value=float(gaps.mean()),
        ceiling=float(np.mean(best / entropies)),
        gaps=tuple(map(float, gaps)),
        protocol=filled_in(
            protocol,
            metric="mutual_information_gap",
            num_real=len(codes),
            num_bins=num_bins,
        ),
    )


def mutual_information(first: np.ndarray, second: np.ndarray) -> float:
    """Returns I(first; second) of counts in nats, from two arrays of ints from 0."""
    counts = np.zeros((first.max() + 1, second.max() + 1))
    np.add.at(counts, (first, second), 1.0)
    joint = counts / counts.sum()
    product = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
    seen = joint > 0
    return float(np.sum(joint[seen] * np.log(joint[seen] / product[seen])))


def _binned(codes: np.ndarray, num_bins: int) -> np.ndarray:
    columns = []
    for column in codes.T:
        values, places = np.unique(column, return_inverse=True)
        if len(values) > num_bins:
            width = (values[-1] - values[0]) / num_bins
            places = np.minimum((column - values[0]) // width, num_bins - 1)
        columns.append(places.astype("int64"))
    return np.stack(columns, axis=1)
