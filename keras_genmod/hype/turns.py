"""Whose turn it is to be answered: what an evaluator sees next."""

import dataclasses
import functools
import math
from collections.abc import Callable

import numpy as np

from keras_genmod.hype import plan
from keras_genmod.hype.database import Database
from keras_genmod.hype.protocol import StudyProtocol
from keras_genmod.hype.report import UnknownEvaluator


@dataclasses.dataclass(frozen=True)
class Turn:
    """The trial that an evaluator is to answer."""

    evaluator: int
    block: int  # its row
    number: int
    stage: str
    position: int
    attempt: int
    shown: plan.Shown
    exposure_ms: float | None
    masks: list[int]

    @property
    def place(self) -> tuple[int, int, int]:
        return self.number, self.position, self.attempt


class Turns:
    """Finds the trial that an evaluator is to answer, and begins blocks.

    Args:
        database: The study's `Database`.
        protocol: Its `StudyProtocol`.
        models: List of its models' names.
        seed: Integer, its seed.
        clock: Function that returns seconds since 1970.
    """

    def __init__(
        self,
        database: Database,
        protocol: StudyProtocol,
        models: list[str],
        seed: int,
        clock: Callable[[], float],
    ):
        self._database = database
        self._protocol = protocol
        self._models = models
        self._seed = seed
        self._clock = clock

    def now(self, code: str) -> Turn | str:
        """Returns the trial to be answered, or how the evaluator has ended."""
        rows = self._database.rows("SELECT id FROM evaluator WHERE code = ?", code)
        if not rows:
            raise UnknownEvaluator("`code` must be one that `start` gave.")
        evaluator, stages = rows[0]["id"], plan.stages(self._protocol)
        blocks = self._database.rows(
            "SELECT * FROM block WHERE evaluator = ? ORDER BY number", evaluator
        )
        if blocks:
            last = blocks[-1]
            trials = self._database.rows(
                "SELECT * FROM trial WHERE block = ? ORDER BY id", last["id"]
            )
            now = self._trial(evaluator, last, trials)
            if now is not None:
                return now
            if last["stage"] == plan.QUALIFICATION and not self._qualifies(trials):
                return "not_admitted"
        if len(blocks) == len(stages):
            return "done"
        stage, number = stages[len(blocks)], len(blocks)
        self._database.add(
            "block",
            evaluator=evaluator,
            number=number,
            stage=stage,
            model=self._model_of(evaluator, stage),
            created=self._clock(),
        )
        return self.now(code)

    def _trial(self, evaluator, block, trials) -> Turn | None:
        """Returns the trial of a block to be answered; `None` if all are."""
        shown, spares = self._plan(evaluator, block["number"], block["model"])
        counted = [trial for trial in trials if trial["discarded"] is None]
        position = len(counted)
        if position == len(shown):
            return None
        attempt, now = sum(t["position"] == position for t in trials), shown[position]
        if attempt:
            alike = [spare for spare in spares if spare.kinds == now.kinds]
            used = self._num_spares_used(shown, trials, now)
            # With no image left the failed one comes again.
            now = alike[used] if used < len(alike) else now
        exposure, masks = None, []
        if self._protocol.is_timed and block["stage"] == plan.JUDGEMENT:
            right = [bool(trial["correct"]) for trial in counted]
            frames = [trial["frame_ms"] for trial in counted]
            exposure = self._protocol.staircase.exposures(right, frames)[-1]
            masks = plan.trial_masks(
                self._protocol, self._seed, evaluator, block["number"], len(trials)
            )
        return Turn(
            evaluator,
            block["id"],
            block["number"],
            block["stage"],
            position,
            attempt,
            now,
            exposure,
            masks,
        )

    @staticmethod
    def _num_spares_used(shown, trials, now) -> int:
        """Returns how many spares of the kind of `now` came before it."""
        failed = [t["position"] for t in trials if t["discarded"] is not None]
        return sum(shown[p].kinds == now.kinds for p in failed) - 1

    def _plan(self, evaluator: int, number: int, model: str | None):
        return _cached_plan(
            self._protocol, tuple(self._models), self._seed, evaluator, number, model
        )

    def _model_of(self, evaluator: int, stage: str) -> str | None:
        """Returns the model that a new block judges: one an evaluator, in turn."""
        if stage == plan.QUALIFICATION:
            return None
        judged = self._database.rows(
            "SELECT DISTINCT evaluator, model FROM block WHERE stage = ?", stage
        )
        for row in judged:
            if row["evaluator"] == evaluator:
                return row["model"]
        counts = [sum(row["model"] == name for row in judged) for name in self._models]
        return self._models[int(np.argmin(counts))]

    def _qualifies(self, trials) -> bool:
        """Whether enough of both kinds were judged rightly."""
        half = self._protocol.qualification_trials // 2
        needed = math.ceil(self._protocol.qualification_share * half - 1e-9)
        right = [trial["answer"] for trial in trials if trial["correct"]]
        # In a qualification a right answer is the image's kind.
        return min(right.count("real"), right.count("fake")) >= needed


@functools.lru_cache(256)
def _cached_plan(protocol, models, seed, evaluator, number, model):
    return plan.block_plan(protocol, list(models), seed, evaluator, number, model)
