"""What must be the same for two scores to be compared."""

import dataclasses
from collections.abc import Iterable
from typing import Any

from keras_genmod import checks

_TEXTS = (
    "features",
    "weights_hash",
    "resize",
    "split",
    "metric",
    "channel",
    "truncation_kind",
)
_NUMBERS = ("radius", "deviation", "truncation", "threshold")


@dataclasses.dataclass(frozen=True)
class Protocol:
    """How a score was made; two scores compare only under equal protocols.

    A caller states where the arrays come from (the first four fields) and hands this
    to a metric; the metric fills in the rest. `None` means "does not apply".

    Args:
        features: String, the features' name, such as `"digit_classifier/dense_1"`.
        weights_hash: String, hash of the weights that made the features.
        resize: String, how images were resized, such as `"bilinear antialiased 75"`.
        split: String, the split that the real samples are from.
        metric: String, the metric's name.
        num_real: Integer, number of real samples.
        num_fake: Integer, number of generated samples.
        num_held_out: Integer, number of held-out samples.
        k: Integer, number of neighbours.
        num_subsets: Integer, random subsets that the score is a mean over.
        subset_size: Integer, samples in a subset.
        num_splits: Integer, disjoint parts that the score is a mean over.
        num_modes: Integer, modes that could be found.
        radius: Float, the distance within which a sample belongs to a mode.
        deviation: Float, the standard deviation of each mode.
        frequencies: Tuple of floats, the modes' frequencies in the data.
        truncation: Float, how far samples were truncated.
        truncation_kind: String, what that number is of the model: the largest latent,
            or the share of styles.
        num_bins: Integer, bins of each latent.
        num_trees: Integer, boosting stages of the classifiers.
        num_groups: Integer, groups of examples that share a factor.
        group_size: Integer, examples or pairs in a group.
        num_candidates: Integer, captions that each image is compared with.
        threshold: Float, the variance up to which a latent counts as dead.
        channel: String, which channels of images were compared.
        border: Integer, pixels left out on each side of images.
        seed: Integer, the seed of the subsets or splits.

    Raises:
        ValueError: If a field is of another type.

    Example:
        ```python
        source = Protocol(features="digit_classifier/dense_1", split="test")
        score = frechet_distance(real, fake, protocol=source)
        score.protocol.num_real  # filled in
        ```
    """

    features: str | None = None
    weights_hash: str | None = None
    resize: str | None = None
    split: str | None = None
    metric: str | None = None
    num_real: int | None = None
    num_fake: int | None = None
    num_held_out: int | None = None
    k: int | None = None
    num_subsets: int | None = None
    subset_size: int | None = None
    num_splits: int | None = None
    num_modes: int | None = None
    radius: float | None = None
    deviation: float | None = None
    frequencies: tuple[float, ...] | None = None
    truncation: float | None = None
    truncation_kind: str | None = None
    num_bins: int | None = None
    num_trees: int | None = None
    num_groups: int | None = None
    group_size: int | None = None
    num_candidates: int | None = None
    threshold: float | None = None
    channel: str | None = None
    border: int | None = None
    seed: int | None = None

    def __post_init__(self):
        for name, value in vars(self).items():
            if value is None:
                continue
            if name in _TEXTS:
                checks.text(name, value)
            elif name in _NUMBERS:
                checks.non_negative(name, value)
            elif name == "frequencies":
                is_tuple = isinstance(value, tuple)
                if not is_tuple or checks.real_numbers(name, value).ndim != 1:
                    raise ValueError(
                        f"`{name}` must be a tuple of numbers. Received: {value!r}"
                    )
            else:  # a seed is the largest of them
                checks.integer(name, value, maximum=checks.LARGEST_SEED)

    def __str__(self) -> str:
        items = dataclasses.asdict(self).items()
        return ", ".join(f"{k}={v}" for k, v in items if v is not None)

    def check_same(
        self, name: str, other: "Protocol", fields: Iterable[str] | None = None
    ) -> None:
        """Raises unless another protocol agrees with this one.

        Args:
            name: String, what to call `other` in the message.
            other: A `Protocol`.
            fields: Names of the fields that must agree; `None` means all of them.

        Raises:
            ValueError: If a field differs. The message names each.
        """
        names = [f.name for f in dataclasses.fields(self)] if fields is None else fields
        different = [
            f"{field}: {getattr(self, field)!r} and {getattr(other, field)!r}"
            for field in names
            if getattr(self, field) != getattr(other, field)
        ]
        if different:
            raise ValueError(
                f"`{name}` must have the same protocol, or the numbers do not "
                f"compare. Received: {'; '.join(different)}"
            )


# The fields that say what a feature is: two sets of features must share them.
SOURCE_FIELDS = ("features", "weights_hash", "resize")


def filled_in(protocol: Protocol | None, **fields: Any) -> Protocol:
    """Returns the caller's protocol with what the metric knows.

    Args:
        protocol: The caller's `Protocol`, or `None`.
        **fields: The fields that the metric knows.

    Returns:
        A `Protocol`.

    Raises:
        ValueError: If `protocol` is something else.
    """
    if protocol is not None and not isinstance(protocol, Protocol):
        raise ValueError(
            f"`protocol` must be a Protocol or None. Received: protocol={protocol!r}"
        )
    return dataclasses.replace(protocol or Protocol(), **fields)
