"""How unusual a model finds each example, by what the model offers."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
from keras import ops

from keras_genmod import checks
from keras_genmod.evaluation.batches import examples, in_batches
from keras_genmod.evaluation.log_prob_function import has_likelihood, log_prob_function

_NAMES = {
    "exact": "negative log-likelihood (exact)",
    "lower_bound": "negative log-likelihood (from a lower bound)",
    "estimate": "negative log-likelihood (estimate)",
    "estimated_lower_bound": "negative log-likelihood (from an estimated lower bound)",
}
_KINDS = ("likelihood", "free_energy", "reconstruction")


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class AnomalyScores:
    """What `anomaly_score` returns.

    Args:
        scores: float64 array of shape `(n,)`; high means unusual.
        name: String, what the scores are and how they were made.
        unit: String, `"nats"` or `"squared error a value"`.
    """

    scores: np.ndarray
    name: str
    unit: str


def anomaly_score(
    model: Any,
    x: Any,
    condition: Any = None,
    kind: str | None = None,
    *,
    batch_size: int = 128,
    seed: int = 0,
    verbose: int = 0,
    **options: Any,
) -> AnomalyScores:
    """Scores examples by how unusual a model finds them; high means unusual.

    - `"likelihood"`: -log p(x), or the bound or estimate that the model has, in nats;
    - `"free_energy"`: F(x) = -log p(x) - log Z, in nats, for energy models whose log Z
      is out of reach: it ranks examples as -log p(x) does;
    - `"reconstruction"`: mean squared error of `model.reconstruct(x)` over the values.

    Args:
        model: A model with `log_prob`, `free_energy` or `reconstruct`.
        x: Array of shape `(n, *data_shape)`.
        condition: Array of `n` conditions, one for all, or `None`.
        kind: One of the above, or `None` for the first that the model offers.
        batch_size: Positive int.
        seed: Integer of at least 0, of the draws of a bound or an estimate.
        verbose: 0 shows nothing, 1 a bar of the batches, 2 a line at the end.
        **options: For `"likelihood"`, what `model.log_prob` takes beside the data.

    Returns:
        `AnomalyScores`.

    Raises:
        ValueError: If the model offers none of them, or not `kind`; or scores are NaN.

    Note:
        Likelihoods fail on purpose-made outliers: a model may find data that are
        simpler than its own more likely (Nalisnick et al.). `complexity_corrected` and
        `likelihood_ratio` are two ways out.

    References:
        - Nalisnick et al., "Do deep generative models know what they don't know?",
          2019, arXiv:1810.09136.

    Example:
        ```python
        inside = evaluation.anomaly_score(vae, x_test, num_samples=50)
        outside = evaluation.anomaly_score(vae, noise, num_samples=50)
        metrics.outlier_auroc(inside.scores, outside.scores).auroc
        ```
    """
    kind = _chosen_kind(model, kind, options)
    if options and kind != "likelihood":
        raise ValueError(
            f'`options` must be left out where kind="{kind}". Received: '
            f"{sorted(options)}"
        )
    x, condition = examples(x, condition, model.data_shape, "x")
    batch_size = checks.integer("batch_size", batch_size, 1)
    seed = checks.required_seed("seed", seed)
    unit = "nats"
    if kind == "likelihood":
        found = log_prob_function(model, seed, options, verbose)
        scores = -in_batches(found.function, x, condition, batch_size, verbose)
        shown = "".join(f", {name}={value}" for name, value in found.protocol)
        name = _NAMES[found.kind] + shown
    elif kind == "free_energy":
        scores = in_batches(
            lambda data, _, number: model.free_energy(data),
            x,
            None,
            batch_size,
            verbose,
        )
        name = "free energy"
    else:
        scores = in_batches(
            _reconstruction_error(model), x, condition, batch_size, verbose
        )
        name, unit = "reconstruction error (mean squared)", "squared error a value"
    bad = np.isnan(scores).sum()
    if bad:
        raise ValueError(
            f"Scores of `x` must be numbers. Received: {bad} NaN of {len(scores)}"
        )
    return AnomalyScores(scores=scores, name=name, unit=unit)


def _chosen_kind(model: Any, kind: Any, options: dict[str, Any]) -> str:
    offered = [
        name
        for name, offers in (
            ("likelihood", has_likelihood(model, options)),
            ("free_energy", hasattr(model, "free_energy")),
            ("reconstruction", hasattr(model, "reconstruct")),
        )
        if offers
    ]
    if not offered:
        raise ValueError(
            f"`model` must offer a likelihood, a free energy or a reconstruction; "
            f"{type(model).__name__} offers none of them, only samples."
        )
    if kind is None:
        return offered[0]
    if not isinstance(kind, str) or kind not in offered:
        raise ValueError(
            f"`kind` must be one of {offered} for this {type(model).__name__} (of "
            f"{_KINDS}). Received: kind={kind!r}"
        )
    return kind


def _reconstruction_error(model: Any) -> Callable:
    def error(x: np.ndarray, condition: Any, number: int) -> np.ndarray:
        given = {} if condition is None else {"condition": condition}
        found = ops.convert_to_numpy(model.reconstruct(x, **given))
        squared = np.square(found.astype("float64") - x)
        return squared.reshape(len(x), -1).mean(axis=1)

    return error
