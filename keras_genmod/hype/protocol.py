"""What a study of people is: two scores compare only where all of it is the same."""

import dataclasses
import json
from typing import Any

from keras_genmod import checks
from keras_genmod.hype.staircase import RULES, UNITS, Staircase

VARIANTS = ("infinity", "pairwise", "time")
LARGEST_COUNT = 10_000  # trials of a block
LARGEST_MS = 10_000.0  # of anything shown


@dataclasses.dataclass(frozen=True, kw_only=True)
class StudyProtocol:
    """How people judge images, and how their answers become a score.

    `StudyProtocol.of(variant)` fills in the paper's numbers:

    - `"infinity"` (HYPE-infinity): 100 images, half of them generated, no limit of
      time. The score is the share that is judged wrongly: 50% is chance.
    - `"pairwise"`: 100 pairs of a real image and a generated one; which is real? The
      score is the share of wrong choices. What people believe of the ratio of real
      images, which moves HYPE-infinity, plays no part.
    - `"time"` (HYPE-time): three blocks of 150 images, shown ever shorter while the
      answers are right, and masked. The score is the modal exposure in milliseconds.

    Args:
        variant: `"infinity"`, `"pairwise"` or `"time"`.
        num_trials: Even integer, trials of a block.
        num_blocks: Integer, blocks of an evaluator, of different images.
        qualification_trials: Even integer, images that decide who takes part, half of
            them generated, evenly by all models; 0 lets everyone take part.
        qualification_share: Float in [0, 1], the share to be judged rightly of the
            real images and of the generated ones.
        feedback: Whether each answer is followed by whether it was right.
        rule: String, the rule of the staircase (`Staircase`); `None` without time.
        step_unit: `"ms"` or `"frames"`, what its steps count; `None` without time.
        start_ms: Float, the first exposure of a block.
        min_ms: Float, the shortest exposure asked for.
        max_ms: Float, the longest one.
        countdown_ms: Float, how long each of 3, 2, 1 is shown.
        num_masks: Integer, masks after an image.
        mask_ms: Float, how long each of them is shown.
        masks: String, how masks are made; `None` without time.
        display_px: Integer, CSS pixels of the longer side of an image as shown.
        image_shape: `(height, width, channels)`; filled in when a study is made, as
            what follows is.
        num_real: Integer, real images to draw from.
        num_fake: Integer, images of each model to draw from.
        real_sha256: String, hash of the real images.

    Raises:
        ValueError: If an argument is out of range, or needs a variant of time.

    References:
        - Zhou et al., 2019, "HYPE: A Benchmark for Human eYe Perceptual Evaluation of
          Generative Models", arXiv:1904.01121.

    Note:
        Read word by word, the paper's staircase (right -30 ms, wrong +10) balances
        where a quarter of the answers are right, so that everyone ends at 100 ms. The
        default, `"weighted"` (right -10, wrong +30), balances at the 75% that the
        paper means. The other rules can be asked for; scores of different ones refuse
        to be ranked.

    Example:
        ```python
        protocol = keras_genmod.hype.StudyProtocol.of("time", num_blocks=2)
        protocol.rule  # "weighted"
        ```
    """

    variant: str
    num_trials: int
    num_blocks: int = 1
    qualification_trials: int = 100
    qualification_share: float = 0.65
    feedback: bool = True
    rule: str | None = None
    step_unit: str | None = None
    start_ms: float | None = None
    min_ms: float | None = None
    max_ms: float | None = None
    countdown_ms: float | None = None
    num_masks: int | None = None
    mask_ms: float | None = None
    masks: str | None = None
    display_px: int = 320
    image_shape: tuple[int, ...] | None = None
    num_real: int | None = None
    num_fake: int | None = None
    real_sha256: str | None = None

    def __post_init__(self):
        checks.choice("variant", self.variant, VARIANTS)
        _even("num_trials", self.num_trials, 2)
        checks.integer("num_blocks", self.num_blocks, 1, 100)
        _even("qualification_trials", self.qualification_trials, 0)
        checks.fraction("qualification_share", self.qualification_share)
        checks.integer("display_px", self.display_px, 16, 4096)
        checks.boolean("feedback", self.feedback)
        self._check_images()
        if self.is_timed:
            self._check_times()
        else:
            self._check_no_times()

    @classmethod
    def of(cls, variant: str, **changes: Any) -> "StudyProtocol":
        """Returns the protocol of the paper for a variant.

        Args:
            variant: `"infinity"`, `"pairwise"` or `"time"`.
            **changes: Arguments of `StudyProtocol` that differ from the paper's.
        """
        checks.choice("variant", variant, VARIANTS)
        known = {field.name for field in dataclasses.fields(cls)}
        for name in changes:
            checks.choice("changes", name, known)
        defaults: dict[str, Any] = {"num_trials": 100}
        if variant == "time":
            defaults = {**_TIMES, "num_trials": 150, "num_blocks": 3}
        return cls(variant=variant, **{**defaults, **changes})

    @property
    def is_timed(self) -> bool:
        """Whether images are shown for a time that depends on the answers."""
        return self.variant == "time"

    @property
    def staircase(self) -> Staircase:
        """The rule by which exposures follow from answers."""
        if not self.is_timed:
            raise ValueError(
                "`variant` must be 'time' for a staircase. Received: "
                f"variant={self.variant!r}"
            )
        return Staircase(
            str(self.rule),
            str(self.step_unit),
            float(self.start_ms or 0),
            float(self.min_ms or 0),
            float(self.max_ms or 0),
        )

    def to_json(self) -> str:
        """Returns everything as text."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "StudyProtocol":
        """Returns the protocol that `to_json` wrote."""
        fields = json.loads(text)
        if fields["image_shape"] is not None:
            fields["image_shape"] = tuple(fields["image_shape"])
        return cls(**fields)

    def check_same(self, name: str, other: "StudyProtocol") -> None:
        """Raises a `ValueError` that names each difference to another protocol."""
        ours, theirs = dataclasses.asdict(self), dataclasses.asdict(other)
        different = [
            f"{field}: {ours[field]!r} and {theirs[field]!r}"
            for field in ours
            if ours[field] != theirs[field]
        ]
        if different:
            raise ValueError(
                f"`{name}` must have the same protocol, or the scores do not compare. "
                f"Received: {'; '.join(different)}"
            )

    def __str__(self) -> str:
        items = dataclasses.asdict(self).items()
        return ", ".join(f"{k}={v}" for k, v in items if v is not None)

    def _check_images(self) -> None:
        if self.image_shape is not None:
            checks.sizes("image_shape", self.image_shape, rank=3)
        for name in ("num_real", "num_fake"):
            if getattr(self, name) is not None:
                checks.integer(name, getattr(self, name))
        if self.real_sha256 is not None:
            checks.text("real_sha256", self.real_sha256)

    def _check_times(self) -> None:
        checks.choice("rule", self.rule, RULES)
        checks.choice("step_unit", self.step_unit, UNITS)
        checks.choice("masks", self.masks, ["phase_scrambled"])
        checks.integer("num_masks", self.num_masks, 0, 100)
        for name in ("start_ms", "min_ms", "max_ms", "countdown_ms", "mask_ms"):
            value = checks.positive(name, getattr(self, name))
            if value > LARGEST_MS:
                raise ValueError(
                    f"`{name}` must be at most {LARGEST_MS:g}. Received: {name}={value}"
                )
        _ = self.staircase  # which checks the order of the times

    def _check_no_times(self) -> None:
        for name in _TIMES:
            if getattr(self, name) is not None:
                raise ValueError(
                    f"`{name}` must be None where no time limits a look. Received: "
                    f"{name}={getattr(self, name)!r}, variant={self.variant!r}"
                )


_TIMES = {
    "rule": "weighted",
    "step_unit": "ms",
    "start_ms": 500.0,
    "min_ms": 100.0,
    "max_ms": 1000.0,
    "countdown_ms": 500.0,
    "num_masks": 4,
    "mask_ms": 30.0,
    "masks": "phase_scrambled",
}


def _even(name: str, value: Any, minimum: int) -> None:
    checks.integer(name, value, minimum, LARGEST_COUNT)
    if value % 2:
        raise ValueError(
            f"`{name}` must be even, for half of them are real. Received: "
            f"{name}={value}"
        )
