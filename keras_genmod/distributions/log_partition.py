"""The logarithm of a partition sum, with how it was found and how well."""

import dataclasses
import warnings
from typing import Any

import numpy as np

_NUM_ERRORS = 3  # standard errors to each side of an interval
_ENOUGH_CHAINS = 20  # effective ones, below which an estimate is not to be ranked

_SPACINGS = {"even": " evenly spaced", "paper": " spaced as in the paper"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class LogPartition:
    """log Z in nats, exact or by annealed importance sampling (AIS).

    AIS gives weights w of the chains whose mean estimates Z without bias, so that
    their logarithm bounds log Z from below in the mean. The interval is
    log(mean w +- 3 s), where s is the standard error of the mean over the chains. The
    effective sample size, (sum w)^2 / sum w^2, says how many chains the estimate
    rests on; where it is a few, neither value nor interval can be trusted. Modes that
    no chain has found are missing from all of them: what the chains start from matters,
    and `base_rates` of the training data find the modes that matter.

    Args:
        value: Float, log Z in nats.
        low: Float, lower end of the interval in nats, -inf where 3 s exceeds the mean;
            `value` where exact.
        high: Float, upper end of the interval in nats; `value` where exact.
        method: "exact" or "ais".
        effective_sample_size: Float from 1 to `num_chains`; `None` where exact.
        num_temperatures: Int, steps of AIS from the base-rate model to the machine, or
            `None`.
        num_chains: Int, chains of AIS, or `None`.
        spacing: "even" or "paper", how the temperatures of AIS were spaced, or `None`.
        seed: Int, the seed of AIS, or `None`.

    References:
        - Neal, Annealed importance sampling, Statistics and Computing 11, 2001.
        - Salakhutdinov and Murray, On the quantitative analysis of deep belief
          networks, ICML 2008 (the interval).

    Example:
    ```python
    found = model.log_partition("ais", num_temperatures=1000, seed=0)
    print(found)  # log Z = 451.28 nats, 451.10 to 451.44 (3 standard errors), ...
    ```
    """

    value: float
    low: float
    high: float
    method: str
    effective_sample_size: float | None = None
    num_temperatures: int | None = None
    num_chains: int | None = None
    spacing: str | None = None
    seed: int | None = None

    @property
    def likelihood_kind(self) -> str:
        """What log p(x) is that is made with it: "exact" or "estimate"."""
        return "exact" if self.method == "exact" else "estimate"

    @property
    def has_few_chains(self) -> bool:
        """Whether it rests on fewer than 20 effective chains, too few to trust it."""
        size = self.effective_sample_size
        return size is not None and not size >= _ENOUGH_CHAINS

    def warn_of_few_chains(self) -> None:
        """Warns the caller of a method that calls this, if there are too few."""
        if self.has_few_chains:
            warnings.warn(
                "An estimate of log Z from fewer than 20 effective chains is mostly "
                "too low, and log p(x) too high: anneal with more `num_temperatures` "
                f"or `num_chains`, or the other `spacing`. Found: {self}",
                UserWarning,
                stacklevel=3,
            )

    @classmethod
    def exact(cls, value: Any) -> "LogPartition":
        """Returns a log Z without error.

        Args:
            value: Number, in nats.
        """
        value = float(value)
        return cls(value=value, low=value, high=value, method="exact")

    @classmethod
    def from_log_weights(
        cls,
        log_weights: Any,
        num_temperatures: int,
        seed: int | None,
        spacing: str | None = None,
    ) -> "LogPartition":
        """Returns the estimate that the weights of AIS give.

        Args:
            log_weights: Array `(num_chains,)` of log w, in nats, at least two.
            num_temperatures: Int.
            seed: Int or `None`.
            spacing: "even", "paper" or `None`, as in `LogPartition`.
        """
        log_weights = np.asarray(log_weights, "float64")
        largest = log_weights.max()
        weights = np.exp(log_weights - largest)
        mean, count = weights.mean(), len(weights)
        error = weights.std(ddof=1) / np.sqrt(count) / mean
        value = largest + np.log(mean)
        down = 1.0 - _NUM_ERRORS * error
        return cls(
            value=float(value),
            low=float(value + np.log(down)) if down > 0 else float("-inf"),
            high=float(value + np.log1p(_NUM_ERRORS * error)),
            method="ais",
            effective_sample_size=float(weights.sum() ** 2 / np.square(weights).sum()),
            num_temperatures=num_temperatures,
            num_chains=count,
            spacing=spacing,
            seed=seed,
        )

    def to_dict(self) -> dict:
        """Returns the fields by name, as JSON knows them: `low` is `None` for -inf."""
        fields = dataclasses.asdict(self)
        return {**fields, "low": None if self.low == float("-inf") else self.low}

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> "LogPartition":
        """Returns what `to_dict` made a dict of.

        Raises:
            KeyError, TypeError, ValueError: If it is another dict, or holds NaN.
        """
        low = float("-inf") if fields["low"] is None else float(fields["low"])
        found = cls(**{**fields, "low": low})
        numbers = [found.value, found.high, found.effective_sample_size or 0.0]
        if not np.isfinite(numbers).all() or not low <= found.value <= found.high:
            raise ValueError(f"log Z={found.value} from {low} to {found.high}")
        return found

    def __str__(self) -> str:
        if self.method == "exact":
            return f"log Z = {self.value:.2f} nats (exact)"
        spacing = _SPACINGS.get(self.spacing or "", "")
        return (
            f"log Z = {self.value:.2f} nats, {self.low:.2f} to {self.high:.2f} "
            f"({_NUM_ERRORS} standard errors), effective sample size "
            f"{self.effective_sample_size:.1f} of {self.num_chains} chains (AIS, "
            f"{self.num_temperatures:,} temperatures{spacing}, seed {self.seed})"
        )
