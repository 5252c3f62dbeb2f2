"""Checks of codes that users hand over."""

from typing import Any

import numpy as np

from keras_genmod import checks


def codes(x: Any, grid: tuple[int, ...], num_codes: int, name: str = "codes") -> Any:
    """Returns codes as an int32 array `(batch, *grid)`.

    Args:
        x: Array or tensor of ints.
        grid: Shape of an example's codes.
        num_codes: Positive int.
        name: The argument's name in the message.

    Raises:
        ValueError: If they have another shape or type, or one is no code.
    """
    checks.shape(name, x, grid)
    x = checks.as_numpy(x, name)
    if x.dtype.kind not in "iu":
        raise ValueError(
            f"`{name}` must hold ints, as `encode` returns them. "
            f"Received dtype {x.dtype}"
        )
    if x.size and not 0 <= x.min() <= x.max() < num_codes:
        raise ValueError(
            f"`{name}` must lie in 0 to {num_codes - 1} for a quantizer of {num_codes} "
            f"codes. Received codes from {x.min()} to {x.max()}"
        )
    return x.astype(np.int32)
