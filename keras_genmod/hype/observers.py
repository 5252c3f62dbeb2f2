"""Simulated observers, whose thresholds a study must find."""

import dataclasses

import numpy as np

from keras_genmod import checks
from keras_genmod.hype.report import Report
from keras_genmod.hype.staircase import num_frames
from keras_genmod.hype.study import Study


@dataclasses.dataclass(frozen=True)
class Observer:
    """Someone who sees more the longer an image is shown.

    The share of right answers after an exposure of t milliseconds is Weibull's

        1/2 + (1/2) (1 - 2^-(t / threshold)^slope)

    which is 75% at the threshold. Without a limit of time it is `share_right`.

    Args:
        threshold_ms: Float above 0.
        slope: Float above 0.
        share_right: Float in [0, 1].

    Raises:
        ValueError: If an argument is out of range.
    """

    threshold_ms: float = 300.0
    slope: float = 2.0
    share_right: float = 0.75

    def __post_init__(self):
        checks.positive("threshold_ms", self.threshold_ms)
        checks.positive("slope", self.slope)
        checks.fraction("share_right", self.share_right)

    def share(self, shown_ms: float | None) -> float:
        """Returns the share of right answers after an exposure."""
        if shown_ms is None:
            return self.share_right
        return 1.0 - 0.5 * 2.0 ** -((shown_ms / self.threshold_ms) ** self.slope)


def simulate(
    study: Study,
    observer: Observer,
    seed: int,
    *,
    frame_ms: float = 1000 / 60,
    dropped_share: float = 0.0,
) -> str:
    """Lets a simulated observer take part, from consent to the end.

    Args:
        study: A `Study`.
        observer: An `Observer`. It passes the qualification.
        seed: Integer, of its answers.
        frame_ms: Float, a frame of its display.
        dropped_share: Float in [0, 1), the share of timed trials in which the display
            drops a frame.

    Returns:
        String, its code.

    Raises:
        ValueError: If an argument is out of range.

    Example:
        ```python
        with keras_genmod.hype.Study("rehearsal.study") as study:
            for seed in range(30):
                keras_genmod.hype.simulate(study, Observer(share_right=0.7), seed)
        ```
    """
    if not isinstance(study, Study):
        raise ValueError(f"`study` must be a Study. Received: study={study!r}")
    if not isinstance(observer, Observer):
        raise ValueError(
            f"`observer` must be an Observer. Received: observer={observer!r}"
        )
    seed = checks.required_seed("seed", seed)
    checks.positive("frame_ms", frame_ms)
    if checks.fraction("dropped_share", dropped_share) == 1:
        raise ValueError(
            "`dropped_share` must be below 1, or no trial ever counts. "
            f"Received: dropped_share={dropped_share!r}"
        )
    rng, code = np.random.default_rng(seed), study.start()
    state = study.state(code)
    while state["stage"] in ("qualification", "judgement"):
        asked = state["exposure_ms"]
        drops = asked is not None and rng.random() < dropped_share
        shown = None
        if asked is not None:
            shown = (num_frames(asked, frame_ms) + drops) * frame_ms
        share = 1.0 if state["stage"] == "qualification" else observer.share(shown)
        report = Report(
            block=state["block"],
            position=state["position"],
            attempt=state["attempt"],
            answer=study.answer(state, rng.random() < share),
            shown_ms=shown,
            frame_ms=None if asked is None else frame_ms,
            dropped=int(drops),
            reaction_ms=500.0,
        )
        state = study.record(code, report)["state"]
    return code
