"""The losses of generators and discriminators, from logits.

With l = D(x) before the sigmoid, log sigmoid(l) = -softplus(-l) and
log(1 - sigmoid(l)) = -softplus(l), which neither overflow nor lose digits.
"""

from keras import ops


def _mixed(of_real, of_fake, smoothing):
    # The loss of a real score, whose label is 1 - smoothing instead of 1
    return of_real if smoothing is None else of_real + smoothing * (of_fake - of_real)


def _mean(losses, weights):
    """Returns the mean, or the sum of each example's mean times its weight.

    Args:
        losses: Float tensor `(batch, ...)`.
        weights: Float tensor `(batch,)`, or `None`.
    """
    if weights is None:
        return ops.mean(losses)
    axes = tuple(range(1, len(losses.shape)))
    return ops.sum(weights * ops.mean(losses, axis=axes))


def _cross_entropy(real, fake, smoothing=None):
    # -E log D(x) - E log(1 - D(G(z)))
    of_real = _mixed(ops.softplus(-real), ops.softplus(real), smoothing)
    return ops.mean(of_real) + ops.mean(ops.softplus(fake))


def _non_saturating(fake, weights=None):
    # -E log D(G(z))
    return _mean(ops.softplus(-fake), weights)


def _minimax(fake, weights=None):
    # E log(1 - D(G(z)))
    return -_mean(ops.softplus(fake), weights)


def least_squares_discriminator(real, fake, smoothing=None):
    """E (D(x) - 1)^2 / 2 + E D(G(z))^2 / 2 (Mao et al. 2017, 1611.04076)."""
    label = 1.0 if smoothing is None else 1.0 - smoothing
    return 0.5 * (ops.mean(ops.square(real - label)) + ops.mean(ops.square(fake)))


def least_squares_generator(fake, weights=None):
    """E (D(G(z)) - 1)^2 / 2."""
    return 0.5 * _mean(ops.square(fake - 1.0), weights)


def _hinge_discriminator(real, fake):
    # E max(0, 1 - D(x)) + E max(0, 1 + D(G(z)))
    return ops.mean(ops.relu(1.0 - real)) + ops.mean(ops.relu(1.0 + fake))


def _hinge_generator(fake, weights=None):
    # -E D(G(z))
    return -_mean(fake, weights)


def top_weights(scores, share):
    """Returns weights of the examples with the highest scores, that sum to 1.

    Args:
        scores: Float tensor `(batch, ...)`; those of a map are averaged.
        share: Number or scalar tensor in (0, 1]; ceil(share batch) examples count, at
            least one.

    Returns:
        Float32 tensor `(batch,)`, 1 over their number or 0.
    """
    axes = tuple(range(1, len(scores.shape)))
    scores = ops.stop_gradient(ops.mean(scores, axis=axes))
    rank = ops.cast(ops.argsort(ops.argsort(-scores)), "float32")
    # A little less, as 0.3 times 10 is above 3 in float32
    number = ops.ceil(share * ops.cast(ops.shape(scores)[0], "float32") - 1e-3)
    number = ops.maximum(number, 1.0)
    return ops.cast(rank < number, "float32") / number


#: Name to the pair (discriminator loss of real and fake scores, generator loss). The
#: former takes how much less than 1 the label of real data is, where labels enter; the
#: latter weights of examples.
GAN_LOSSES = {
    "non_saturating": (_cross_entropy, _non_saturating),
    "minimax": (_cross_entropy, _minimax),
    "least_squares": (least_squares_discriminator, least_squares_generator),
    "hinge": (_hinge_discriminator, _hinge_generator),
}
