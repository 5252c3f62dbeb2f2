"""Which examples of a batch a model may learn from, inside compiled steps.

`fit` checks arrays on the host; streams come unseen. A loss that is NaN where these say
no cannot be mistaken for a result, as a finite loss of wrong data is.
"""

from keras import ops

from keras_genmod import checks
from keras_genmod.distributions.distribution import flat_events
from keras_genmod.engine import rows_in_range


def on_levels(x, num_levels: int):
    """Returns whether all values of an example are k / (num_levels - 1) in [0, 1].

    Args:
        x: Float32 tensor `(batch, ...)`.
        num_levels: Int of at least 2.

    Returns:
        Bool tensor `(batch,)`, false for NaN.
    """
    scaled = flat_events(x) * (num_levels - 1)
    off = ops.abs(scaled - ops.clip(ops.round(scaled), 0, num_levels - 1))
    return ops.all(off <= checks.level_tolerance(num_levels), axis=1)


def in_range(x, low: float, high: float):
    """Returns whether all values of an example lie in [low, high].

    Args:
        x: Float32 tensor `(batch, ...)`.
        low: Smallest value allowed.
        high: Largest value allowed.

    Returns:
        Bool tensor `(batch,)`, false for NaN.
    """
    return rows_in_range(flat_events(x), low, high)


def nan_unless(valid, values):
    """Returns `values` `(batch,)`, NaN for the examples that are not `valid`."""
    return ops.where(valid, values, float("nan"))


def nan_unless_images(loss, *images):
    """Returns a loss of a batch, NaN if pixels of any images lie outside of [0, 1].

    Args:
        loss: Float32 tensor `()`.
        *images: Float32 tensors `(batch, ...)`.
    """
    for x in images:
        loss = nan_unless(ops.all(in_range(x, 0.0, 1.0)), loss)
    return loss
