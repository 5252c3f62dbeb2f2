"""Langevin dynamics: noisy steps down an energy, and chains that outlive a batch."""

import keras
from keras import ops

from keras_genmod.engine import clip, fori_loop, input_gradient, normal, uniform
from keras_genmod.models.float32_weight import add_float32_weight


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
        return x if data_range is None else clip(x, *data_range)

    return fori_loop(num_steps, step, ops.stop_gradient(start))


class ReplayBuffer(keras.layers.Layer):
    """Keeps many chains, of which every step takes some, goes on and puts them back.

    The chains of a step are chosen at random, none twice; each of them starts anew
    from noise with the probability that `take` is given. The chains are non-trainable
    weights: a run resumes with them.

    Args:
        size: Positive int, chains in the buffer.
        data_shape: Shape of one chain's state.
        draw_noise: Function `(shape, seed)` that draws states to start from.
        seed_generator: The `keras.random.SeedGenerator` of the model.

    References:
        - Du and Mordatch, Implicit generation and generalization in energy-based
          models, 2019, arXiv:1903.08689.
        - Grathwohl et al., Your classifier is secretly an energy based model and you
          should treat it like one, 2020, arXiv:1912.03263 (chains go back to where
          they were taken from).
    """

    def __init__(self, size, data_shape, draw_noise, seed_generator, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.size = size
        self.draw_noise = draw_noise
        self.seed_generator = seed_generator
        self.chains = add_float32_weight(
            self,
            "chains",
            (size, *data_shape),
            lambda shape, dtype=None: draw_noise(shape, seed_generator),
            trainable=False,
            own=True,
        )
        self.built = True

    def take(self, number, reinitialize):
        """Takes up to `number` chains, at most all of them.

        Args:
            number: Positive int.
            reinitialize: Number in [0, 1], the share that starts anew from noise.

        Returns:
            `(places, chains)`: int32 `(taken,)` and float32 `(taken, *data_shape)`.
        """
        order = ops.argsort(uniform((self.size,), self.seed_generator))
        places = ops.cast(order[:number], "int32")
        chains = ops.take(ops.convert_to_tensor(self.chains), places, axis=0)
        noise = self.draw_noise(ops.shape(chains), self.seed_generator)
        coin = uniform(ops.shape(places), self.seed_generator) < reinitialize
        anew = ops.reshape(coin, (-1, *(1,) * (len(chains.shape) - 1)))
        return places, ops.where(anew, noise, chains)

    def put(self, places, chains):
        """Puts chains back to the places that `take` returned with them."""
        stored = ops.convert_to_tensor(self.chains)
        self.chains.assign(ops.scatter_update(stored, places[:, None], chains))
