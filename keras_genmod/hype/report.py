"""What a page says of one trial, checked before any of it is believed."""

import dataclasses
from typing import Any

from keras_genmod import checks

_LARGEST_MS = 24 * 3600e3  # an evaluator may leave a page open for a day
_FRAMES_MS = (1.0, 200.0)  # of displays from 1000 to 5 Hz


class UnknownEvaluator(ValueError):
    """A code that no evaluator of a study has."""


class OutOfTurn(ValueError):
    """An answer to a trial that is not the one to be answered now."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Report:
    """What a page says of a trial.

    Args:
        block: Integer, the block's number, as `Study.state` gave it.
        position: Integer, the trial's place in the block.
        attempt: Integer, how often this place was tried before.
        answer: `"real"` or `"fake"`, in pairs `"left"` or `"right"`: which is real;
            `None` where a timed trial failed.
        shown_ms: Float, how long the image was there; `None` without a limit of time.
        frame_ms: Float, how long a frame of the display is; likewise.
        dropped: Integer, frames that the display left out.
        hidden: Whether the page was hidden meanwhile.
        reaction_ms: Float, from when the answer could be given until it was.

    Raises:
        ValueError: If an argument is of another type or out of range.
    """

    block: int
    position: int
    attempt: int
    answer: str | None = None
    shown_ms: float | None = None
    frame_ms: float | None = None
    dropped: int = 0
    hidden: bool = False
    reaction_ms: float | None = None

    def __post_init__(self):
        for name in ("block", "position", "attempt", "dropped"):
            checks.integer(name, getattr(self, name))
        checks.choice("answer", self.answer, ["real", "fake", "left", "right", None])
        for name in ("shown_ms", "reaction_ms"):
            _between(name, getattr(self, name), 0.0, _LARGEST_MS)
        _between("frame_ms", self.frame_ms, *_FRAMES_MS)
        checks.boolean("hidden", self.hidden)

    @property
    def place(self) -> tuple[int, int, int]:
        """Which trial this is of."""
        return self.block, self.position, self.attempt


def _between(name: str, value: Any, low: float, high: float) -> None:
    if value is not None and not low <= checks.non_negative(name, value) <= high:
        raise ValueError(
            f"`{name}` must lie in [{low:g}, {high:g}]. Received: {name}={value}"
        )
