"""Values within bounds, and NaN."""

from typing import Any

from keras import ops


def clip(x: Any, low: float, high: float) -> Any:
    """Returns `x` within `[low, high]`, where NaN stays NaN.

    Keras' `clip` does not promise that where XLA compiles: samples of weights of NaN
    would be clean.

    Args:
        x: Float tensor.
        low: Smallest value.
        high: Largest value.
    """
    return ops.where(x < low, low, ops.where(x > high, high, x))
