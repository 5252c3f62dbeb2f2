"""Deep energy model, trained by contrastive divergence with Langevin chains."""

import math
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_genmod import checks
from keras_genmod.engine import (
    Seeds,
    compiled,
    input_gradient,
    keras_internals,
    normal,
    uniform,
)
from keras_genmod.models import network_checks
from keras_genmod.models.adjustable import Adjustable
from keras_genmod.models.energy.chain_model import ChainModel
from keras_genmod.models.energy.langevin import ReplayBuffer, langevin_chain
from keras_genmod.models.valid_data import in_range, nan_unless


def _check_network(network, data_shape, output_shape):
    if None in data_shape or output_shape not in ((1,), ()):
        raise ValueError(
            "`network` must map data of a known shape to one number an example, of "
            f"shape (batch, 1). Received a network from {data_shape} to {output_shape}"
        )
    network_checks.no_batch_normalization(
        "network", network, "an example's energy must depend on that example alone"
    )
    for layer in keras_internals.sublayers(network):
        if getattr(layer, "activity_regularizer", None) is not None:
            raise ValueError(
                "`network` must hold no activity regularizers: they would count the "
                f"steps of the chains too. Found one in {layer.name!r}; `EnergyModel` "
                "regularizes energies itself."
            )


def _standardize_range(data_range):
    """Returns a checked `data_range` as two floats, or `None`."""
    if data_range is None:
        return None
    try:
        pair = np.array(data_range, "float64")
    except (TypeError, ValueError):  # no numbers
        pair = np.empty(0)
    if pair.shape != (2,) or not np.all(np.isfinite(pair)) or pair[0] >= pair[1]:
        raise ValueError(
            "`data_range` must be a pair (low, high) of finite numbers, low below "
            f"high, or None. Received: data_range={data_range}"
        )
    return tuple(pair.tolist())


