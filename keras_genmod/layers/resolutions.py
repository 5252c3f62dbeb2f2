"""Images of half and of twice the sides, as progressive GANs grow."""

from keras import ops

from keras_genmod.engine import halved


def doubled(x):
    """Returns images of twice the sides, each pixel repeated."""
    return ops.repeat(ops.repeat(x, 2, axis=1), 2, axis=2)


def faded(x, fade):
    """Returns images mixed with what half the sides hold of them.

    fade x + (1 - fade) up(down(x)).

    Args:
        x: Float tensor `(batch, height, width, channels)`.
        fade: Number or tensor `()` in [0, 1].
    """
    return fade * x + (1.0 - fade) * doubled(halved(x))
