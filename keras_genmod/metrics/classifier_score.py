"""Classifier score, which with Inception's classes is the Inception score."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import rel_entr

from keras_genmod import checks
from keras_genmod.metrics.features import check_features
from keras_genmod.metrics.protocol import Protocol, filled_in
from keras_genmod.metrics.results import Score

_SUM_TOLERANCE = 1e-3  # of a row of probabilities, which may come in half precision


def classifier_score(
    probabilities: ArrayLike,
    num_splits: int = 10,
    seed: int = 2020,
    protocol: Protocol | None = None,
) -> Score:
    r"""How sure a classifier is of each sample, and how evenly of all.

        exp( mean_i KL( p(y | x_i) || mean_j p(y | x_j) ) ),  between 1 and num_classes

    Shuffled samples are cut into `num_splits` parts, and the score is the mean over
    the parts. It never sees real data: read it beside a distance.

    Args:
        probabilities: Array of shape `(num_samples, num_classes)` with rows that sum
            to one, from a classifier of the data's own classes.
        num_splits: Integer, number of parts.
        seed: Integer, seeds the shuffle.
        protocol: A `Protocol` whose `features` names the classifier.

    Returns:
        A `Score`; `standard_deviation` is over the parts with divisor n, as papers
        print it, `standard_error` (from two parts on) that of their mean.

    Raises:
        ValueError: If rows are no probabilities, or fewer than `num_splits`.

    References:
        Salimans et al., 2016, "Improved techniques for training GANs",
        arXiv:1606.03498; Barratt and Sharma, 2018, "A note on the Inception score",
        arXiv:1801.01973.

    Example:
        ```python
        classifier_score(np.eye(10).repeat(50, axis=0), num_splits=1).value  # 10
        ```
    """
    return _score("classifier_score", probabilities, num_splits, seed, protocol)


def inception_score(
    probabilities: ArrayLike,
    num_splits: int = 10,
    seed: int = 2020,
    protocol: Protocol | None = None,
) -> Score:
    """`classifier_score` for probabilities of Inception v3, under the usual name.

    Seed, shuffle and parts are torch-fidelity's, so that the numbers are too. The two
    names differ in the protocol's `metric`: scores of the one and the other refuse to
    be compared.

    Args:
        probabilities: Array of shape `(num_samples, 1000)` (or 1008).
        num_splits: Integer, number of parts.
        seed: Integer, seeds the shuffle.
        protocol: A `Protocol` whose `weights_hash` says which Inception this is.

    Returns:
        A `Score`, as of `classifier_score`.

    Raises:
        ValueError: If rows are no probabilities, or fewer than `num_splits`.

    References:
        Salimans et al., 2016, "Improved techniques for training GANs",
        arXiv:1606.03498.

    Example:
        ```python
        inception_score(network.predict(samples), protocol=Protocol(features="v3"))
        ```
    """
    return _score("inception_score", probabilities, num_splits, seed, protocol)


def _score(
    name: str,
    probabilities: ArrayLike,
    num_splits: int,
    seed: int,
    protocol: Protocol | None,
) -> Score:
    probabilities = _check_probabilities(probabilities)
    count = len(probabilities)
    checks.integer("num_splits", num_splits, 1, count, "the number of samples")
    # The legacy generator, whose shuffles published numbers were made with.
    rng = np.random.RandomState(checks.required_seed("seed", seed))
    shuffled = probabilities[rng.permutation(count)]
    edges = [i * count // num_splits for i in range(num_splits + 1)]
    scores = [
        _of_part(shuffled[start:end].astype(np.float64))
        for start, end in zip(edges[:-1], edges[1:], strict=True)
    ]
    error = np.std(scores, ddof=1) / np.sqrt(num_splits) if num_splits > 1 else None
    return Score(
        value=float(np.mean(scores)),
        standard_error=None if error is None else float(error),
        standard_deviation=float(np.std(scores)),
        protocol=filled_in(
            protocol, metric=name, num_fake=count, num_splits=num_splits, seed=seed
        ),
    )


def _of_part(probabilities: np.ndarray) -> float:
    marginal = probabilities.mean(axis=0)
    return float(np.exp(rel_entr(probabilities, marginal).sum(axis=1).mean()))


def _check_probabilities(probabilities: ArrayLike) -> np.ndarray:
    probabilities = check_features("probabilities", probabilities)
    lowest = probabilities.min()
    furthest = np.abs(probabilities.sum(axis=1, dtype=np.float64) - 1.0).max()
    if lowest < 0 or furthest > _SUM_TOLERANCE:
        raise ValueError(
            "`probabilities` must not be negative, and each row must sum to 1 (are "
            f"these logits?). Received: smallest value {lowest:.3g}, largest distance "
            f"of a row's sum from 1 {furthest:.3g}"
        )
    return probabilities
