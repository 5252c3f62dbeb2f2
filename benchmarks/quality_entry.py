"""What the quality benchmark knows of a model."""

import dataclasses
from collections.abc import Callable


@dataclasses.dataclass(frozen=True)
class Entry:
    """One model: how it is made, what it is trained on, and how it is judged.

    Args:
        make: Function of a seed that returns the compiled model. Its learning rates
            are those that the clock lets fall to zero.
        family: String.
        is_binary: Whether it models binary images; else grey ones.
        batch_size: Int.
        is_flat: Whether images are vectors to it.
        has_log_prob: Whether its `log_prob` can be computed at this size.
        options: Dict, of `evaluate_likelihood`.
        num_judged: Int, how many of the test images have their likelihood computed;
            `None` for all. Their count is part of the protocol.
        sample_options: Dict, of `sample`.
        has_samples: Whether samples can be drawn in minutes at this size.
        pretrain: Function of the model, of images, of a function that returns callbacks
            for a stage i and its share of the minutes, and of epochs that these will
            cut short; called before `fit`. `None` where there is no such stage.
        pretrain_share: Float, the share of the minutes that `pretrain` takes.
        callbacks: Function without arguments that returns callbacks of `fit`, whose
            epochs are rounds.
        round_steps: Int, steps of a round, between two backups.
        is_averaged: Whether the averages that its optimizer keeps are judged.
        score: Function of the model and of validation images that says how good it
            is, higher is better; `None` where only the last state is judged.
        score_name: String, what `score` gives.
        remark: Function of the trained model and of test images that returns words for
            the page, or `None`.
    """

    make: Callable
    family: str
    is_binary: bool
    batch_size: int
    is_flat: bool = False
    has_log_prob: bool = True
    options: dict = dataclasses.field(default_factory=dict)
    num_judged: int | None = None
    sample_options: dict = dataclasses.field(default_factory=dict)
    has_samples: bool = True
    pretrain: Callable | None = None
    pretrain_share: float = 0.0
    callbacks: Callable = list
    round_steps: int = 200
    is_averaged: bool = False
    score: Callable | None = None
    score_name: str = ""
    remark: Callable | None = None


def compiled(model, optimizer):
    """Returns the model, compiled."""
    model.compile(optimizer)
    return model


def negative_loss(model, images):
    """Returns the loss of validation images, negative."""
    return -model.evaluate(images, batch_size=100, verbose=0, return_dict=True)["loss"]


LOSS = {"score": negative_loss, "score_name": "loss, negative"}
