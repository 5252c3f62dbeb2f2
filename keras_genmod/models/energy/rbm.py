"""Restricted Boltzmann machine, trained by contrastive divergence."""

import keras
from keras import ops

from keras_genmod.engine import Seeds, compiled, normal, seed_state, uniform
from keras_genmod.models import checks
from keras_genmod.models.energy.enumeration import rbm_log_partition
from keras_genmod.models.generative_model import GenerativeModel

_LARGEST_ENUMERATION = 20  # units whose 2^20 states `log_partition` goes through


@keras.saving.register_keras_serializable("keras_genmod")
class RBM(GenerativeModel):
    """p(v) = sum_h exp(-E(v, h)) / Z, with couplings only between the layers.

    Bernoulli visibles: E(v, h) = -a.v - b.h - v W h. Normal visibles (unit variance):
    E(v, h) = |v - a|^2 / 2 - b.h - v W h. Hidden units are binary. The free energy is
    F(v) = -a.v - sum_j log(1 + exp(b_j + (v W)_j)), with |v - a|^2 / 2 in place of
    -a.v for normal visibles.

    The loss is mean F(data) - mean F(chain) with gradients stopped at the chain: its
    gradient is that of CD-k, data statistics minus model statistics. The value of the
    loss is no likelihood and need not fall; look at `reconstruction`, the mean squared
    error of data after one step down and up.

    Args:
        visible_dim: Positive int, number of visible units.
        hidden_dim: Positive int, number of hidden units.
        visible: "bernoulli" for data in {0, 1} (grey values in [0, 1] are taken as
            probabilities) or "normal" for data scaled to mean 0 and variance 1.
        num_gibbs_steps: Positive int, the k of CD-k.
        persistent: Whether chains go on from batch to batch (PCD) instead of starting
            at the data. The chains are weights: a run resumes with them.
        num_chains: Positive int, number of persistent chains.
        **kwargs: `seed`, `name`, `dtype` as in `GenerativeModel`.

    Raises:
        ValueError: If an argument is out of range.

    References:
        - Hinton, Training products of experts by minimizing contrastive divergence,
          Neural Computation 14, 2002.
        - Hinton, A practical guide to training restricted Boltzmann machines, 2010
          (the initial weights).
        - Tieleman, Training restricted Boltzmann machines using approximations to the
          likelihood gradient, ICML 2008 (`persistent`).

    Example:
    ```python
    model = RBM(784, 500, num_gibbs_steps=1, persistent=True)
    model.compile(keras.optimizers.SGD(0.05))
    model.fit(binary_images.reshape(-1, 784), epochs=10, batch_size=100)
    images = model.sample(16, num_steps=1000, seed=0)
    ```
    """

    def __init__(
        self,
        visible_dim,
        hidden_dim,
        visible="bernoulli",
        num_gibbs_steps=1,
        persistent=False,
        num_chains=100,
        **kwargs,
    ):
        checks.positive_int("visible_dim", visible_dim)
        checks.positive_int("hidden_dim", hidden_dim)
        checks.choice("visible", visible, ("bernoulli", "normal"))
        checks.positive_int("num_gibbs_steps", num_gibbs_steps)
        checks.positive_int("num_chains", num_chains)
        super().__init__(data_shape=(visible_dim,), **kwargs)
        self.visible_dim = visible_dim
        self.hidden_dim = hidden_dim
        self.visible = visible
        self.num_levels = 2 if visible == "bernoulli" else None
        units = hidden_dim if visible == "normal" else min(visible_dim, hidden_dim)
        self._enumerated_units = units
        self.likelihood_kind = "exact" if units <= _LARGEST_ENUMERATION else None
        self.num_gibbs_steps = num_gibbs_steps
        self.persistent = persistent
        self.num_chains = num_chains
        self.couplings = self.add_weight(
            shape=(visible_dim, hidden_dim),
            initializer=keras.initializers.RandomNormal(0.0, 0.01, seed=self.seed),
            dtype="float32",
            autocast=False,
            name="couplings",
        )
        self.visible_bias, self.hidden_bias = (
            self.add_weight(
                shape=(size,),
                initializer="zeros",
                dtype="float32",
                autocast=False,
                name=name,
            )
            for name, size in (
                ("visible_bias", visible_dim),
                ("hidden_bias", hidden_dim),
            )
        )
        if persistent:
            self.chains = self.add_weight(
                shape=(num_chains, visible_dim),
                initializer=self._start_chains,
                dtype="float32",
                autocast=False,
                trainable=False,
                name="chains",
            )
        self.reconstruction_tracker = keras.metrics.Mean(name="reconstruction")
        self.finish_construction()

    def _start_chains(self, shape, dtype=None, seed=None):
        seed = self.seed_generator if seed is None else seed
        if self.visible == "normal":
            return normal(shape, seed)
        return ops.cast(uniform(shape, seed) < 0.5, "float32")

    # The machine.

    def _tensors(self):
        variables = (self.couplings, self.visible_bias, self.hidden_bias)
        return tuple(ops.convert_to_tensor(variable) for variable in variables)

    def _field(self, v):
        """Returns what the hidden units feel, (v W + b), `(batch, hidden_dim)`."""
        couplings, _, b = self._tensors()
        return ops.matmul(v, couplings) + b

    def _free_energy(self, v, field=None):
        _, a, _ = self._tensors()
        field = self._field(v) if field is None else field
        softplus = ops.sum(ops.softplus(field), axis=-1)
        if self.visible == "normal":
            return 0.5 * ops.sum(ops.square(v - a), axis=-1) - softplus
        return -ops.matmul(v, a) - softplus

    def _hidden_mean(self, v):
        return ops.sigmoid(self._field(v))

    def _visible_mean(self, h):
        couplings, a, _ = self._tensors()
        mean = ops.matmul(h, ops.transpose(couplings)) + a
        return mean if self.visible == "normal" else ops.sigmoid(mean)

    def _gibbs_step(self, hidden_mean, seed):
        """Draws h, then v given h; returns v and its mean given h."""
        noise = uniform(ops.shape(hidden_mean), seed)
        mean = self._visible_mean(ops.cast(noise < hidden_mean, "float32"))
        if self.visible == "normal":
            return mean + normal(ops.shape(mean), seed), mean
        return ops.cast(uniform(ops.shape(mean), seed) < mean, "float32"), mean

    # Training.

    def call(self, inputs, training=False):
        """Returns both sides of the gradient, and the data after one step.

        `data`, the input, with its `field`; `chain`, what k Gibbs steps made; and
        `reconstruction`, the means of the visible units after the first of them, or
        after a mean-field step where the chains persist.
        """
        data, _ = self.split(inputs)
        field = self._field(data)
        hidden_mean = ops.sigmoid(ops.stop_gradient(field))
        if self.persistent:
            reconstruction = self._visible_mean(hidden_mean)
            hidden_mean = self._hidden_mean(ops.convert_to_tensor(self.chains))
        chain, mean = self._gibbs_step(hidden_mean, self.seed_generator)
        if not self.persistent:
            reconstruction = mean
        for _ in range(self.num_gibbs_steps - 1):
            hidden_mean = self._hidden_mean(ops.stop_gradient(chain))
            chain, _ = self._gibbs_step(hidden_mean, self.seed_generator)
        chain = ops.stop_gradient(chain)
        if self.persistent and training:
            self.chains.assign(chain)
        return {
            "data": data,
            "field": field,
            "chain": chain,
            "reconstruction": ops.stop_gradient(reconstruction),
        }

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        data = y_pred["data"]
        error = ops.mean(ops.square(data - y_pred["reconstruction"]), axis=-1)
        self.reconstruction_tracker.update_state(error, sample_weight)
        data_energy = self._free_energy(data, y_pred["field"])
        model_energy = ops.mean(self._free_energy(y_pred["chain"]))
        return self.mean_loss(data_energy - model_energy, sample_weight)

    # What it offers.

    def free_energy(self, v):
        """Returns F(v) = -log sum_h exp(-E(v, h)) in nats, shape `(batch,)`.

        Args:
            v: Visible units, `(batch, visible_dim)`.
        """
        self.check_examples(v)
        return self._compiled_free_energy(v)

    @compiled()
    def _compiled_free_energy(self, v):
        return self._free_energy(ops.cast(v, "float32"))

    def reconstruct(self, x):
        """Returns the visible means after one mean-field step, the shape of `x`."""
        self.check_examples(x)
        return self._reconstruct(x)

    @compiled()
    def _reconstruct(self, x):
        return self._visible_mean(self._hidden_mean(ops.cast(x, "float32")))

    def encode(self, x):
        """Returns the hidden probabilities `(batch, hidden_dim)` of visible units."""
        self.check_examples(x)
        return self._encode(x)

    @compiled()
    def _encode(self, x):
        return self._hidden_mean(ops.cast(x, "float32"))

    def sample(self, num_samples, condition=None, seed=None, num_steps=1000):
        """Draws from chains of `num_steps` Gibbs steps, in one compiled loop.

        Chains start at random. Draws have the model's distribution as `num_steps`
        grows; how fast depends on the couplings.

        Args:
            num_samples: Positive int, number of chains.
            condition: Must be `None`.
            seed: Int for repeatable samples, or `None`.
            num_steps: Positive int.

        Returns:
            Float32 tensor `(num_samples, visible_dim)`; zeros and ones for Bernoulli
            visibles.
        """
        checks.positive_int("num_samples", num_samples)
        checks.positive_int("num_steps", num_steps)
        self.standardize_condition(condition, num_samples)
        return self._sample(
            seed_state(seed, self.seed_generator),
            num_samples=int(num_samples),
            num_steps=int(num_steps),
        )

    @compiled()
    def _sample(self, state, *, num_samples, num_steps):
        seeds = Seeds(state)
        shape = (num_samples, self.visible_dim)
        start = self._start_chains(shape, "float32", seeds)
        return ops.fori_loop(
            0,
            num_steps,
            lambda i, v: self._gibbs_step(self._hidden_mean(v), seeds.at(i))[0],
            start,
        )

    def log_prob(self, x, condition=None):
        """Returns the exact log p(x) = -F(x) - log Z in nats, shape `(batch,)`.

        Args:
            x: Visible units, `(batch, visible_dim)`.
            condition: Must be `None`.

        Raises:
            ValueError: If the machine is too large for `log_partition`.
        """
        self.standardize_condition(condition, len(x))
        return -self.free_energy(x) - self.log_partition()

    def log_partition(self):
        """Returns the exact log Z in nats, shape `()`, by enumeration.

        Goes through all states of the smaller layer, of the hidden one for normal
        visibles, in blocks.

        Raises:
            ValueError: If that layer has more than 20 units.
        """
        units = self._enumerated_units
        if units > _LARGEST_ENUMERATION:
            raise ValueError(
                f"`log_partition` enumerates 2^{units} states of the smaller layer; it "
                f"can do at most 2^{_LARGEST_ENUMERATION}. Make `hidden_dim` smaller, "
                "or compare models by `free_energy` differences, where Z cancels."
            )
        return self._log_partition()

    @compiled()
    def _log_partition(self):
        return rbm_log_partition(*self._tensors(), self.visible)

    def check_examples(self, x):
        super().check_examples(x)
        if self.visible == "bernoulli":
            checks.unit_range("x", x)

    def get_config(self):
        config = super().get_config()
        del config["num_classes"]
        return {
            **config,
            "visible_dim": self.visible_dim,
            "hidden_dim": self.hidden_dim,
            "visible": self.visible,
            "num_gibbs_steps": self.num_gibbs_steps,
            "persistent": self.persistent,
            "num_chains": self.num_chains,
        }
