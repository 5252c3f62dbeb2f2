"""The losses of generators and discriminators, from logits.

With l = D(x) before the sigmoid, log sigmoid(l) = -softplus(-l) and
log(1 - sigmoid(l)) = -softplus(l), which neither overflow nor lose digits.
"""

from keras import ops


def _cross_entropy(real, fake):
    # -E log D(x) - E log(1 - D(G(z)))
    return ops.mean(ops.softplus(-real)) + ops.mean(ops.softplus(fake))


def _non_saturating(fake):
    # -E log D(G(z))
    return ops.mean(ops.softplus(-fake))


def _minimax(fake):
    # E log(1 - D(G(z)))
    return -ops.mean(ops.softplus(fake))


def least_squares_discriminator(real, fake):
    """E (D(x) - 1)^2 / 2 + E D(G(z))^2 / 2 (Mao et al. 2017, 1611.04076)."""
    return 0.5 * (ops.mean(ops.square(real - 1.0)) + ops.mean(ops.square(fake)))


def least_squares_generator(fake):
    """E (D(G(z)) - 1)^2 / 2."""
    return 0.5 * ops.mean(ops.square(fake - 1.0))


def _hinge_discriminator(real, fake):
    # E max(0, 1 - D(x)) + E max(0, 1 + D(G(z)))
    return ops.mean(ops.relu(1.0 - real)) + ops.mean(ops.relu(1.0 + fake))


def _hinge_generator(fake):
    # -E D(G(z))
    return -ops.mean(fake)


#: Name to the pair (discriminator loss of real and fake scores, generator loss).
GAN_LOSSES = {
    "non_saturating": (_cross_entropy, _non_saturating),
    "minimax": (_cross_entropy, _minimax),
    "least_squares": (least_squares_discriminator, least_squares_generator),
    "hinge": (_hinge_discriminator, _hinge_generator),
}
