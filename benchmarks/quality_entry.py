"""What the quality benchmark knows of a model."""

import dataclasses
from collections.abc import Callable


@dataclasses.dataclass(frozen=True)
class Entry:
    """One row: a model, what it is trained on, and for how long.

    Args:
        make: Function without arguments that returns the compiled model.
        is_binary: Whether it models binary images; else grey ones.
        epochs: Int, at factor 1.
        batch_size: Int.
        num_images: Int, training images that are used; `None` takes all.
        is_flat: Whether images are vectors to it.
        has_log_prob: Whether its `log_prob` can be computed at this size.
        options: Dict, of `evaluate_likelihood`.
        sample_options: Dict, of `sample`.
        has_samples: Whether samples can be drawn in minutes at this size.
        pretrain: Dict, of `pretrain` on training images of one static binarization,
            before `fit`; `None` where the model has no such stage.
        is_averaged: Whether the averages that its optimizer keeps are judged.
    """

    make: Callable
    is_binary: bool
    epochs: int
    batch_size: int
    num_images: int | None = None
    is_flat: bool = False
    has_log_prob: bool = True
    options: dict = dataclasses.field(default_factory=dict)
    sample_options: dict = dataclasses.field(default_factory=dict)
    has_samples: bool = True
    pretrain: dict | None = None
    is_averaged: bool = False


def compiled(model, optimizer):
    """Returns the model, compiled."""
    model.compile(optimizer)
    return model
