"""Deep Boltzmann machine, trained by mean field and persistent chains.

Salakhutdinov and Hinton, Deep Boltzmann machines, AISTATS 2009. Departures: annealing
keeps the even layers and sums out the odd ones, where the paper keeps the first hidden
layer of two, and it starts the hidden ones with the means that mean field finds for the
mean of the data; persistent chains hold the even layers only, and the odd ones enter
the gradient by their means.
"""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_genmod import checks
from keras_genmod.engine import Seeds, compiled
from keras_genmod.models.energy.dbm_density import DBMDensity
from keras_genmod.models.energy.layer_pair import LayerPair
from keras_genmod.models.energy.layer_stack import LayerStack, standardize_layer_dims
from keras_genmod.models.energy.partitioned_model import PartitionedModel
from keras_genmod.models.energy.rbm_density import RBMDensity
from keras_genmod.models.energy.visible_units import visible_units
from keras_genmod.models.float32_weight import add_float32_weight
from keras_genmod.models.valid_data import nan_unless


@keras.saving.register_keras_serializable("keras_genmod")
class DBM(LayerStack, PartitionedModel):
    """p(v, h_1, ..., h_L) = exp(-E) / Z, of binary units in layers.

    E = -sum_i a_i.h_i - sum_i h_i W_i h_i+1 with h_0 = v. Layers of even number are
    independent given the odd ones, and the other way round: the machine is an RBM of
    even and odd units of which some couplings are absent.

    Given v the hidden layers are not independent. Mean field takes them to be,
    q(h | v) = prod Bernoulli(mu), and makes log p(v) >= -F(v) - log Z as large as it
    can, F(v) = E_q[E] - H(q), by `num_mean_field_steps` updates of odd and then of even
    layers. The loss is mean F(data) - mean F(chain), with q and the persistent chains
    held fixed: its gradient is the difference of the correlations that `fit` wants. The
    value of the loss is no likelihood and need not fall; look at `reconstruction`, the
    mean squared error of the data given the means of the first hidden layer, or at
    `log_prob`.

    `pretrain` gives weights to start from: CD-1 for each two layers in turn. A layer in
    the middle feels the couplings twice there, in place of those of its other side, and
    has the sum of both biases in the end.

    Args:
        layer_dims: Positive ints, the number of visible units and those of each hidden
            layer, at least two of them.
        num_mean_field_steps: Positive int.
        num_gibbs_steps: Positive int, steps of the chains a batch.
        num_chains: Positive int, number of persistent chains. They are weights: a run
            resumes with them.
        coupling_regularizer: `keras.regularizers.Regularizer` of the couplings, in
            `pretrain` too, or `None`.
        **kwargs: `seed`, `name`, `dtype` as in `GenerativeModel`.

    Raises:
        ValueError: If an argument is out of range.

    References:
        - Salakhutdinov and Hinton, Deep Boltzmann machines, AISTATS 2009.
        - Salakhutdinov and Murray, On the quantitative analysis of deep belief
          networks, ICML 2008 (annealing).

    Example:
    ```python
    model = DBM([784, 500, 1000])
    model.pretrain(binary_images.reshape(-1, 784), epochs=50)
    model.compile(keras.optimizers.SGD(0.005))
    model.fit(binary_images.reshape(-1, 784), epochs=100, batch_size=100)
    images = model.sample(16, num_steps=1000, seed=0)
    log_z = model.log_partition("ais", num_temperatures=20_000, seed=0)
    bound = model.log_prob(binary_images.reshape(-1, 784), log_partition=log_z)
    ```
    """

    kind_given_log_partition = "lower_bound"
    default_spacing = "paper"

    def __init__(
        self,
        layer_dims: Sequence[int],
        num_mean_field_steps: int = 10,
        num_gibbs_steps: int = 5,
        num_chains: int = 100,
        coupling_regularizer: Any = None,
        **kwargs: Any,
    ) -> None:
        num_mean_field_steps = checks.positive_int(
            "num_mean_field_steps", num_mean_field_steps
        )
        num_gibbs_steps = checks.positive_int("num_gibbs_steps", num_gibbs_steps)
        num_chains = checks.positive_int("num_chains", num_chains)
        layer_dims = standardize_layer_dims(layer_dims)
        num_even, num_odd = sum(layer_dims[::2]), sum(layer_dims[1::2])
        super().__init__(
            layer_dims,
            coupling_regularizer,
            enumerated_units=min(num_even, num_odd),
            **kwargs,
        )
        self.num_mean_field_steps = num_mean_field_steps
        self.num_gibbs_steps = num_gibbs_steps
        self.num_chains = num_chains
        starts = [
            keras.initializers.RandomNormal(0.0, 0.01, seed=self._seed_of(i))
            for i in range(self.num_hidden_layers)
        ]
        # Each name but once: torch keeps gradients by name.
        self.couplings = [
            add_float32_weight(
                self,
                f"couplings_{i}",
                layer_dims[i : i + 2],
                start,
                regularizer=self.coupling_regularizer,
            )
            for i, start in enumerate(starts)
        ]
        self.biases = [
            add_float32_weight(self, f"bias_{i}", (size,))
            for i, size in enumerate(layer_dims)
        ]
        shape = (num_chains, num_even)
        self.chains = add_float32_weight(
            self, "chains", shape, self._start_chains, trainable=False, own=True
        )
        self.reconstruction_tracker = keras.metrics.Mean(name="reconstruction")
        self.finish_construction()

    def _start_chains(self, shape, dtype=None):
        return visible_units("bernoulli", shape[1]).start(shape[0], self.seed_generator)

    def density(self, gradients: bool = True) -> RBMDensity:
        """Returns the density of even and odd layers, of the present weights.

        Its free energy is that of all even layers; `free_energy` bounds that of v.
        """
        return self.layered_density(gradients).rbm

    def layered_density(self, gradients: bool = True) -> DBMDensity:
        couplings, biases = (
            [ops.convert_to_tensor(weight) for weight in weights]
            for weights in (self.couplings, self.biases)
        )
        if not gradients:
            couplings = [ops.stop_gradient(weight) for weight in couplings]
            biases = [ops.stop_gradient(weight) for weight in biases]
        return DBMDensity(couplings, biases)

    # Training.

    def _pairs(self, persistent):
        last = self.num_hidden_layers - 1
        return [
            LayerPair(
                self.layer_dims[i],
                self.layer_dims[i + 1],
                visible_scale=1 if i == 0 else 2,
                hidden_scale=1 if i == last else 2,
                persistent=persistent,
                num_chains=self.num_chains,
                coupling_regularizer=self.coupling_regularizer,
                seed=self._seed_of(i),
            )
            for i in range(self.num_hidden_layers)
        ]

    def _take_weights(self, pairs, data):
        self.data_mean.assign(ops.convert_to_numpy(data).mean(axis=0))
        self.num_remembered.assign(len(data))
        for bias in self.biases:
            bias.assign(ops.zeros(bias.shape))
        for i, pair in enumerate(pairs):
            self.couplings[i].assign(pair.couplings)
            self.biases[i].assign_add(pair.visible_bias)
            self.biases[i + 1].assign_add(pair.hidden_bias)

    def phases(self, data: Any, training: Any) -> Any:
        """Returns both sides of the gradient, and the data as the machine sees them.

        `even`, the even layers of the data with the means of q, and `chain`, those of
        the persistent chains after k Gibbs steps; `reconstruction` is the means of the
        visible units given those of the first hidden layer.
        """
        density = self.layered_density(gradients=False)
        even = density.mean_field(data, self.num_mean_field_steps)
        seeds = Seeds(self.seed_generator.next())
        chains = ops.convert_to_tensor(self.chains)
        chains = density.gibbs(chains, self.num_gibbs_steps, seeds)
        if training:
            self.chains.assign(chains)
        return {
            "even": even,
            "chain": chains,
            "reconstruction": density.visible_mean(even),
        }

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        even, rbm = y_pred["even"], self.density()
        data = even[:, : self.layer_dims[0]]
        error = ops.mean(ops.square(data - y_pred["reconstruction"]), axis=-1)
        self.reconstruction_tracker.update_state(error, sample_weight)
        model_energy = ops.mean(rbm.free_energy(y_pred["chain"]))
        losses = rbm.free_energy(even) - model_energy
        losses = nan_unless(self.valid_examples(data), losses)
        return self.mean_loss(losses, sample_weight)

    # What it offers.

    def energy(self, v: Any, *hidden: Any) -> Any:
        """Returns E in nats, `(batch,)`.

        Args:
            v: Visible units, `(batch, layer_dims[0])`.
            *hidden: The hidden layers from the lowest, `(batch, layer_dims[i])`.
        """
        if len(hidden) != self.num_hidden_layers:
            raise ValueError(
                f"`hidden` must be {self.num_hidden_layers} layers. "
                f"Received: {len(hidden)}"
            )
        self.check_examples(v)
        for i, layer in enumerate(hidden, 1):
            checks.shape(f"hidden[{i - 1}]", layer, self.layer_dims[i : i + 1])
        return self._energy(v, *hidden)

    @compiled()
    def _energy(self, *layers):
        return self.layered_density().energy([ops.cast(x, "float32") for x in layers])

    def free_energy(self, v: Any) -> Any:
        """Returns the variational F(v) = E_q[E] - H(q) in nats, shape `(batch,)`.

        It is at least -log sum_h exp(-E(v, h)), so `log_prob` is a lower bound.

        Args:
            v: Visible units, `(batch, layer_dims[0])`.
        """
        return super().free_energy(v)

    @compiled()
    def _encode(self, x, *, layer):
        density = self.layered_density()
        return density.layer(self._mean_field(density, x), layer)

    def reconstruct(self, x: Any) -> Any:
        """Returns the visible means given those of the hidden units, shaped as `x`."""
        self.check_examples(x)
        return self._reconstruct(x)

    @compiled()
    def _reconstruct(self, x):
        density = self.layered_density()
        return density.visible_mean(self._mean_field(density, x))

    def _mean_field(self, density, x):
        return density.mean_field(ops.cast(x, "float32"), self.num_mean_field_steps)

    # What a machine with a partition sum gives.

    def _state_rates(self, base_rates):
        return ops.convert_to_numpy(self._even_means(base_rates[None]))[0]

    @compiled()
    def _even_means(self, v):
        return self._mean_field(self.layered_density(), v)

    def _free_energy(self, v):
        density = self.layered_density()
        return density.variational_free_energy(self._mean_field(density, v))

    def likelihood_protocol(self, *args: Any, **kwargs: Any) -> Any:
        """Returns what a likelihood depends on, the bound's mean field included."""
        protocol = super().likelihood_protocol(*args, **kwargs)
        return {**protocol, "num_mean_field_steps": self.num_mean_field_steps}

    def get_config(self):
        return {
            **super().get_config(),
            "num_mean_field_steps": self.num_mean_field_steps,
            "num_gibbs_steps": self.num_gibbs_steps,
            "num_chains": self.num_chains,
        }
