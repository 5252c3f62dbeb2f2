"""Langevin dynamics: noisy steps down an energy."""

from keras import ops

from keras_genmod.engine import input_gradient, normal


def langevin_chain(energy, start, seeds, num_steps, step_size, noise, data_range):
    """Returns chains after `num_steps` of x <- x - step_size / 2 dE/dx + noise N(0, I).

    One loop on the device. No gradient flows through it, neither to the weights of
    the energy nor to `start`.

    Args:
        energy: Function from `(batch, ...)` to energies, each of its example alone.
        start: Float32 tensor `(batch, ...)`.
        seeds: `Seeds` that no other draw is taken from.
        num_steps: Positive int.
        step_size: Positive number.
        noise: Number of at least 0, the standard deviation of the noise of a step.
        data_range: `(low, high)`, where each step is clipped to, or `None`.

    Returns:
        Tensor of the shape of `start`.
    """

    def step(i, x):
        gradient = input_gradient(energy, x, differentiable=False)
        x = x - 0.5 * step_size * gradient
        x = x + noise * normal(ops.shape(x), seeds.at(i))
        return x if data_range is None else ops.clip(x, *data_range)

    return ops.fori_loop(0, num_steps, step, ops.stop_gradient(start))