@keras.saving.register_keras_serializable("keras_genmod")
class EnergyModel(ChainModel):
    """p(x) = exp(-E(x)) / Z, the energy E any network from data to one number.

    The gradient of -log p(x) is that of E(x) less its mean under the model. Here the
    mean is over chains, which a replay buffer keeps from step to step; each step of
    training they make some steps of Langevin dynamics,

        x <- x - step_size / 2 dE/dx + noise N(0, I),

    which has the stationary density p(x) as `step_size` goes to 0 with `noise` its
    square root. The loss is

        mean E(data) - mean E(chain)
            + regularization (mean E(data)^2 + mean E(chain)^2)

    with gradients stopped at the chains. Its value is no likelihood and need not
    fall: it stays near 0 where all is well. Look at `data_energy` and `model_energy`,
    which lie close together, and at samples. There is no `log_prob`: log Z is unknown.

    Args:
        network: Built Keras model from data `(batch, *data_shape)` to energies
            `(batch, 1)`, smooth (swish rather than ReLU) and without batch
            normalization, which would make an example's energy depend on its batch.
        num_langevin_steps: Positive int, steps of every chain a step of training.
        step_size: Positive number, in squared units of the data.
        noise: Number of at least 0, the standard deviation of a step's noise; `None`
            for sqrt(step_size), as that is at the start. Less noise is a lower
            temperature: the chains have a density near exp(-E / T) with
            T = noise^2 / step_size. `step_size`, `noise`, `reinitialize` and
            `regularization` are weights, which callbacks may set between epochs.
        buffer_size: Positive int, chains in the buffer. Every step of training takes
            as many as there are data in the batch, at most all.
        reinitialize: Number in [0, 1], the share of chains that start anew from noise.
        regularization: Number of at least 0, weight of the squared energies, which
            keeps them near 0: a constant added to E changes nothing else.
        data_range: Pair `(low, high)` with low < high: data lie between, noise that
            chains start from is uniform, and each step is clipped. `None` for data of
            any real values: chains start from N(0, I), so scale data to about that.
        **kwargs: `seed`, `name`, `dtype` as in `GenerativeModel`.

    Raises:
        ValueError: If the network is not built, does not end in one number, or holds
            batch normalization or activity regularizers, or a value is out of range.

    References:
        - LeCun et al., A tutorial on energy-based learning, 2006.
        - Tieleman, Training restricted Boltzmann machines using approximations to the
          likelihood gradient, ICML 2008 (chains that persist).
        - Welling and Teh, Bayesian learning via stochastic gradient Langevin dynamics,
          ICML 2011.
        - Du and Mordatch, Implicit generation and generalization in energy-based
          models, 2019, arXiv:1903.08689 (buffer, regularization, clipping).
        - Nijkamp et al., On the anatomy of MCMC-based maximum likelihood learning of
          energy-based models, 2019, arXiv:1903.12370 (`noise` apart from `step_size`).

    Note:
        The papers' models of images take large steps with little noise, a temperature
        far below 1: Du and Mordatch x - 10 dE/dx with noise 0.005, here
        `step_size=20.0, noise=0.005`. Such chains find low energies but do not have
        the density p(x). Du and Mordatch also clip gradients and normalize the
        network's weights (`keras.layers.SpectralNormalization`); here neither is done.

    Example:
    ```python
    features = networks.mlp_encoder((2,), (128, 128), activation="swish")
    energy = keras.layers.Dense(1)(features.output)
    model = EnergyModel(keras.Model(features.input, energy), data_range=(-4.0, 4.0))
    model.compile(keras.optimizers.Adam(1e-3))
    model.fit(points, epochs=50, batch_size=256)
    new_points = model.sample(100, seed=0)
    ```
    """

    step_size = Adjustable(checks.positive)
    noise = Adjustable(checks.non_negative)
    reinitialize = Adjustable(checks.fraction)
    regularization = Adjustable(checks.non_negative)

    def __init__(
        self,
        network: keras.Model,
        num_langevin_steps: int = 60,
        step_size: float = 0.01,
        noise: Any = None,
        buffer_size: int = 10_000,
        reinitialize: float = 0.05,
        regularization: float = 0.0,
        data_range: Any = None,
        **kwargs: Any,
    ) -> None:
        data_shape, output_shape = network_checks.shapes("network", network)
        _check_network(network, data_shape, output_shape)
        num_langevin_steps = checks.positive_int(
            "num_langevin_steps", num_langevin_steps
        )
        step_size = checks.positive("step_size", step_size)
        buffer_size = checks.positive_int("buffer_size", buffer_size)
        super().__init__(data_shape=data_shape, **kwargs)
        self.network = network
        self.num_langevin_steps = num_langevin_steps
        self.step_size = step_size
        self.noise = math.sqrt(step_size) if noise is None else noise
        self.buffer_size = buffer_size
        self.reinitialize = reinitialize
        self.regularization = regularization
        self.data_range = _standardize_range(data_range)
        self.buffer = ReplayBuffer(
            buffer_size, self.data_shape, self._draw_noise, self.seed_generator
        )
        self.data_energy_tracker = keras.metrics.Mean(name="data_energy")
        self.model_energy_tracker = keras.metrics.Mean(name="model_energy")
        self.finish_construction()

    def _draw_noise(self, shape, seed):
        """Draws what chains start from."""
        if self.data_range is None:
            return normal(shape, seed)
        low, high = self.data_range
        return low + (high - low) * uniform(shape, seed)

    def _energy(self, x, training=False):
        energy = self.network(x, training=training)
        return ops.reshape(ops.cast(energy, "float32"), (-1,))

    def _chain(self, start, seeds, num_steps):
        return langevin_chain(
            self._energy,
            start,
            seeds,
            num_steps=num_steps,
            step_size=ops.convert_to_tensor(self.step_size),
            noise=ops.convert_to_tensor(self.noise),
            data_range=self.data_range,
        )

    # Training.

    def call(self, inputs, training=False):
        """Returns energies of data and of chains, and the chains, a row a chain."""
        data, _ = self.data_and_condition(inputs)
        share = ops.convert_to_tensor(self.reinitialize)
        places, start = self.buffer.take(ops.shape(data)[0], share)
        seeds = Seeds(self.seed_generator.next())
        chain = self._chain(start, seeds, self.num_langevin_steps)
        if training:
            self.buffer.put(places, chain)
        data_energy = self._energy(data, training)
        if self.data_range is not None:
            data_energy = nan_unless(in_range(data, *self.data_range), data_energy)
        return {
            "data_energy": data_energy,
            "model_energy": self._energy(chain, training),
            "chain": chain,
        }

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        of_data, of_model = y_pred["data_energy"], y_pred["model_energy"]
        self.data_energy_tracker.update_state(ops.stop_gradient(of_data), sample_weight)
        self.model_energy_tracker.update_state(ops.stop_gradient(of_model))
        losses = of_data - ops.mean(of_model)
        squares = ops.square(of_data) + ops.mean(ops.square(of_model))
        losses = losses + ops.convert_to_tensor(self.regularization) * squares
        return self.mean_loss(losses, sample_weight)

    # What it offers.

    def energy(self, x: Any) -> Any:
        """Returns E(x) = -log p(x) - log Z in nats, shape `(batch,)`.

        Args:
            x: Data of shape `(batch, *data_shape)`.
        """
        self.check_examples(x)
        return self._compiled_energy(x)

    @compiled()
    def _compiled_energy(self, x):
        return self._energy(ops.cast(x, "float32"))

    def free_energy(self, x: Any) -> Any:
        """Returns E(x) as `energy` does: there are no hidden units to sum out."""
        return self.energy(x)

    def score(self, x: Any) -> Any:
        """Returns d log p(x) / dx = -dE/dx, float32 of the shape of `x`."""
        self.check_examples(x)
        return self._score(x)

    @compiled()
    def _score(self, x):
        return -input_gradient(self._energy, x)

    @compiled()
    def _sample(self, state, base, *, num_samples, num_steps):
        del base  # chains start from noise
        seeds = Seeds(state)
        start = self._draw_noise((num_samples, *self.data_shape), seeds)
        return self._chain(start, seeds, num_steps)

    def check_examples(self, x: Any) -> None:
        super().check_examples(x)
        if self.data_range is not None:
            checks.value_range("x", x, *self.data_range)

    def get_config(self):
        return {
            **super().get_config(),
            "network": keras.saving.serialize_keras_object(self.network),
            "num_langevin_steps": self.num_langevin_steps,
            "step_size": float(self.step_size),
            "noise": float(self.noise),
            "buffer_size": self.buffer_size,
            "reinitialize": float(self.reinitialize),
            "regularization": float(self.regularization),
            "data_range": self.data_range,
        }
