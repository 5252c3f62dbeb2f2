"""Scores as a function of what was answered, and of nothing else."""

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np

from keras_genmod import checks
from keras_genmod.hype import plan
from keras_genmod.hype.human_realism import HumanRealism
from keras_genmod.hype.protocol import StudyProtocol

_BLOCK = 1_000  # resamples drawn in one go


@dataclasses.dataclass(frozen=True, kw_only=True)
class Trial:
    """One row of a study's trials, with what it belongs to.

    Args:
        evaluator: Integer, the evaluator's number.
        model: String, the model judged; `None` in the qualification.
        stage: `"qualification"` or `"judgement"`.
        block: Integer, the block's number, from 0.
        position: Integer, the place in the block.
        attempt: Integer, how often the place was tried before.
        kind: `"real"` or `"fake"`; in pairs that of the left image.
        image: String, hash of the image's pixels.
        other_image: String, that of the right image in pairs; `None` without pairs.
        asked_ms: Float, exposure asked for; `None` without a limit of time.
        shown_ms: Float, exposure that the display gave.
        frame_ms: Float, a frame of the display.
        dropped: Integer, frames left out.
        discarded: String, why the trial does not count; `None` if it does.
        answer: String, the answer.
        correct: Bool, whether it was right; `None` if discarded.
        reaction_ms: Float, until the answer.
        created: Float, seconds since 1970.
    """

    evaluator: int
    model: str | None
    stage: str
    block: int
    position: int
    attempt: int
    kind: str
    image: str
    other_image: str | None = None
    asked_ms: float | None = None
    shown_ms: float | None = None
    frame_ms: float | None = None
    dropped: int = 0
    discarded: str | None = None
    answer: str | None = None
    correct: bool | None = None
    reaction_ms: float | None = None
    created: float = 0.0


def score(
    protocol: StudyProtocol,
    trials: Iterable[Trial],
    num_resamples: int = 10_000,
    seed: int = 0,
) -> dict[str, HumanRealism]:
    """Returns the score of each model that an evaluator has finished judging.

    Args:
        protocol: The study's `StudyProtocol`.
        trials: `Trial`s.
        num_resamples: Integer, sets of evaluators drawn for the intervals.
        seed: Integer, of these draws.

    Returns:
        Dict from a model's name to its `HumanRealism`.

    Raises:
        ValueError: If an argument is something else.
    """
    if not isinstance(protocol, StudyProtocol):
        raise ValueError(
            f"`protocol` must be a StudyProtocol. Received: protocol={protocol!r}"
        )
    num_resamples = checks.positive_int("num_resamples", num_resamples)
    seed = checks.required_seed("seed", seed)
    evaluators: dict[tuple[str, int], list[Trial]] = {}
    for trial in checks.items("trials", trials):
        if not isinstance(trial, Trial):
            raise ValueError(f"`trials` must be Trials. Received: {trial!r} among them")
        if trial.stage == plan.JUDGEMENT and trial.model is not None:
            evaluators.setdefault((trial.model, trial.evaluator), []).append(trial)
    scores = {}
    for model in sorted({model for model, _ in evaluators}):
        of_model = [rows for (name, _), rows in evaluators.items() if name == model]
        complete = [rows for rows in of_model if _is_complete(protocol, rows)]
        if complete:
            scores[model] = _score_model(
                protocol, model, complete, len(of_model), num_resamples, seed
            )
    return scores


def bootstrap(
    values: Sequence[float], num_resamples: int = 10_000, seed: int = 0
) -> tuple[float, tuple[float, float]]:
    """Returns how a mean over evaluators varies with who they are.

    Args:
        values: Two floats or more, one an evaluator.
        num_resamples: Integer, sets of as many evaluators, drawn with replacement.
        seed: Integer, of these draws.

    Returns:
        `(standard_deviation, (low, high))` of the means; 95% lie in between.

    Raises:
        ValueError: If there are fewer than two values.
    """
    array = checks.real_numbers("values", values)
    checks.positive_int("num_resamples", num_resamples)
    seed = checks.required_seed("seed", seed)
    if array.ndim != 1 or len(array) < 2:
        raise ValueError(
            f"`values` must be of two evaluators or more. Received: values={values!r}"
        )
    rng, means = np.random.default_rng(seed), []
    for start in range(0, num_resamples, _BLOCK):
        count = min(_BLOCK, num_resamples - start)
        drawn = rng.integers(len(array), size=(count, len(array)))
        means.append(array[drawn].mean(axis=1))
    all_means = np.concatenate(means)
    low, high = np.quantile(all_means, [0.025, 0.975])
    return float(all_means.std()), (float(low), float(high))


