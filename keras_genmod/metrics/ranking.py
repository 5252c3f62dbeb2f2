"""How often one set of numbers exceeds another."""

import numpy as np


def share_above(upper: np.ndarray, lower: np.ndarray) -> float:
    """Returns the share of pairs with `upper > lower`; ties count half.

    Args:
        upper: Array of floats.
        lower: Array of floats.

    Returns:
        Float in [0, 1], the Mann-Whitney statistic over the number of pairs.
    """
    lower = np.sort(lower)
    smaller = np.searchsorted(lower, upper, side="left")
    not_larger = np.searchsorted(lower, upper, side="right")
    return float((smaller.sum() + not_larger.sum()) / (2.0 * len(upper) * len(lower)))
