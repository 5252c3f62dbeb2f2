"""Skewed feature maps: each row one place further right than the row above it."""

from keras import ops


def skew(x):
    """Shifts row `r` right by `r` places, so that diagonals become columns.

    Args:
        x: Tensor `(batch, height, width, features)`.

    Returns:
        Tensor `(batch, height, width + height - 1, features)`; zeros lie left and
        right of the shifted rows.
    """
    _, height, width, features = x.shape
    x = ops.pad(x, [[0, 0], [0, 0], [0, height], [0, 0]])
    # In rows that are one place shorter, each starts one place later.
    x = ops.reshape(x, (-1, height * (width + height), features))[:, :-height]
    return ops.reshape(x, (-1, height, width + height - 1, features))


def unskew(x):
    """Undoes `skew`.

    Args:
        x: Tensor `(batch, height, width + height - 1, features)`.

    Returns:
        Tensor `(batch, height, width, features)`.
    """
    _, height, length, features = x.shape
    x = ops.reshape(x, (-1, height * length, features))
    x = ops.pad(x, [[0, 0], [0, height], [0, 0]])
    x = ops.reshape(x, (-1, height, length + 1, features))
    return x[:, :, : length - height + 1]
