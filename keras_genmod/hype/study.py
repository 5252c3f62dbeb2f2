"""A study: images, a protocol, and the answers of people, in one file."""

import csv
import dataclasses
import io
import json
import os
import sqlite3
import time
from collections.abc import Callable
from typing import Any

from keras_genmod import checks, whole_files
from keras_genmod.hype import plan
from keras_genmod.hype.database import Database, check_folder
from keras_genmod.hype.human_realism import HumanRealism
from keras_genmod.hype.protocol import StudyProtocol
from keras_genmod.hype.report import OutOfTurn, Report
from keras_genmod.hype.scores import Trial, score
from keras_genmod.hype.staircase import num_frames
from keras_genmod.hype.turns import Turn, Turns


class Study:
    r"""A study that exists already; `create_study` makes one.

    Use it as a context, or call `close()`.

    Args:
        path: String or path of its file.
        clock: Function that returns seconds since 1970, for what a row was added.

    Raises:
        OSError: If there is no such file.
        ValueError: If it is no study, or an unfinished or damaged one.

    Example:
        ```python
        with keras_genmod.hype.Study("digits.study") as study:
            print(*study.scores().values(), sep="\n")
        ```
    """

    def __init__(
        self, path: str | os.PathLike[str], clock: Callable[[], float] = time.time
    ):
        self._clock = checks.function("clock", clock)
        self.database = Database(path)
        try:
            row = self._only_row()
            self.protocol = StudyProtocol.from_json(row["protocol"])
            self.models: list[str] = json.loads(row["models"])
        except (sqlite3.DatabaseError, ValueError, TypeError, LookupError) as error:
            self.database.close()
            raise ValueError(
                "`path` must be a whole study's file; this one is unfinished or "
                f"damaged. Received: path={os.fspath(path)!r} ({error})"
            ) from error
        self.title: str = row["title"]
        self.seed: int = row["seed"]
        # Files made before there were salts have names by their seed.
        self.salt: str | int = row["salt"] if "salt" in row.keys() else self.seed
        self._turns = Turns(self.database, self.protocol, self.models, self.seed, clock)

    def __enter__(self) -> "Study":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file."""
        self.database.close()

    @property
    def id(self) -> str:
        """A name that no other study has."""
        return plan.opaque(self.salt, "study")

    def start(self) -> str:
        """Adds an evaluator who has consented; returns the code to go on with."""
        with self.database.transaction():
            ((count,),) = self.database.rows("SELECT COUNT(*) FROM evaluator")
            code = plan.opaque(self.salt, "evaluator", count + 1)[:16]
            self.database.add("evaluator", code=code, consented=self._clock())
        return code

    def state(self, code: str) -> dict[str, Any]:
        """Returns what an evaluator is to do next.

        Args:
            code: String, from `start`.

        Returns:
            Dict with `stage`: `"qualification"`, `"judgement"`, `"done"` or
            `"not_admitted"`. In the first two, the trial: `block`, `position`,
            `attempt`, `images` (ids), the two `answers`, and, where it is timed,
            `exposure_ms` and `masks` (ids).

        Raises:
            UnknownEvaluator: If nobody has this code.
        """
        with self.database.transaction():
            return self._describe(self._turns.now(code))

    def record(self, code: str, report: Report) -> dict[str, Any]:
        """Keeps an answer, and returns what follows.

        A timed trial in which the display left out a frame, or was hidden, is kept,
        discarded and repeated with another image.

        Args:
            code: String, from `start`.
            report: A `Report` of the trial that `state` described.

        Returns:
            Dict with `correct` (a bool; `None` if the trial was discarded, or the
            protocol gives no feedback), `discarded` and `state`.

        Raises:
            UnknownEvaluator: If nobody has this code.
            OutOfTurn: If another trial is to be answered. Nothing is kept.
            ValueError: If the report makes no sense. Nothing is kept.
        """
        with self.database.transaction():
            now = self._turns.now(code)
            if isinstance(now, str) or now.place != report.place:
                raise OutOfTurn(
                    "`report` must be of the trial to be answered now. "
                    f"Received: {report}"
                )
            reason = _discarded(now, report)
            if reason is None:
                checks.choice("answer", report.answer, now.shown.answers)
            correct = None if reason else now.shown.is_right(report.answer)
            ids = [self._image_id(*image) for image in _images(now.shown)]
            self.database.add(
                "trial",
                block=now.block,
                position=now.position,
                attempt=now.attempt,
                image=ids[0],
                other_image=ids[1] if len(ids) > 1 else None,
                asked_ms=now.exposure_ms,
                shown_ms=report.shown_ms,
                frame_ms=report.frame_ms,
                dropped=report.dropped,
                discarded=reason,
                answer=report.answer,
                correct=correct,
                reaction_ms=report.reaction_ms,
                created=self._clock(),
            )
            state = self._describe(self._turns.now(code))
        told = correct if self.protocol.feedback else None
        return {"correct": told, "discarded": reason is not None, "state": state}

    def png(self, image_id: str) -> bytes | None:
        """Returns an image as a file, or `None` if no image has this id."""
        rows = self.database.rows("SELECT png FROM image WHERE id = ?", image_id)
        return rows[0]["png"] if rows else None

    def answer(self, state: dict[str, Any], right: bool) -> str:
        """Returns the right or the wrong answer to the trial of a `state`."""
        (row,) = self.database.rows(
            "SELECT kind FROM image WHERE id = ?", state["images"][0]
        )
        first, second = state["answers"]
        return first if (row["kind"] == "real") == right else second

    def trials(self) -> list[Trial]:
        """Returns all that was ever shown and answered, in order."""
        rows = self.database.rows(
            "SELECT block.evaluator, block.model, block.stage, block.number AS block, "
            "trial.position, trial.attempt, image.kind, image.sha256 AS image, "
            "other.sha256 AS other_image, "
            "trial.asked_ms, trial.shown_ms, trial.frame_ms, trial.dropped, "
            "trial.discarded, trial.answer, trial.correct, trial.reaction_ms, "
            "trial.created FROM trial JOIN block ON trial.block = block.id "
            "JOIN image ON trial.image = image.id "
            "LEFT JOIN image AS other ON trial.other_image = other.id ORDER BY trial.id"
        )
        return [Trial(**dict(row)) for row in rows]

    def scores(
        self, num_resamples: int = 10_000, seed: int = 0
    ) -> dict[str, HumanRealism]:
        """Returns the score of each model that someone has finished judging.

        Args:
            num_resamples: Integer, sets of evaluators drawn for the intervals.
            seed: Integer, of these draws.
        """
        return score(self.protocol, self.trials(), num_resamples, seed)

    def write_csv(self, path: str | os.PathLike[str]) -> None:
        """Writes all trials to a file, a row each, with names of columns first.

        Args:
            path: String or path; what is there is replaced.

        Raises:
            OSError: If the file cannot be written.
            ValueError: If it is the study's own file, or a folder.
        """
        path = checks.path("path", path)
        # Also the file that is whole before it takes the path's place.
        if any(self.database.is_touched_by(path + end) for end in ("", ".part")):
            raise ValueError(
                f"`path` must be another file than the study's. Received: path={path!r}"
            )
        if os.path.isdir(path):
            raise ValueError(
                f"`path` must be a file, not a folder. Received: path={path!r}"
            )
        check_folder(path)
        with whole_files.writing(path, encoding="utf-8", newline="") as file:
            file.write(self.csv())

    def csv(self) -> str:
        """Returns all trials as text with commas, names of columns first."""
        text = io.StringIO()
        names = [field.name for field in dataclasses.fields(Trial)]
        writer = csv.DictWriter(text, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(vars(trial) for trial in self.trials())
        return text.getvalue()

    def _image_id(self, kind: str, model: str | None, number: int) -> str:
        return plan.opaque(self.salt, kind, model, number)

    def _only_row(self) -> sqlite3.Row:
        rows = self.database.rows("SELECT * FROM study")
        if len(rows) != 1:
            raise ValueError(f"{len(rows)} studies in it")
        return rows[0]

    def _describe(self, now: Turn | str) -> dict[str, Any]:
        if isinstance(now, str):
            return {"stage": now}
        is_qualification = now.stage == plan.QUALIFICATION
        trials = self.protocol.num_trials
        if is_qualification:
            trials = self.protocol.qualification_trials
        return {
            "stage": now.stage,
            "block": now.number,
            "num_blocks": len(plan.stages(self.protocol)),
            "position": now.position,
            "num_trials": trials,
            "attempt": now.attempt,
            "images": [self._image_id(*image) for image in _images(now.shown)],
            "answers": list(now.shown.answers),
            "exposure_ms": now.exposure_ms,
            "masks": [self._image_id("mask", None, number) for number in now.masks],
        }


def _images(shown: plan.Shown):
    return list(zip(shown.kinds, shown.models, shown.numbers, strict=True))


def _discarded(now: Turn, report: Report) -> str | None:
    """Returns why a trial does not count, or `None` if it does."""
    if now.exposure_ms is None:
        return None
    shown, frame = report.shown_ms, report.frame_ms
    if shown is None or frame is None:
        raise ValueError(
            "`report` must say how long the image was shown, and a frame of the "
            f"display. Received: {report}"
        )
    if report.hidden:
        return "hidden"
    planned = num_frames(now.exposure_ms, frame) * frame
    return "dropped" if report.dropped or abs(shown - planned) > frame / 2 else None
