"""How a model's `log_prob` is called on a whole data set."""

import inspect

import numpy as np

_OFFERS = {
    "free_energy": "`free_energy`, log p(x) up to a constant",
    "reconstruct": "`reconstruct`, whose error `anomaly_score` uses",
    "translate": "`translate`",
    "sample": "`sample`, to be judged by keras_genmod.metrics",
}


def check_has_likelihood(model):
    """Raises a `ValueError` unless a model has a likelihood that it can compute."""
    if getattr(model, "likelihood_kind", None) is None:
        offers = [text for name, text in _OFFERS.items() if hasattr(model, name)]
        raise ValueError(
            f"`model` must have a likelihood; this {type(model).__name__} has none "
            f"that can be computed. It offers {', '.join(offers) or 'nothing'}."
        )


def log_prob_function(model, seed, options):
    """Returns a function of log-probabilities, and what the model says of it.

    An energy model's partition sum is the same for all examples: where a model has
    `free_energy` and `log_partition`, the sum is made once, `options` are those of
    `log_partition`, and log p(x) = -free_energy(x) - log Z. Elsewhere they are those
    of `log_prob`. What they are, defaults included, goes into the protocol; a model
    that has `likelihood_protocol(**options)` reports it itself.

    Args:
        model: A model with a likelihood.
        seed: Integer, the seed of a bound's or an estimate's draws.
        options: Dict of the caller's options.

    Returns:
        `(function, protocol)`: the function as `in_batches` takes it, and a tuple of
        pairs `(name, value)`.

    Raises:
        ValueError: If the model takes no such option.
    """
    is_energy = hasattr(model, "log_partition") and hasattr(model, "free_energy")
    method = model.log_partition if is_energy else model.log_prob
    given = {} if is_energy else {"x": None}
    if "seed" in inspect.signature(method).parameters:
        options = {**options, "seed": seed}
    try:
        bound = inspect.signature(method).bind(**given, **options)
    except TypeError as error:
        allowed = set(inspect.signature(method).parameters) - {"x", "condition"}
        raise ValueError(
            f"Options of {type(model).__name__}.{method.__name__} must be some of "
            f"{sorted(allowed)}. Received: {sorted(options)}"
        ) from error
    bound.apply_defaults()
    report = getattr(model, "likelihood_protocol", None)
    fields = bound.arguments if report is None else report(**options)
    protocol = tuple(
        (name, _plain(value))
        for name, value in fields.items()
        if name not in ("x", "condition")
    )
    if not is_energy:
        return _of_log_prob(model, options), protocol
    log_partition = model.log_partition(**options)

    def log_prob(x, condition, number):
        model.standardize_condition(condition, len(x))
        return -model.free_energy(x) - log_partition

    return log_prob, protocol


def _of_log_prob(model, options):
    def log_prob(x, condition, number):
        draws = {}
        if "seed" in options:  # each batch draws its own
            mixed = np.random.SeedSequence([options["seed"], number])
            draws["seed"] = int(mixed.generate_state(1)[0])
        return model.log_prob(x, condition=condition, **{**options, **draws})

    return log_prob


def _plain(value):
    """Returns an option as JSON knows it: numbers, strings, tuples of them."""
    if isinstance(value, (list, tuple, np.ndarray)):
        return tuple(_plain(item) for item in value)
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return repr(value)
