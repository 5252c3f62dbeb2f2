"""Normal latents without their tails."""

from keras import ops

from keras_genmod.engine import uniform


def truncated_normal(shape, limit, seeds):
    """Draws from N(0, 1), given that its absolute value is at most `limit`.

    By quantiles: drawing anew until it fits has no fixed number of draws.

    Args:
        shape: Tuple of ints.
        limit: Number or scalar tensor above 0.
        seeds: What draws.
    """
    limit = ops.cast(limit, "float32")
    u = 2.0 * uniform(shape, seeds) - 1.0
    share = u * ops.erf(limit / 2.0**0.5)  # erf(z / sqrt(2))
    z = 2.0**0.5 * ops.erfinv(ops.clip(share, -0.9999999, 0.9999999))
    return ops.clip(z, -limit, limit)
