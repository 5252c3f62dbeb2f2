"""How well scores tell outliers from data."""

import dataclasses

import numpy as np
from numpy.typing import ArrayLike

from keras_genmod import checks
from keras_genmod.metrics.protocol import Protocol, filled_in
from keras_genmod.metrics.ranking import share_above
from keras_genmod.metrics.results import Result

_TRUE_POSITIVE_RATE = 0.95


@dataclasses.dataclass(frozen=True, kw_only=True)
class OutlierScores(Result):
    """What `outlier_auroc` returns.

    Args:
        auroc: Float in [0, 1], the chance that an outlier scores above a sample of the
            data; 0.5 is guessing, below it the scores are the wrong way round.
        average_precision: Float in [0, 1], with outliers as the positive class;
            guessing gives the share of outliers.
        fpr_at_95_tpr: Float in [0, 1], share of the data flagged at the threshold that
            flags at least 95% of the outliers.
        protocol: The `Protocol`.
    """

    auroc: float
    average_precision: float
    fpr_at_95_tpr: float


def outlier_auroc(
    scores_in: ArrayLike, scores_out: ArrayLike, protocol: Protocol | None = None
) -> OutlierScores:
    r"""Area under the ROC curve of an outlier score, and two numbers beside it.

        AUROC = P(s_out > s_in) + P(s_out = s_in) / 2

    **Sign:** a higher score means more of an outlier, and outliers are the positive
    class. Hand in negative log-likelihoods (or energies, reconstruction errors), not
    log-likelihoods.

    Args:
        scores_in: Array of shape `(num_in,)`, scores of data like the training data.
        scores_out: Array of shape `(num_out,)`, scores of outliers.
        protocol: A `Protocol`; its `num_real` becomes `num_in`, its `num_fake`
            `num_out`.

    Returns:
        `OutlierScores`: three numbers and their protocol.

    Raises:
        ValueError: If a set is empty, not a vector, or not finite.

    References:
        Hendrycks, Mazeika and Dietterich, 2019, "Deep anomaly detection with outlier
        exposure", arXiv:1812.04606 (the same positive class).

    Example:
        ```python
        outlier_auroc([0.1, 0.4], [0.3, 0.9]).auroc  # 0.75
        ```
    """
    inside = _check_scores("scores_in", scores_in)
    outside = _check_scores("scores_out", scores_out)
    # Rates at every threshold, from the highest score down.
    thresholds = np.unique(np.concatenate([inside, outside]))[::-1]
    flagged_in = len(inside) - np.searchsorted(np.sort(inside), thresholds)
    flagged_out = len(outside) - np.searchsorted(np.sort(outside), thresholds)
    precision = flagged_out / (flagged_in + flagged_out)
    gains = np.diff(flagged_out, prepend=0) / len(outside)
    first = np.argmax(flagged_out >= _TRUE_POSITIVE_RATE * len(outside))
    return OutlierScores(
        auroc=share_above(outside, inside),
        average_precision=float(gains @ precision),
        fpr_at_95_tpr=float(flagged_in[first] / len(inside)),
        protocol=filled_in(
            protocol,
            metric="outlier_auroc",
            num_real=len(inside),
            num_fake=len(outside),
        ),
    )


def _check_scores(name: str, scores: ArrayLike) -> np.ndarray:
    scores = checks.real_numbers(name, scores)
    if scores.ndim != 1 or not len(scores):
        raise ValueError(
            f"`{name}` must have the shape (num_samples,), at least one. "
            f"Received: {name} of shape {scores.shape}"
        )
    return scores
