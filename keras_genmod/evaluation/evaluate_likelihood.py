"""The likelihood of a data set, for each model that has one."""

from typing import Any

import numpy as np

from keras_genmod import checks
from keras_genmod.evaluation.batches import examples, in_batches
from keras_genmod.evaluation.likelihood import KINDS, Likelihood, LikelihoodProtocol
from keras_genmod.evaluation.log_prob_function import (
    check_has_likelihood,
    log_prob_function,
)

_BINARIZATIONS = ("static", "dynamic", "threshold")
_ROOM = 1.0  # nats by which an estimate's draws may take a sum of probabilities past 1


def evaluate_likelihood(
    model: Any,
    data: Any,
    condition: Any = None,
    *,
    dataset: str,
    split: str,
    binarization: str | None = None,
    dequantization: int | None = None,
    batch_size: int = 128,
    seed: int = 0,
    verbose: int = 0,
    **options: Any,
) -> Likelihood:
    """Mean log p(x) of data under a model, with its kind and protocol.

    Works for every model that has a `likelihood_kind`, and for energy models whose
    log Z a `method` estimates. `log_prob` runs in batches of one size, compiled once;
    sums are float64 on the host.

    Args:
        model: A model with `log_prob` and `likelihood_kind`.
        data: Array of shape `(n, *data_shape)`, as `model.log_prob` takes it.
        condition: Array of `n` conditions, or one for all; log p(x | condition) then.
        dataset: String, the data set's name.
        split: String, its part, such as `"test"`.
        binarization: How `data` became binary: a string that starts with `"static"`,
            `"dynamic"` (one draw of it) or `"threshold"` and may name the seed, such
            as `"static(0)"`; `None` where nothing was binarized.
        dequantization: Integer, the levels that `keras_genmod.data.dequantize` added
            noise to, for densities; else `None`.
        batch_size: Positive int.
        seed: Integer of at least 0, of the draws of a bound or an estimate.
        verbose: 0 shows nothing, 1 a bar of AIS and one of the batches, 2 a line at
            the end of each.
        **options: What `model.log_prob` takes beside the data, such as
            `num_samples=500` importance samples of a VAE; for energy models what
            `model.log_partition` takes, which then runs once for all batches, such as
            `method="ais", num_temperatures=10_000, num_chains=100`: the kind is then
            `"estimate"`, or `"estimated_lower_bound"` for a DBM or DBN, whose log p(x)
            is bounded given log Z.

    Returns:
        `Likelihood`: mean and standard error in nats, bits a dimension, protocol.

    Raises:
        ValueError: If the model has no likelihood, an argument is out of range, `data`
            do not lie on the levels that have a probability, log p(x) is NaN or
            infinite for some examples, or the probabilities of different examples sum
            to more than 1: an estimate of log Z that missed the data's modes.

    Note:
        A VAE's importance-weighted number is a lower bound for every K. For a bound or
        an estimate, `batch_size` changes the draws, though not their distribution.

    References:
        - Theis, van den Oord and Bethge, "A note on the evaluation of generative
          models", 2016, arXiv:1511.01844.
        - Burda, Grosse and Salakhutdinov, "Importance weighted autoencoders", 2016,
          arXiv:1509.00519.

    Example:
        ```python
        x_test = data.binarize(data.load("digits", "test")[0], "static", seed=0)
        bound = evaluation.evaluate_likelihood(
            vae, x_test, dataset="digits", split="test", binarization="static(0)",
            num_samples=500,
        )
        print(bound)  # log p(x) >= -22.98 nats (standard error ...
        ```
    """
    check_has_likelihood(model, options)
    batch_size = checks.integer("batch_size", batch_size, 1)
    seed = checks.required_seed("seed", seed)
    num_levels = getattr(model, "num_levels", None)
    data, condition = examples(data, condition, model.data_shape)
    for name, value in (("dataset", dataset), ("split", split)):
        if not isinstance(value, str) or not value:
            raise ValueError(f"`{name}` must be a name. Received: {name}={value!r}")
    _check_binarization(binarization, data, dequantization)
    _check_dequantization(dequantization, data, num_levels)
    if num_levels is not None:  # on values between them log_prob is none
        checks.levels("data", data, num_levels)
    found = log_prob_function(model, seed, options, verbose)
    log_prob = in_batches(found.function, data, condition, batch_size, verbose)
    _check_finite(log_prob)
    if num_levels is not None and condition is None:
        _check_sum(data, log_prob)
    count = len(log_prob)
    error = log_prob.std(ddof=1) / np.sqrt(count) if count > 1 else None
    return Likelihood(
        mean=float(log_prob.mean()),
        standard_error=None if error is None else float(error),
        protocol=LikelihoodProtocol(
            kind=_checked_kind(found.kind),
            dataset=dataset,
            split=split,
            binarization=binarization,
            dequantization=dequantization,
            num_levels=num_levels,
            # One-hot values of a dimension are one.
            num_dims=int(getattr(model, "num_dims", np.prod(model.data_shape))),
            count=count,
            conditional=condition is not None,
            options=found.protocol,
        ),
        log_partition=found.log_partition,
    )


