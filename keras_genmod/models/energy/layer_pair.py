"""Two neighbouring layers of a deep Boltzmann machine, trained alone.

Salakhutdinov and Hinton, Deep Boltzmann machines, AISTATS 2009.
"""

import keras
from keras import ops

from keras_genmod import checks
from keras_genmod.distributions import Bernoulli
from keras_genmod.engine import compiled
from keras_genmod.models.energy.visible_units import visible_units
from keras_genmod.models.float32_weight import add_float32_weight
from keras_genmod.models.generative_model import GenerativeModel


class LayerPair(GenerativeModel):
    """An RBM whose layers feel its couplings more than once.

    p(h_j = 1 | v) = sigmoid(s_h (v W + b)_j), p(v_i = 1 | h) = sigmoid(s_v (W h + a)_i)

    A layer in the middle of a deep machine gets half of its input from below and half
    from above; while the other layer is not there yet, the input from the one that is
    counts twice, s = 2. With s_h = 2 and s_v = 1 this is the RBM of two copies of v
    that share their weights. It serves pretraining alone and is never saved.

    The loss is mean F(data) - mean F(chain), F(v) = -a.v - sum_j log(1 + exp(s_h (b +
    v W)_j)) / s_h, the chain a Gibbs step away from the data, with gradients stopped
    there: its gradient is the difference of correlations of CD-1. Persistent chains
    move on from batch to batch instead, a Gibbs step each.

    Args:
        visible_dim: Positive int, units of the lower layer.
        hidden_dim: Positive int, units of the upper layer.
        visible_scale: Positive number s_v, 1 or 2.
        hidden_scale: Positive number s_h, 1 or 2.
        persistent: Whether chains go on from batch to batch.
        num_chains: Positive int, number of persistent chains.
        coupling_regularizer: `keras.regularizers.Regularizer` or `None`.
        **kwargs: `seed`, `name`, `dtype` as in `GenerativeModel`.
    """

    def __init__(
        self,
        visible_dim,
        hidden_dim,
        visible_scale=1,
        hidden_scale=1,
        persistent=False,
        num_chains=100,
        coupling_regularizer=None,
        **kwargs,
    ):
        super().__init__(data_shape=(visible_dim,), **kwargs)
        self.visible_dim = visible_dim
        self.hidden_dim = hidden_dim
        self.visible_scale = visible_scale
        self.hidden_scale = hidden_scale
        normal = keras.initializers.RandomNormal(0.0, 0.01, seed=self.seed)
        shape = (visible_dim, hidden_dim)
        self.couplings = add_float32_weight(
            self, "couplings", shape, normal, regularizer=coupling_regularizer
        )
        self.visible_bias = add_float32_weight(self, "visible_bias", (visible_dim,))
        self.hidden_bias = add_float32_weight(self, "hidden_bias", (hidden_dim,))
        self.persistent = persistent
        if persistent:
            shape = (num_chains, visible_dim)
            self.chains = add_float32_weight(
                self, "chains", shape, self._start_chains, trainable=False, own=True
            )
        self.reconstruction_tracker = keras.metrics.Mean(name="reconstruction")
        self.finish_construction()

    def _start_chains(self, shape, dtype=None):
        return visible_units("bernoulli", shape[1]).start(shape[0], self.seed_generator)

    def _field(self, v):
        """Returns (v W + b), `(batch, hidden_dim)`."""
        return ops.matmul(v, self.couplings) + self.hidden_bias

    def _hidden(self, v):
        return Bernoulli(self.hidden_scale * self._field(v))

    def _visible(self, h):
        couplings = ops.transpose(ops.convert_to_tensor(self.couplings))
        field = ops.matmul(h, couplings) + self.visible_bias
        return Bernoulli(self.visible_scale * field)

    def _free_energy(self, v):
        softplus = ops.softplus(self.hidden_scale * self._field(v)) / self.hidden_scale
        return -ops.matmul(v, self.visible_bias) - ops.sum(softplus, axis=-1)

    def call(self, inputs, training=False):
        data, _ = self.data_and_condition(inputs)
        start = ops.convert_to_tensor(self.chains) if self.persistent else data
        h = self._hidden(start).sample(self.seed_generator)
        visible = self._visible(h)
        chain = visible.sample(self.seed_generator)
        if self.persistent:
            visible = self._visible(self._hidden(data).mean())
            if training:
                self.chains.assign(chain)
        return {
            "data": data,
            "chain": chain,
            "reconstruction": ops.stop_gradient(visible.mean()),
        }

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        data = y_pred["data"]
        error = ops.mean(ops.square(data - y_pred["reconstruction"]), axis=-1)
        self.reconstruction_tracker.update_state(error, sample_weight)
        model_energy = ops.mean(self._free_energy(y_pred["chain"]))
        return self.mean_loss(self._free_energy(data) - model_energy, sample_weight)

    def encode(self, x):
        """Returns the means of the upper layer given the lower one."""
        self.check_examples(x)
        return self._encode(x)

    @compiled()
    def _encode(self, x):
        return self._hidden(ops.cast(x, "float32")).mean()

    def check_examples(self, x):
        super().check_examples(x)
        checks.unit_range("x", x)
