"""Anomaly scores, corrected for what makes likelihoods high beside being usual."""

from numpy.typing import ArrayLike

from keras_genmod import checks
from keras_genmod.evaluation.anomaly_score import AnomalyScores


def likelihood_ratio(scores: AnomalyScores, background: AnomalyScores) -> AnomalyScores:
    """Scores by the ratio of two models' likelihoods, log p_background(x) / p(x).

    A background model, trained on perturbed data, learns what is common to all kinds
    of images (blank background, say); the ratio cancels it.

    Args:
        scores: `AnomalyScores` of the model.
        background: `AnomalyScores` of the background model on the same examples.

    Returns:
        `AnomalyScores`, the first minus the second.

    Raises:
        ValueError: If the two are not of one name and number, or reconstruction errors.

    References:
        Ren et al., "Likelihood ratios for out-of-distribution detection", 2019,
        arXiv:1906.02845.
    """
    _check_type("scores", scores)
    _check_type("background", background)
    same = scores.name == background.name
    if not same or len(scores.scores) != len(background.scores):
        raise ValueError(
            "`background` must hold scores of the same kind and of the same examples. "
            f"Received: {scores.name!r} of {len(scores.scores)} and "
            f"{background.name!r} of {len(background.scores)}"
        )
    _check_nats(scores)
    return AnomalyScores(
        scores=scores.scores - background.scores,
        name=f"{scores.name} - background model",
        unit="nats",
    )


def complexity_corrected(scores: AnomalyScores, complexity: ArrayLike) -> AnomalyScores:
    """Scores by -log p(x) - L(x), with L(x) the length of the compressed example.

    Simple inputs compress well and have high likelihoods under any model; the
    difference asks whether the model does better than a general compressor.

    Args:
        scores: `AnomalyScores` in nats.
        complexity: Array of shape `(n,)`, L(x) in nats, as `input_complexity` returns.

    Returns:
        `AnomalyScores`.

    Raises:
        ValueError: If the scores are reconstruction errors, or the numbers differ.

    References:
        Serra et al., "Input complexity and out-of-distribution detection with
        likelihood-based generative models", 2019, arXiv:1909.11480.
    """
    _check_type("scores", scores)
    complexity = checks.real_numbers("complexity", complexity).astype("float64")
    if complexity.shape != scores.scores.shape:
        raise ValueError(
            f"`complexity` must have shape {scores.scores.shape}, one number for each "
            f"score. Received: shape {complexity.shape}"
        )
    _check_nats(scores)
    return AnomalyScores(
        scores=scores.scores - complexity,
        name=f"{scores.name} - input complexity",
        unit="nats",
    )


def _check_type(name: str, scores: AnomalyScores) -> None:
    if not isinstance(scores, AnomalyScores):
        raise ValueError(
            f"`{name}` must be AnomalyScores, as `anomaly_score` returns them. "
            f"Received: {name} of type {type(scores).__name__}"
        )


def _check_nats(scores: AnomalyScores) -> None:
    if scores.unit != "nats":
        raise ValueError(
            "`scores` must be negative log-likelihoods or free energies, in nats. "
            f"Received: {scores.name!r} in {scores.unit!r}"
        )