def _checked_kind(kind: Any) -> str:
    if kind not in KINDS:
        raise ValueError(
            f"`model.likelihood_kind` must be one of {KINDS}. Received: {kind!r}"
        )
    return kind


def _check_binarization(
    binarization: Any, data: np.ndarray, dequantization: int | None
) -> None:
    if binarization is None:
        return
    if not isinstance(binarization, str) or not binarization.startswith(_BINARIZATIONS):
        raise ValueError(
            f"`binarization` must be None or start with one of {_BINARIZATIONS}. "
            f"Received: binarization={binarization!r}"
        )
    if dequantization is None and not np.isin(data, (0, 1)).all():
        raise ValueError(
            f"`data` must hold zeros and ones where binarization={binarization!r}. "
            f"Received values from {data.min()} to {data.max()}, others between"
        )


def _check_dequantization(
    dequantization: Any, data: np.ndarray, num_levels: int | None
) -> None:
    if dequantization is None:
        return
    checks.integer("dequantization", dequantization, 2)
    if num_levels is not None:
        raise ValueError(
            "`dequantization` must be None for a model of discrete data. "
            f"Received: dequantization={dequantization}, num_levels={num_levels}"
        )
    if not (data.min() >= 0 and data.max() <= 1):
        raise ValueError(
            "`data` must lie in [0, 1] where `dequantization` is given. "
            f"Received values from {data.min()} to {data.max()}"
        )


def _check_finite(log_prob: np.ndarray) -> None:
    nan, infinite = np.isnan(log_prob).sum(), np.isinf(log_prob).sum()
    if nan or infinite:
        raise ValueError(
            "log p(x) must be finite for every example of `data`. Received: "
            f"{nan} NaN and {infinite} infinite of {len(log_prob)} examples"
        )


def _check_sum(data: np.ndarray, log_prob: np.ndarray) -> None:
    if _log_sum(log_prob) <= _ROOM:  # repeated examples add to it alone
        return
    rows = data.reshape(len(data), -1)
    _, first = np.unique(rows, axis=0, return_index=True)
    found = _log_sum(log_prob[first])
    if found > _ROOM:
        raise ValueError(
            "`log_prob` must give probabilities, but those of "
            f"{len(first)} different examples sum to exp({found:.1f}). Of a machine, "
            "the estimate of log Z is far too low then, whatever its interval: no "
            "chain found the modes of the data. Anneal with more `num_temperatures`, "
            "or train with a smaller rate"
        )


def _log_sum(log_prob: np.ndarray) -> float:
    largest = log_prob.max()
    return float(largest + np.log(np.exp(log_prob - largest).sum()))
