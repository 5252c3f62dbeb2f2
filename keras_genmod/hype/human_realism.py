"""How real a model's images look to people, with the protocol of the asking."""

import dataclasses
import itertools
from collections.abc import Iterable

import numpy as np
from scipy import stats

from keras_genmod import checks
from keras_genmod.hype.protocol import StudyProtocol

_ROUNDING = 1e-9  # relative, within which values are equal


@dataclasses.dataclass(frozen=True, kw_only=True)
class HumanRealism:
    """One model's score; larger looks more real.

    `float(score)` is the value; `a - b`, `a < b` and `a > b` work between scores of one
    protocol and raise a `ValueError` between others.

    Args:
        model: String, the model's name.
        protocol: The `StudyProtocol`.
        value: Float, the mean over evaluators: the share judged wrongly (0.5 is
            chance), or with a limit of time the modal exposure in milliseconds.
        standard_deviation: Float, of that mean over evaluators drawn anew (bootstrap);
            `None` with a single evaluator.
        interval: Pair of floats, 95% of these means lie in it; `None` likewise.
        evaluator_values: Tuple of floats, one an evaluator.
        error_on_real: Float, the share of real images judged wrongly; `None` for
            pairs, where each choice is of both.
        error_on_fake: Float, the share of generated images judged wrongly; likewise.
        last_half_ms: Float, the mean exposure in the last half of each block, which
            knows no ties; `None` without a limit of time.
        num_incomplete: Integer, evaluators of this model who have not finished; they
            do not count.
        num_discarded: Integer, trials in which the display failed, repeated.
    """

    model: str
    protocol: StudyProtocol
    value: float
    standard_deviation: float | None
    interval: tuple[float, float] | None
    evaluator_values: tuple[float, ...]
    error_on_real: float | None = None
    error_on_fake: float | None = None
    last_half_ms: float | None = None
    num_incomplete: int = 0
    num_discarded: int = 0

    @property
    def num_evaluators(self) -> int:
        """How many evaluators the score is a mean over."""
        return len(self.evaluator_values)

    def in_words(self, value: float) -> str:
        """Returns a value of this score with its unit."""
        return f"{value:.1f} ms" if self.protocol.is_timed else f"{value:.1%}"

    def __float__(self) -> float:
        return self.value

    def __sub__(self, other: "HumanRealism") -> float:
        if not isinstance(other, HumanRealism):
            return NotImplemented
        self.protocol.check_same("other", other.protocol)
        return self.value - other.value

    def __lt__(self, other: "HumanRealism") -> bool:
        if not isinstance(other, HumanRealism):
            return NotImplemented
        return self - other < 0

    def __gt__(self, other: "HumanRealism") -> bool:
        if not isinstance(other, HumanRealism):
            return NotImplemented
        return self - other > 0

    def __str__(self) -> str:
        spread = ""
        if self.interval is not None and self.standard_deviation is not None:
            low, high = map(self.in_words, self.interval)
            deviation = self.in_words(self.standard_deviation)
            spread = f" (standard deviation {deviation}, 95% interval {low} to {high})"
        return (
            f"{self.model}: {self.in_words(self.value)}{spread}, "
            f"{self.num_evaluators} evaluators [{self.protocol}]"
        )


@dataclasses.dataclass(frozen=True)
class Separation:
    """Whether scores differ by more than evaluators do.

    Args:
        test: String, `"unpaired t"` of two models, `"one-way ANOVA"` of more.
        statistic: Float, t or F; `None` where the test is undefined: models differ,
            and the evaluators of each agree, so that nothing says by how much they
            vary.
        p_value: Float, of no difference between any of them; `None` likewise.
        pairs: Dict from two models' names to the p-value of that pair; of more than
            two models by Tukey's test, which allows for their number. `None` likewise.
    """

    test: str
    statistic: float | None
    p_value: float | None
    pairs: dict[tuple[str, str], float | None]


def rank(scores: Iterable[HumanRealism]) -> list[HumanRealism]:
    """Returns scores with the one that looks most real first.

    Args:
        scores: `HumanRealism`s of one protocol.

    Raises:
        ValueError: If protocols differ, such as their rules of the staircase.
    """
    scores = _of_one_protocol(scores)
    return sorted(scores, key=float, reverse=True)


def separation(scores: Iterable[HumanRealism]) -> Separation:
    """Returns how sure it is that models differ, as the paper asks it.

    Args:
        scores: `HumanRealism`s of two models or more of one protocol, each with two
            evaluators or more.

    Returns:
        A `Separation`. Where the evaluators of each model agree, p is 1 between equal
        models and undefined between others.

    Raises:
        ValueError: If protocols differ, or there are too few models or evaluators.
    """
    scores = _of_one_protocol(scores)
    if len(scores) < 2 or min(score.num_evaluators for score in scores) < 2:
        raise ValueError(
            "`scores` must be of two models or more, with two evaluators or more each. "
            f"Received: {[(s.model, s.num_evaluators) for s in scores]}"
        )
    names = [score.model for score in scores]
    values = [np.array(score.evaluator_values) for score in scores]
    test = "unpaired t" if len(scores) == 2 else "one-way ANOVA"
    if all(np.allclose(v, v[0], rtol=_ROUNDING, atol=0.0) for v in values):
        return _of_agreement(test, names, [float(v[0]) for v in values])
    pairs: dict[tuple[str, str], float | None]
    if len(scores) == 2:
        # By means and deviations: of values that agree `ttest_ind` warns.
        moments = [m for v in values for m in (v.mean(), v.std(ddof=1), len(v))]
        result = stats.ttest_ind_from_stats(*moments)
        pairs = {(names[0], names[1]): float(result.pvalue)}
    else:
        result = stats.f_oneway(*values)
        tukey = stats.tukey_hsd(*values)
        pairs = {
            (names[i], names[j]): float(tukey.pvalue[i, j])
            for i, j in itertools.combinations(range(len(names)), 2)
        }
    return Separation(test, float(result.statistic), float(result.pvalue), pairs)


def _of_agreement(test: str, names: list[str], means: list[float]) -> Separation:
    """Returns what can be said where the evaluators of each model agree."""
    pairs = {
        (names[i], names[j]): _p_of_agreement(means[i], means[j])
        for i, j in itertools.combinations(range(len(names)), 2)
    }
    if None in pairs.values():
        return Separation(test, None, None, pairs)
    return Separation(test, 0.0, 1.0, pairs)


def _p_of_agreement(first: float, second: float) -> float | None:
    return 1.0 if np.isclose(first, second, rtol=_ROUNDING, atol=0.0) else None


def _of_one_protocol(scores: Iterable[HumanRealism]) -> list[HumanRealism]:
    scores = checks.items("scores", scores)
    for score in scores:
        if not isinstance(score, HumanRealism):
            raise ValueError(f"`scores` must be HumanRealisms. Received: {score!r}")
        scores[0].protocol.check_same("scores", score.protocol)
    return scores
