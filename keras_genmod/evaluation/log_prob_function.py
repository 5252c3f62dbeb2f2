"""How a model's `log_prob` is called on a whole data set."""

import dataclasses
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from keras_genmod.distributions import LogPartition

_OFFERS = {
    "free_energy": "`free_energy`, log p(x) up to a constant",
    "reconstruct": "`reconstruct`, whose error `anomaly_score` uses",
    "translate": "`translate`",
    "sample": "`sample`, to be judged by keras_genmod.metrics",
}

# What log p(x) is with an estimate of log Z, by what it is with the exact one.
_ESTIMATES = {"exact": "estimate", "lower_bound": "estimated_lower_bound"}

# What `log_prob` gets beside options.
_GIVEN = ("x", "condition", "log_partition", "batch_size", "verbose")


def has_likelihood(model: Any, options: dict[str, Any]) -> bool:
    """Whether a model can compute log p(x), given options of its `log_prob`.

    An energy model too large for its exact log Z can, by another method.
    """
    if getattr(model, "likelihood_kind", None) is not None:
        return True
    return hasattr(model, "log_partition") and options.get("method", "exact") != "exact"


def check_has_likelihood(model: Any, options: dict[str, Any]) -> None:
    """Raises a `ValueError` unless a model has a likelihood that it can compute."""
    if has_likelihood(model, options):
        return
    offers = [text for name, text in _OFFERS.items() if hasattr(model, name)]
    if hasattr(model, "log_partition"):
        offers.insert(0, '`log_partition(method="ais")`, so give method="ais"')
    raise ValueError(
        f"`model` must have a likelihood; this {type(model).__name__} has none "
        f"that can be computed. It offers {', '.join(offers) or 'nothing'}."
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class LogProbFunction:
    """A function of log-probabilities, and what the model says of it.

    Args:
        function: As `in_batches` takes it.
        protocol: Tuple of pairs `(name, value)`.
        kind: "exact", "lower_bound", "estimate" or "estimated_lower_bound".
        log_partition: What `model.log_partition` returned, or `None`.
    """

    function: Callable
    protocol: tuple[tuple[str, object], ...]
    kind: str
    log_partition: LogPartition | None = None


def log_prob_function(
    model: Any, seed: int, options: dict[str, Any], verbose: int = 0
) -> LogProbFunction:
    """Returns how log p(x) of a model is computed.

    A machine's partition sum is the same for all examples: where a model has
    `log_partition`, it is made once and handed to `log_prob`, and the options may be of
    either. Its log p(x) is an estimate where log Z is one, else what the model says;
    the estimate of a lower bound, where `kind_given_log_partition` is "lower_bound".
    The options, defaults included, go into the protocol; a model that has
    `likelihood_protocol(**options)` reports them itself.

    Args:
        model: A model with a likelihood.
        seed: Integer, the seed of a bound's or an estimate's draws.
        options: Dict of the caller's options.
        verbose: As `model.log_partition` takes it, if it does.

    Raises:
        ValueError: If the model takes no such option.
    """
    methods = [model.log_prob]
    if hasattr(model, "log_partition"):
        methods.insert(0, model.log_partition)
    defaults = {
        name: parameter.default
        for method in methods
        for name, parameter in inspect.signature(method).parameters.items()
        if name not in _GIVEN
    }
    if not set(options) <= set(defaults):
        names = " and ".join(method.__name__ for method in methods)
        raise ValueError(
            f"Options of {type(model).__name__}.{names} must be some of "
            f"{sorted(set(defaults) - {'seed'})}. Received: {sorted(options)}"
        )
    if "seed" in defaults:
        options = {**options, "seed": seed}
    report = getattr(model, "likelihood_protocol", None)
    fields = {**defaults, **options} if report is None else report(**options)
    kind, log_partition, own = model.likelihood_kind, None, options
    if hasattr(model, "kind_of_log_prob"):  # which depends on the options
        kind = model.kind_of_log_prob(**options)
    if hasattr(model, "log_partition"):
        given = _options_of(methods[0], {**options, "verbose": verbose})
        log_partition = model.log_partition(**given)
        if log_partition.likelihood_kind != "exact":
            kind = _ESTIMATES[getattr(model, "kind_given_log_partition", "exact")]
        own = {**_options_of(methods[1], options), "log_partition": log_partition}
    return LogProbFunction(
        function=_of_log_prob(model, own),
        protocol=tuple((name, _plain(value)) for name, value in fields.items()),
        kind=kind,
        log_partition=log_partition,
    )


def _options_of(method: Callable, options: dict[str, Any]) -> dict[str, Any]:
    allowed = inspect.signature(method).parameters
    return {name: value for name, value in options.items() if name in allowed}


def _of_log_prob(model: Any, options: dict[str, Any]) -> Callable:
    in_batches = "batch_size" in inspect.signature(model.log_prob).parameters

    def log_prob(x: np.ndarray, condition: Any, number: int) -> Any:
        draws = {"batch_size": len(x)} if in_batches else {}
        if "seed" in options:  # each batch draws its own
            mixed = np.random.SeedSequence([options["seed"], number])
            draws["seed"] = int(mixed.generate_state(1)[0])
        return model.log_prob(x, condition=condition, **{**options, **draws})

    return log_prob


def _plain(value: Any) -> Any:
    """Returns an option as JSON knows it: numbers, strings, tuples of them."""
    if isinstance(value, (list, tuple, np.ndarray)):
        return tuple(_plain(item) for item in value)
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return repr(value)
