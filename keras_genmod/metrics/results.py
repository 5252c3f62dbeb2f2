"""What a metric returns: numbers with the protocol they were made under."""

import dataclasses

from keras_genmod.metrics.protocol import Protocol


@dataclasses.dataclass(frozen=True, kw_only=True)
class Result:
    """Numbers and the protocol that they were made under.

    Args:
        protocol: The `Protocol`.
    """

    protocol: Protocol

    def compare_to(self, other: "Result") -> dict[str, float]:
        """Returns this result's numbers minus another's, by name.

        Args:
            other: A `Result` of the same class and protocol.

        Returns:
            Dict from a field's name to the difference, a float.

        Raises:
            TypeError: If `other` is another kind of result.
            ValueError: If the protocols differ. The message names the difference.
        """
        if type(other) is not type(self):
            raise TypeError(
                f"`other` must be a {type(self).__name__}. Received: other={other!r}"
            )
        self.protocol.check_same("other", other.protocol)
        names = [field.name for field in dataclasses.fields(self)]
        both = ((name, getattr(self, name), getattr(other, name)) for name in names)
        return {
            name: float(first - second)
            for name, first, second in both
            if isinstance(first, (int, float)) and isinstance(second, (int, float))
        }


@dataclasses.dataclass(frozen=True, kw_only=True)
class Score(Result):
    """One number, with its error where there is one.

    `float(score)` is the value. `a - b`, `a < b`, `a > b` and `a.compare_to(b)` work
    between scores of one protocol and raise a `ValueError` between others. `a == b`
    asks whether everything is equal.

    Args:
        value: Float, the score.
        standard_error: Float, the estimated standard deviation of `value` over new
            samples; `None` where there is no honest estimate.
        standard_deviation: Float, over the subsets or splits that `value` is the mean
            of, with divisor n (ddof=0), as papers print it; `None` without them.
        protocol: The `Protocol`.
    """

    value: float
    standard_error: float | None = None
    standard_deviation: float | None = None

    def __float__(self) -> float:
        return self.value

    def __sub__(self, other: "Score") -> float:
        if not isinstance(other, Score):
            return NotImplemented
        return self.compare_to(other)["value"]

    def __lt__(self, other: "Score") -> bool:
        if not isinstance(other, Score):
            return NotImplemented
        return self - other < 0

    def __gt__(self, other: "Score") -> bool:
        if not isinstance(other, Score):
            return NotImplemented
        return self - other > 0

    def __str__(self) -> str:
        spread = self.standard_error
        error = "" if spread is None else f" (standard error {spread:.2g})"
        return f"{self.value:.6g}{error} [{self.protocol}]"
