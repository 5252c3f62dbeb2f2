"""What style transfer compares: features, their Gram matrices, and neighbours."""

from collections.abc import Sequence
from typing import Any

from keras import ops


def targets(of_content: Sequence[Any], of_style: Sequence[Any]) -> dict[str, list]:
    """Returns what images shall have, of the features of contents and of styles.

    Args:
        of_content: Features of the content layers, each `(batch, height, width, n)`.
        of_style: Features of the style layers.

    Returns:
        Dict of two lists of pairs, a layer each: `content` with features, `style` with
        Gram matrices, in the unit that stands beside them.
    """
    content = [(f / unit(f), unit(f)) for f in of_content]
    return {
        "content": content,
        "style": [(gram_matrix(f / unit(f)), unit(f)) for f in of_style],
    }


def content_term(features: Sequence[Any], wanted: Sequence[tuple]) -> Any:
    """Returns half the mean squared difference of features, `(batch,)`."""
    total = 0.0
    for f, (target, of_target) in zip(features, wanted, strict=True):
        total += ops.mean(ops.square(f / of_target - target), axis=(1, 2, 3))
    return total / (2 * len(wanted))


def style_term(
    features: Sequence[Any], wanted: Sequence[tuple], weights: Sequence[float]
) -> Any:
    """Returns weighed squared differences of Gram matrices, `(batch,)`."""
    total = 0.0
    layers = zip(features, wanted, weights, strict=True)
    for f, (target, of_target), weight in layers:
        squared = ops.square(gram_matrix(f / of_target) - target)
        total += weight * ops.mean(squared, axis=(1, 2)) / 4  # sum / (4 N^2)
    return total


def variation(x: Any) -> Any:
    """Returns mean squared differences of neighbours, down and right, `(batch,)`."""
    down = ops.square(x[:, 1:] - x[:, :-1])
    right = ops.square(x[:, :, 1:] - x[:, :, :-1])
    return ops.mean(down, axis=(1, 2, 3)) + ops.mean(right, axis=(1, 2, 3))


def gram_matrix(features: Any) -> Any:
    """Returns what channels of features have in common, wherever it is.

    G_ij = mean over places of F_i F_j, of each image alone.

    Args:
        features: Float tensor `(batch, height, width, channels)`.

    Returns:
        Tensor `(batch, channels, channels)`.
    """
    batch, height, width, channels = ops.shape(features)
    rows = ops.reshape(features, (batch, height * width, channels))
    products = ops.matmul(ops.transpose(rows, (0, 2, 1)), rows)
    return products / ops.cast(height * width, features.dtype)


def unit(features: Any) -> Any:
    """Returns the mean absolute value of an image's features, `(batch, 1, 1, 1)`."""
    mean = ops.mean(ops.abs(features), axis=(1, 2, 3), keepdims=True)
    return ops.where(mean > 0, mean, ops.ones_like(mean))
