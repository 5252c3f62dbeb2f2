"""Penalties of the gradient of scores with respect to the data."""

from keras import ops

from keras_genmod.engine import input_gradient, uniform


def zero_centred_penalty(score, x):
    """Returns E |grad D(x)|^2, which R1 takes at real and R2 at generated data.

    Args:
        score: Function from data to scores, each of one example alone.
        x: Float tensor `(batch, ...)`, taken as a constant.
    """
    return ops.mean(_squared_norm(input_gradient(score, x)))


def one_centred_penalty(score, real, fake, seed_generator):
    """Returns E (|grad D(x_hat)| - 1)^2 at x_hat = e x + (1 - e) G(z).

    Args:
        score: Function from data to scores, each of one example alone.
        real: Float tensor `(batch, ...)`.
        fake: Float tensor of the same shape.
        seed_generator: Draws e from U[0, 1) for each example.
    """
    ones = (1,) * (len(real.shape) - 1)
    e = uniform((ops.shape(real)[0], *ones), seed_generator)
    gradient = input_gradient(score, e * real + (1.0 - e) * fake)
    # The small number keeps the gradient of the root finite at zero.
    norm = ops.sqrt(_squared_norm(gradient) + 1e-12)
    return ops.mean(ops.square(norm - 1.0))


def _squared_norm(gradient):
    axes = tuple(range(1, len(gradient.shape)))
    return ops.sum(ops.square(gradient), axis=axes)
