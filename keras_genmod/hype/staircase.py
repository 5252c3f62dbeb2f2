"""Rules by which the next exposure follows from the answers so far."""

import dataclasses
from collections.abc import Sequence

from keras_genmod import checks

# Down by, up by, right answers in a row that it takes to go down.
RULES = {
    "weighted": (1, 3, 1),
    "three_up": (3, 1, 3),
    "literal": (3, 1, 1),
}
UNITS = ("ms", "frames")
_STEP_MS = 10.0


@dataclasses.dataclass(frozen=True)
class Staircase:
    """An adaptive staircase: shorter after right answers, longer after wrong ones.

    With steps d down and u up, one answer a step, exposures stop drifting where
    p d = (1 - p) u, at a share p of right answers:

    - `"weighted"`: right -10 ms, wrong +30: p = 75% (Kaernbach, 1991).
    - `"three_up"`: three right in a row -30 ms, one wrong +10: p^3 = 1/4, p = 63%.
    - `"literal"`: right -30 ms, wrong +10, as HYPE's text says: p = 25%, below chance,
      so that everyone ends at the shortest exposure.

    Args:
        rule: `"weighted"`, `"three_up"` or `"literal"`.
        unit: `"ms"` for steps of 10 ms, `"frames"` for steps of a frame of the display,
            since 10 ms are less than a frame at 60 Hz.
        start_ms: Float, the first exposure.
        min_ms: Float, the shortest one.
        max_ms: Float, the longest one.

    Raises:
        ValueError: If an argument is out of range.

    References:
        - Kaernbach, 1991, "Simple adaptive testing with the weighted up-down method".

    Example:
        ```python
        staircase = Staircase("weighted", "ms", 500.0, 100.0, 1000.0)
        staircase.exposures([True, True, False], [16.7] * 3)  # [500, 490, 480, 510]
        ```
    """

    rule: str
    unit: str
    start_ms: float
    min_ms: float
    max_ms: float

    def __post_init__(self):
        checks.choice("rule", self.rule, RULES)
        checks.choice("unit", self.unit, UNITS)
        for name in ("start_ms", "min_ms", "max_ms"):
            checks.positive(name, getattr(self, name))
        if not self.min_ms <= self.start_ms <= self.max_ms:
            raise ValueError(
                "`start_ms` must lie between `min_ms` and `max_ms`. Received: "
                f"start_ms={self.start_ms}, min_ms={self.min_ms}, max_ms={self.max_ms}"
            )

    def exposures(
        self, right: Sequence[bool], frames_ms: Sequence[float]
    ) -> list[float]:
        """Returns the exposure asked for in each trial, and in the next one.

        Args:
            right: Whether each answer so far was right.
            frames_ms: How long a frame of the display was in each of these trials.

        Returns:
            List of floats, in milliseconds, one longer than `right`.
        """
        down, up, needed = RULES[self.rule]
        exposures, in_a_row = [self.start_ms], 0
        for is_right, frame_ms in zip(right, frames_ms, strict=True):
            step = frame_ms if self.unit == "frames" else _STEP_MS
            now = exposures[-1]
            in_a_row = in_a_row + 1 if is_right else 0
            if not is_right:
                now += up * step
            elif in_a_row == needed:
                now, in_a_row = now - down * step, 0
            exposures.append(min(max(now, self.min_ms), self.max_ms))
        return exposures


def num_frames(asked_ms: float, frame_ms: float) -> int:
    """Returns how many frames of a display come nearest to an exposure, at least 1."""
    return max(1, int(asked_ms / frame_ms + 0.5))
