"""A likelihood with what kind of number it is."""

import dataclasses
import math

from keras_genmod.distributions import LogPartition

#: A likelihood is exact, bounds log p(x) from below, estimates it without a bound, or
#: estimates such a bound: variational given log Z, of which AIS gives an estimate.
KINDS = ("exact", "lower_bound", "estimate", "estimated_lower_bound")
SIGNS = {
    "exact": "=",
    "lower_bound": ">=",
    "estimate": "~",
    "estimated_lower_bound": ">~",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class LikelihoodProtocol:
    """What must be the same for two likelihoods to be compared.

    Args:
        kind: `"exact"`, `"lower_bound"`, `"estimate"` or `"estimated_lower_bound"`.
        dataset: String, the data set's name.
        split: String, its part, such as `"test"`.
        binarization: String that starts with `"static"`, `"dynamic"` or `"threshold"`,
            such as `"static(0)"`, or `None` where nothing was binarized.
        dequantization: Integer, levels of the data that uniform noise was added to, or
            `None`.
        num_levels: Integer, levels of the data that have a probability; `None` for a
            density.
        num_dims: Integer, dimensions of an example.
        count: Integer, number of examples.
        conditional: Boolean, whether it is log p(x | condition).
        options: Tuple of pairs `(name, value)` that the model reports, such as
            `("importance_samples", 500)` and `("seed", 0)`.
    """

    kind: str
    dataset: str
    split: str
    binarization: str | None = None
    dequantization: int | None = None
    num_levels: int | None = None
    num_dims: int
    count: int
    conditional: bool = False
    options: tuple[tuple[str, object], ...] = ()

    def to_dict(self) -> dict:
        """Returns the fields by name, the options among them as a dict."""
        return {**dataclasses.asdict(self), "options": dict(self.options)}

    def flat(self) -> dict:
        """Returns the fields and the options by name, in one dict."""
        fields = self.to_dict()
        options = fields.pop("options")
        return {**fields, **options}

    def differences(self, other: "LikelihoodProtocol") -> list[str]:
        """Returns what differs, as `["split: 'train' and 'test'", ...]`."""
        first, second = self.flat(), other.flat()
        return [
            f"{name}: {first.get(name)!r} and {second.get(name)!r}"
            for name in {**first, **second}
            if first.get(name) != second.get(name)
        ]

    def __str__(self) -> str:
        items = self.flat().items()
        shown = [f"{k}={v}" for k, v in items if v is not None and v is not False]
        return ", ".join(shown)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Likelihood:
    """Mean log p(x) of a data set under a model, in nats an example.

    Args:
        mean: Float, mean of log p(x) over the examples, in nats; higher is better.
        standard_error: Float, of `mean` over the examples: their standard deviation
            (divisor n - 1) over sqrt(n). `None` for a single example. It knows nothing
            of a bound's gap or of an estimate's error that all examples share.
        protocol: The `LikelihoodProtocol`.
        log_partition: Of an energy model, the log Z that all examples share, with its
            interval: what `model.log_partition` returned. `None` elsewhere.
    """

    mean: float
    standard_error: float | None
    protocol: LikelihoodProtocol
    log_partition: LogPartition | None = None

    @property
    def kind(self) -> str:
        """`"exact"`, `"lower_bound"`, `"estimate"` or `"estimated_lower_bound"`."""
        return self.protocol.kind

    @property
    def is_trusted(self) -> bool:
        """Whether it may lead a ranking: no estimate from a few chains of AIS."""
        return self.log_partition is None or not self.log_partition.has_few_chains

    @property
    def unit(self) -> str:
        """`"nats"`, the unit of `mean` and `standard_error`."""
        return "nats"

    @property
    def count(self) -> int:
        """Number of examples."""
        return self.protocol.count

    @property
    def num_dims(self) -> int:
        """Dimensions of an example."""
        return self.protocol.num_dims

    @property
    def bits_per_dim(self) -> float | None:
        """Bits a dimension of *discrete* data; lower is better.

        -mean / (num_dims ln 2). For a density of dequantized data log2 of the number
        of levels is added, which gives an upper bound of the discrete data's bits.
        `None` for a density of data that are continuous: there it depends on their
        unit.
        """
        levels = self.protocol.dequantization
        if self.protocol.num_levels is None and levels is None:
            return None
        bits = -self.mean / (self.num_dims * math.log(2.0))
        return bits if levels is None else bits + math.log2(levels)

    def compare_to(self, other: "Likelihood") -> float:
        """Returns this mean minus another's, in nats.

        Raises:
            ValueError: If the protocols differ. The message names each difference.
        """
        differences = self.protocol.differences(other.protocol)
        if differences:
            raise ValueError(
                "`other` must have the same protocol and kind, or the numbers do not "
                f"compare. Received: {'; '.join(differences)}"
            )
        return self.mean - other.mean

    def __str__(self) -> str:
        error = self.standard_error
        spread = "" if error is None else f" (standard error {error:.2g})"
        bits = self.bits_per_dim
        rate = "" if bits is None else f", {bits:.4f} bits/dim"
        shared = "" if self.log_partition is None else f"; {self.log_partition}"
        number = f"log p(x) {SIGNS[self.kind]} {self.mean:.2f} nats{spread}{rate}"
        return f"{number}{shared} [{self.protocol}]"