def modal_exposure(shown_ms: Sequence[float], frames_ms: Sequence[float]) -> float:
    """Returns the exposure that a block gave most often; of several the smallest.

    Displays show whole frames: exposures count as the same where their frames do.

    Args:
        shown_ms: Floats, exposures as shown.
        frames_ms: Floats, a frame of the display in each trial.

    Returns:
        Float, in milliseconds: the mean of those exposures.

    Raises:
        ValueError: If there are none, or not as many of both.
    """
    shown = checks.real_numbers("shown_ms", shown_ms).astype("float64")
    lengths = checks.real_numbers("frames_ms", frames_ms).astype("float64")
    if shown.ndim != 1 or not len(shown):
        raise ValueError(
            "`shown_ms` must be of one trial or more. "
            f"Received: shown_ms of shape {shown.shape}"
        )
    if lengths.shape != shown.shape or lengths.min() <= 0:
        raise ValueError(
            "`frames_ms` must be numbers above 0, as many as `shown_ms`. "
            f"Received: frames_ms={frames_ms!r}"
        )
    frames = np.rint(shown / lengths).astype(int)
    kinds, counts = np.unique(frames, return_counts=True)  # sorted
    return float(shown[frames == kinds[np.argmax(counts)]].mean())


def _is_complete(protocol: StudyProtocol, trials: list[Trial]) -> bool:
    return len(_counted(trials)) == protocol.num_trials * protocol.num_blocks


def _counted(trials: list[Trial]) -> list[Trial]:
    return [trial for trial in trials if trial.discarded is None]


def _blocks(trials: list[Trial]) -> list[list[Trial]]:
    """Returns an evaluator's trials that count, a list a block."""
    blocks: dict[int, list[Trial]] = {}
    for trial in _counted(trials):
        blocks.setdefault(trial.block, []).append(trial)
    return list(blocks.values())


def _score_model(protocol, model, evaluators, num_begun, num_resamples, seed):
    last_half = on_real = on_fake = None
    if protocol.is_timed:
        values = [float(np.mean([_modal(b) for b in _blocks(e)])) for e in evaluators]
        last_half = float(
            np.mean([[_last_half(b) for b in _blocks(e)] for e in evaluators])
        )
    else:
        values = [_error(_counted(trials)) for trials in evaluators]
    if protocol.variant != "pairwise":
        counted = [trial for trials in evaluators for trial in _counted(trials)]
        on_real = _error([trial for trial in counted if trial.kind == "real"])
        on_fake = _error([trial for trial in counted if trial.kind == "fake"])
    deviation = interval = None
    if len(values) > 1:
        deviation, interval = bootstrap(values, num_resamples, seed)
    return HumanRealism(
        model=model,
        protocol=protocol,
        value=float(np.mean(values)),
        standard_deviation=deviation,
        interval=interval,
        evaluator_values=tuple(values),
        error_on_real=on_real,
        error_on_fake=on_fake,
        last_half_ms=last_half,
        num_incomplete=num_begun - len(evaluators),
        num_discarded=sum(len(e) - len(_counted(e)) for e in evaluators),
    )


def _modal(trials: list[Trial]) -> float:
    return modal_exposure(
        [trial.shown_ms or 0.0 for trial in trials],
        [trial.frame_ms or 1.0 for trial in trials],
    )


def _last_half(trials: list[Trial]) -> float:
    return float(np.mean([t.shown_ms for t in trials[len(trials) // 2 :]]))


def _error(trials: list[Trial]) -> float:
    return float(np.mean([not trial.correct for trial in trials]))
