"""Numbers that are still numbers in float32."""

from typing import Any

import numpy as np

from keras_genmod import checks

_SMALLEST, _LARGEST = (float(getattr(np.finfo("float32"), n)) for n in ("tiny", "max"))


def positive(name: str, value: Any) -> float:
    """Returns a number; raises a `ValueError` if float32 makes 0 or infinity of it.

    Smaller numbers than the smallest normal one count as 0: compilers make it of them.
    """
    value = checks.positive(name, value)
    if not _SMALLEST <= float(value) <= _LARGEST:
        raise ValueError(
            f"`{name}` must be from {_SMALLEST:.2g} to {_LARGEST:.2g}, the numbers of "
            f"float32. Received: {name}={value!r}"
        )
    return value


def non_negative(name: str, value: Any) -> float:
    """Returns 0, or a number as `positive` does; raises a `ValueError` for others."""
    value = checks.non_negative(name, value)
    return positive(name, value) if value else value
