"""Restricted Boltzmann machine, trained by contrastive divergence."""

from typing import Any

import keras
from keras import ops

from keras_genmod import checks
from keras_genmod.engine import Seeds, compiled, fori_loop
from keras_genmod.models.energy.partitioned_model import PartitionedModel
from keras_genmod.models.energy.rbm_density import RBMDensity
from keras_genmod.models.energy.regularizer import regularizer
from keras_genmod.models.energy.tempering import tempered_gibbs
from keras_genmod.models.energy.visible_units import check_standardized, visible_units
from keras_genmod.models.float32_weight import add_float32_weight
from keras_genmod.models.valid_data import nan_unless

_RECONSTRUCTED = 8  # while persistent chains are trained: one example in so many


@keras.saving.register_keras_serializable("keras_genmod")
class RBM(PartitionedModel):
    """p(v) = sum_h exp(-E(v, h)) / Z, with couplings only between the layers.

    Bernoulli and categorical visibles: E(v, h) = -a.v - b.h - v W h. Normal visibles
    (unit variance): E(v, h) = |v - a|^2 / 2 - b.h - v W h. Hidden units are binary. The
    free energy is F(v) = -a.v - sum_j log(1 + exp(b_j + (v W)_j)), with |v - a|^2 / 2
    in place of -a.v for normal visibles.

    The loss is mean F(data) - mean F(chain) with gradients stopped at the chain: its
    gradient is that of CD-k, data statistics minus model statistics. The value of the
    loss is no likelihood and need not fall; look at `reconstruction`, the mean squared
    error after a step down and up. While chains that persist are trained, it is that
    of every eighth example, which spares a product with the couplings.

    Args:
        visible_dim: Positive int, number of visible units.
        hidden_dim: Positive int, number of hidden units.
        visible: "bernoulli" for data in {0, 1} (grey values in [0, 1] are taken as
            probabilities), "normal" for data scaled to mean 0 and variance 1, or
            "categorical" for units of `num_categories` values, one-hot
            `(batch, visible_dim, num_categories)`.
        num_categories: Positive int for categorical visibles; else `None`.
        num_gibbs_steps: Positive int, the k of CD-k.
        persistent: Whether chains go on from batch to batch (PCD) instead of starting
            at the data. The chains are weights: a run resumes with them.
        num_chains: Positive int, number of persistent chains.
        num_temperatures: Positive int; above 1, each persistent chain is a ladder of
            chains at inverse temperatures from 1 to 0 that change places (parallel
            tempering), the first of which gives the gradient.
        hidden_regularizer: `keras.regularizers.Regularizer` of the hidden means of the
            data, divided by the batch size as Keras divides its activity regularizers,
            such as `keras.regularizers.L1(1e-3)` for sparse features; or `None`.
        coupling_regularizer: `keras.regularizers.Regularizer` of the couplings, such as
            `keras.regularizers.L2(2.5e-3)`, which with CD-1 keeps the model from modes
            that its short chains do not reach; or `None`. Biases have none.
        **kwargs: `seed`, `name`, `dtype` as in `GenerativeModel`.

    Raises:
        ValueError: If an argument is out of range.

    Note:
        Temperatures multiply couplings and hidden biases, not visible biases, unlike
        in the paper: the hottest chain is the base-rate model, also for normal
        visibles. Momentum is that of the optimizer.

    References:
        - Hinton, Training products of experts by minimizing contrastive divergence,
          Neural Computation 14, 2002.
        - Hinton, A practical guide to training restricted Boltzmann machines, 2010
          (the initial weights, sparsity, decay of couplings alone).
        - Tieleman, Training restricted Boltzmann machines using approximations to the
          likelihood gradient, ICML 2008 (`persistent`).
        - Desjardins et al., Tempered Markov chain Monte Carlo for training of
          restricted Boltzmann machines, AISTATS 2010 (`num_temperatures`).
        - Salakhutdinov, Mnih and Hinton, Restricted Boltzmann machines for
          collaborative filtering, ICML 2007 (categorical visibles).

    Example:
    ```python
    model = RBM(784, 500, num_gibbs_steps=1, persistent=True)
    model.compile(keras.optimizers.SGD(0.05, momentum=0.5))
    model.fit(binary_images.reshape(-1, 784), epochs=10, batch_size=100)
    images = model.sample(16, num_steps=1000, seed=0)
    print(model.log_partition("ais", seed=0))
    ```
    """

    default_spacing = "paper"

    def __init__(
        self,
        visible_dim: int,
        hidden_dim: int,
        visible: str = "bernoulli",
        num_categories: int | None = None,
        num_gibbs_steps: int = 1,
        persistent: bool = False,
        num_chains: int = 100,
        num_temperatures: int = 1,
        hidden_regularizer: Any = None,
        coupling_regularizer: Any = None,
        **kwargs: Any,
    ) -> None:
        visible_dim = checks.positive_int("visible_dim", visible_dim)
        hidden_dim = checks.positive_int("hidden_dim", hidden_dim)
        num_gibbs_steps = checks.positive_int("num_gibbs_steps", num_gibbs_steps)
        num_chains = checks.positive_int("num_chains", num_chains)
        num_temperatures = checks.positive_int("num_temperatures", num_temperatures)
        persistent = checks.boolean("persistent", persistent)
        if num_temperatures > 1 and not persistent:
            raise ValueError(
                "`num_temperatures` must be 1 unless persistent=True. Received: "
                f"num_temperatures={num_temperatures}"
            )
        units = visible_units(visible, visible_dim, num_categories)
        super().__init__(
            enumerated_units=min(hidden_dim, units.enumerated_units),
            data_shape=units.data_shape,
            **kwargs,
        )
        self._units = units
        self.visible_dim = visible_dim
        self.hidden_dim = hidden_dim
        self.visible = visible
        self.num_categories = num_categories
        self.num_levels = units.num_levels
        self.num_dims = visible_dim
        self.num_gibbs_steps = num_gibbs_steps
        self.persistent = persistent
        self.num_chains = num_chains
        self.num_temperatures = num_temperatures
        self.hidden_regularizer = regularizer("hidden_regularizer", hidden_regularizer)
        self.coupling_regularizer = regularizer(
            "coupling_regularizer", coupling_regularizer
        )
        self.couplings = add_float32_weight(
            self,
            "couplings",
            (units.size, hidden_dim),
            keras.initializers.RandomNormal(0.0, 0.01, seed=self.seed),
            regularizer=self.coupling_regularizer,
        )
        self.visible_bias = add_float32_weight(self, "visible_bias", (units.size,))
        self.hidden_bias = add_float32_weight(self, "hidden_bias", (hidden_dim,))
        if persistent:
            # What the hidden units of the chains feel, with the weights of that step.
            shape = (num_temperatures * num_chains, hidden_dim)
            self.chain_fields = add_float32_weight(
                self, "chain_fields", shape, trainable=False, own=True
            )
        self.reconstruction_tracker = keras.metrics.Mean(name="reconstruction")
        self.finish_construction()

    def density(self, gradients: bool = True) -> RBMDensity:
        """Returns the density of the present weights, with or without gradients."""
        variables = (self.couplings, self.visible_bias, self.hidden_bias)
        weights = map(ops.convert_to_tensor, variables)
        if not gradients:
            weights = map(ops.stop_gradient, weights)
        return RBMDensity(self._units, *weights)

    def _flat(self, v):
        return ops.reshape(ops.cast(v, "float32"), (-1, self._units.size))

    # Training.

    def phases(self, data: Any, training: Any) -> Any:
        """Returns both sides of the gradient, and the data after one step.

        `data`, the input, with what the hidden units feel of it, `field`; `chain`, what
        k Gibbs steps made; the free energies of both, `energy` and `chain_energy`; and
        `reconstruction`, the means of the visible units after the first of the steps;
        where the chains persist, after a mean-field step, in training those of every
        eighth example.
        """
        data, density = self._flat(data), self.density()  # (batch, size)
        num_data = ops.shape(data)[0]
        if self.persistent:
            chain, hotter = self._persistent_steps()
            # One product with the couplings, and in the gradient, instead of two.
            states = ops.concatenate([data, chain])
            fields = density.field(states)
            shown = fields[:num_data][:: self._stride(training)]
            reconstruction = density.visible_mean(ops.sigmoid(shown))
            if training:
                kept = fields[num_data:]
                kept = ops.concatenate([kept, *hotter]) if hotter else kept
                self.chain_fields.assign(ops.stop_gradient(kept))
        else:
            fixed = self.density(gradients=False)
            field = fixed.field(data)
            chain, reconstruction = self._gibbs_steps(field)
            states = ops.concatenate([data, chain])
            known = ops.concatenate([field, fixed.field(chain)])
            fields = density.differentiable(states, known)
        energies = density.free_energy(states, fields)
        return {
            "data": data,
            "field": fields[:num_data],
            "chain": chain,
            "energy": energies[:num_data],
            "chain_energy": energies[num_data:],
            "reconstruction": ops.stop_gradient(reconstruction),
        }

    def _stride(self, training):
        return _RECONSTRUCTED if self.persistent and training else 1

    def _persistent_steps(self):
        """Moves the chains; returns them, and `[fields]` of hotter ones or `[]`."""
        fields = ops.convert_to_tensor(self.chain_fields)
        if self.num_temperatures == 1:
            return self._gibbs_steps(fields)[0], []
        chains, fields = tempered_gibbs(
            self.density(gradients=False),
            fields,
            self.num_temperatures,
            self.num_gibbs_steps,
            Seeds(self.seed_generator.next()),
        )
        return chains[: self.num_chains], [fields[self.num_chains :]]

    def _gibbs_steps(self, field):
        """Takes k Gibbs steps from where the hidden units feel `field`.

        No gradient flows through them.

        Returns:
            The visible units, and their means after the first step.
        """
        density = self.density(gradients=False)
        seeds = Seeds(self.seed_generator.next())
        chain, means = density.visible_step(ops.sigmoid(field), seeds)
        if self.num_gibbs_steps > 1:  # traced: k steps compile as fast as two
            chain = fori_loop(
                self.num_gibbs_steps - 1,
                lambda i, v: density.gibbs_step(v, seeds.at(i)),
                chain,
            )
        return chain, means

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        data, every = y_pred["data"], self._stride(training)
        error = ops.square(data[::every] - y_pred["reconstruction"])
        weight = None if sample_weight is None else sample_weight[::every]
        self.reconstruction_tracker.update_state(ops.mean(error, axis=-1), weight)
        losses = y_pred["energy"] - ops.mean(y_pred["chain_energy"])
        losses = nan_unless(self.valid_examples(data), losses)
        loss = self.mean_loss(losses, sample_weight)
        if self.hidden_regularizer is not None:
            hidden_mean = ops.sigmoid(y_pred["field"])
            batch = ops.cast(ops.shape(data)[0], "float32")
            loss = loss + self.hidden_regularizer(hidden_mean) / batch
        return loss

    def valid_examples(self, data: Any) -> Any:
        return self._units.valid(self._flat(data))

    # What it offers.

    def reconstruct(self, x: Any) -> Any:
        """Returns the visible means after one mean-field step, the shape of `x`."""
        self.check_examples(x)
        return self._reconstruct(x)

    @compiled()
    def _reconstruct(self, x):
        density = self.density()
        means = density.visible_mean(density.hidden_mean(self._flat(x)))
        return ops.reshape(means, (-1, *self.data_shape))

    def encode(self, x: Any) -> Any:
        """Returns the hidden probabilities `(batch, hidden_dim)` of visible units."""
        self.check_examples(x)
        return self._encode(x)

    @compiled()
    def _encode(self, x):
        return self.density().hidden_mean(self._flat(x))

    # Input on the host.

    def check_examples(self, x: Any) -> None:
        super().check_examples(x)
        self._units.check("x", x)

    def check_data(self, x: Any, y: Any = None) -> None:
        super().check_data(x, y)
        if self.visible == "normal" and checks.is_array(x):
            check_standardized("x", x)

    def get_config(self):
        return {
            **super().get_config(),
            "visible_dim": self.visible_dim,
            "hidden_dim": self.hidden_dim,
            "visible": self.visible,
            "num_categories": self.num_categories,
            "num_gibbs_steps": self.num_gibbs_steps,
            "persistent": self.persistent,
            "num_chains": self.num_chains,
            "num_temperatures": self.num_temperatures,
            "hidden_regularizer": keras.regularizers.serialize(self.hidden_regularizer),
            "coupling_regularizer": keras.regularizers.serialize(
                self.coupling_regularizer
            ),
        }
