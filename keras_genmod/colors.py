"""CIE Lab colours of images, and back.

Lab is of sRGB under D65 and its own white: grey levels have a = b = 0.
"""

from typing import Any

import numpy as np
from keras import ops

from keras_genmod import checks

__all__ = ["lab_to_rgb", "rgb_to_lab"]

# sRGB (IEC 61966-2-1): linear RGB to XYZ, whose rows sum to the white of D65.
_TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
_WHITE = _TO_XYZ.sum(axis=1)
_TO_WHITE = (_TO_XYZ / _WHITE[:, None]).T  # row vectors of RGB to XYZ over white
_FROM_WHITE = np.linalg.inv(_TO_WHITE)
_FROM_CUBES = np.array([[0.0, 500.0, 0.0], [116.0, -500.0, 200.0], [0.0, 0.0, -200.0]])
_DELTA = 6.0 / 29.0  # where the cube root becomes a line


def rgb_to_lab(images: Any) -> Any:
    """Returns Lab colours of sRGB ones.

    With X, Y, Z of linear RGB, each over that of white, and f the cube root, a line
    below (6/29)^3,

    L = 116 f(Y) - 16,  a = 500 (f(X) - f(Y)),  b = 200 (f(Y) - f(Z))

    Args:
        images: Floats `(..., 3)` in [0, 1]; array or tensor.

    Returns:
        Float32 tensor of the same shape: L in [0, 100], a and b about in [-110, 110].

    Example:
    ```python
    colors.rgb_to_lab(numpy.ones((1, 3)))  # white, [[100, 0, 0]]
    ```
    """
    return _lab_of(_colours("images", images), ops, _float32)


def exact_lab(images: np.ndarray) -> np.ndarray:
    """Returns what `rgb_to_lab` does, in float64 on NumPy: the same on all backends."""
    return _lab_of(np.asarray(images, "float64"), np, np.asarray)


def _lab_of(x, library, constant):
    # Each branch is finite everywhere, so that its gradient is.
    curve = library.power((library.maximum(x, 0.04045) + 0.055) / 1.055, 2.4)
    linear = library.where(x <= 0.04045, x / 12.92, curve)
    xyz = library.matmul(linear, constant(_TO_WHITE))
    roots = library.power(library.maximum(xyz, _DELTA**3), 1.0 / 3.0)
    line = xyz / (3.0 * _DELTA**2) + 4.0 / 29.0
    cubes = library.where(xyz > _DELTA**3, roots, line)  # f(X), f(Y), f(Z)
    return library.matmul(cubes, constant(_FROM_CUBES)) - constant([16.0, 0.0, 0.0])


def lab_to_rgb(lab: Any) -> Any:
    """Returns sRGB colours of Lab ones, clipped to those that a screen has.

    It undoes `rgb_to_lab`. Lab colours beyond sRGB become the nearest in each of R, G
    and B.

    Args:
        lab: Floats `(..., 3)`; array or tensor.

    Returns:
        Float32 tensor of the same shape in [0, 1].

    Example:
    ```python
    colors.lab_to_rgb(numpy.array([[50.0, 0.0, 0.0]]))  # grey, [[0.466, 0.466, 0.466]]
    ```
    """
    lab = _colours("lab", lab) + _float32([16.0, 0.0, 0.0])
    cubes = ops.matmul(lab, _float32(np.linalg.inv(_FROM_CUBES)))
    xyz = ops.where(cubes > _DELTA, cubes**3, 3.0 * _DELTA**2 * (cubes - 4.0 / 29.0))
    linear = ops.matmul(xyz, _float32(_FROM_WHITE))
    linear = ops.clip(linear, 0.0, 1.0)
    curve = 1.055 * ops.power(ops.maximum(linear, 0.0031308), 1.0 / 2.4) - 0.055
    return ops.clip(ops.where(linear <= 0.0031308, 12.92 * linear, curve), 0.0, 1.0)


def _colours(name: str, x: Any) -> Any:
    """Returns colours as a float32 tensor; raises a `ValueError` unless they are 3."""
    x = checks.float32(name, x)
    known = getattr(x.shape, "rank", 0) is not None
    if known and tuple(x.shape[-1:]) not in ((3,), (None,)):
        raise ValueError(
            f"`{name}` must have the shape (..., 3). "
            f"Received: {name}.shape={tuple(x.shape)}"
        )
    return x


def _float32(values: Any) -> Any:
    return ops.convert_to_tensor(np.asarray(values, "float32"))
