"""Which images an evaluator sees, and in what order: a function of seeds alone."""

import dataclasses
import hashlib
import json
from typing import Any

import numpy as np

from keras_genmod.hype.protocol import StudyProtocol

QUALIFICATION = "qualification"
JUDGEMENT = "judgement"
NUM_MASKS = 32  # of a study
IMAGES, MASKS, ORDER = range(3)  # streams of random numbers


@dataclasses.dataclass(frozen=True)
class Shown:
    """What one trial shows.

    Args:
        kinds: Tuple of `"real"` or `"fake"`, one an image; two in a pair, left first.
        models: Tuple of the models' names, `None` for real images.
        numbers: Tuple of integers, which image of its kind and model.
    """

    kinds: tuple[str, ...]
    models: tuple[str | None, ...]
    numbers: tuple[int, ...]

    @property
    def answers(self) -> tuple[str, str]:
        """The two answers that this allows."""
        return ("real", "fake") if len(self.kinds) == 1 else ("left", "right")

    def is_right(self, answer: str | None) -> bool:
        """Whether an answer is right."""
        return answer == (self.kinds[0] if len(self.kinds) == 1 else self._real_side)

    @property
    def _real_side(self) -> str:
        return "left" if self.kinds[0] == "real" else "right"


def opaque(*parts: Any) -> str:
    """Returns a name that tells nothing, the same for the same parts."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def num_real_needed(protocol: StudyProtocol) -> int:
    """Returns how many real images one evaluator sees at most."""
    per_block = protocol.num_trials
    if protocol.variant != "pairwise":
        per_block //= 2
    return protocol.qualification_trials // 2 + protocol.num_blocks * per_block


def num_fake_needed(protocol: StudyProtocol, num_models: int) -> int:
    """Returns how many images of one model one evaluator sees at most."""
    judged = num_real_needed(protocol) - protocol.qualification_trials // 2
    return -(-protocol.qualification_trials // 2 // num_models) + judged


def stages(protocol: StudyProtocol) -> list[str]:
    """Returns the stage of each block of an evaluator."""
    first = [QUALIFICATION] if protocol.qualification_trials else []
    return first + [JUDGEMENT] * protocol.num_blocks


def block_plan(
    protocol: StudyProtocol,
    models: list[str],
    seed: int,
    evaluator: int,
    number: int,
    model: str | None,
) -> tuple[list[Shown], list[Shown]]:
    """Returns what a block shows, and what can stand in for a trial that failed.

    No image comes twice in an evaluator's blocks. Half of the images are real.

    Args:
        protocol: The `StudyProtocol`.
        models: The models' names.
        seed: Integer, the study's.
        evaluator: Integer, the evaluator's number.
        number: Integer, the block's number.
        model: The judged model's name, `None` in the qualification.

    Returns:
        `(trials, spares)`: lists of `Shown`. Spares are of what no block of this
        evaluator shows; pairs and qualifications, which no time limits, have none.
    """
    rng = np.random.default_rng([seed, evaluator, IMAGES])
    real = rng.permutation(protocol.num_real or 0)
    fake = {name: rng.permutation(protocol.num_fake or 0) for name in models}
    order = np.random.default_rng([seed, evaluator, ORDER, number])
    half = protocol.qualification_trials // 2
    if model is None:
        turns = [(models[i % len(models)], i // len(models)) for i in range(half)]
        shown = [_single("fake", name, fake[name][i]) for name, i in turns]
        shown += [_single("real", None, k) for k in real[:half]]
        return [shown[i] for i in order.permutation(2 * half)], []
    size = protocol.num_trials // (1 if protocol.variant == "pairwise" else 2)
    block, count = number - (half > 0), protocol.num_blocks
    left_fake = fake[model][-(-half // len(models)) :]
    reals, spare_reals = _part(real[half:], size, block, count)
    fakes, spare_fakes = _part(left_fake, size, block, count)
    if protocol.variant == "pairwise":
        is_left = order.permutation(np.arange(size) % 2 == 0)
        return [_pair(model, *k) for k in zip(reals, fakes, is_left, strict=True)], []
    shown = [_single("real", None, k) for k in reals]
    shown += [_single("fake", model, k) for k in fakes]
    spares = [_single("real", None, k) for k in spare_reals]
    spares += [_single("fake", model, k) for k in spare_fakes]
    return [shown[i] for i in order.permutation(2 * size)], spares


def trial_masks(
    protocol: StudyProtocol, seed: int, evaluator: int, number: int, shown: int
) -> list[int]:
    """Returns which of the study's masks follow the image of a trial."""
    rng = np.random.default_rng([seed, evaluator, MASKS, number, shown])
    count = protocol.num_masks or 0
    return [int(k) for k in rng.choice(NUM_MASKS, count, replace=count > NUM_MASKS)]


def _part(numbers, size, block, num_blocks):
    """Returns a block's numbers, and its share of what no block shows."""
    spares = numbers[num_blocks * size :][block::num_blocks]
    return numbers[block * size : (block + 1) * size], spares


def _single(kind, model, number) -> Shown:
    return Shown((kind,), (model,), (int(number),))


def _pair(model, real, fake, real_is_left) -> Shown:
    both = [("real", None, int(real)), ("fake", model, int(fake))]
    return Shown(*zip(*(both if real_is_left else both[::-1]), strict=True))
