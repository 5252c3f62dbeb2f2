"""Deep belief network, trained layer by layer, then by wake-sleep.

Hinton, Osindero and Teh, A fast learning algorithm for deep belief nets, Neural
Computation 18, 2006. Departures: a new layer starts from small random couplings, not
as the layer below it upside down; dreams are drawn down to the visible units, of which
the paper takes the means; there are no labels at the top.
"""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_genmod import checks
from keras_genmod.distributions import LogPartition
from keras_genmod.engine import Seeds, compiled, fori_loop, seed_state
from keras_genmod.models.energy.directed_layers import DirectedLayers
from keras_genmod.models.energy.layer_stack import LayerStack
from keras_genmod.models.energy.rbm import RBM
from keras_genmod.models.valid_data import in_range

_ROWS = 4096  # draws of layers that are held at a time


@keras.saving.register_keras_serializable("keras_genmod")
class DBN(LayerStack):
    """p(v, h_1, ..., h_L) = p(h_L-1, h_L) prod_i p(h_i | h_i+1), of binary units.

    The top two layers are an RBM, `top`. Below it each layer is drawn given the one
    above, p(h_i = 1 | h_i+1) = sigmoid(G_i h_i+1 + a_i) with h_0 = v; recognition goes
    up, q(h_i+1 = 1 | h_i) = sigmoid(h_i R_i + r_i). R = G until they are fine-tuned.

    `pretrain` trains the RBM of each two layers in turn, by CD-k; recognition and
    generative weights are both its couplings. `fit` then tunes all weights together by
    contrastive wake-sleep, the up-down algorithm. Its loss is -log p(wake) - log
    q(dream) + F(wake) - F(dream), of draws without gradients: the generative weights
    learn to undo the way up from the data (wake), the top RBM, of free energy F, learns
    by CD-k from where it ends, and the recognition weights learn to undo the way down
    from the end of the RBM's chain (dream). The value of the loss is no likelihood and
    need not fall; look at `reconstruction`, the mean squared error of the data after
    the way up, the chain and the way down, or at `log_prob`.

    Args:
        layer_dims: Positive ints, the number of visible units and those of each hidden
            layer, at least two of them.
        num_gibbs_steps: Positive int, the k of CD-k.
        coupling_regularizer: `keras.regularizers.Regularizer` of the couplings of the
            RBMs, those of `pretrain` and the top one, or `None`.
        **kwargs: `seed`, `name`, `dtype` as in `GenerativeModel`.

    Raises:
        ValueError: If an argument is out of range.

    References:
        - Hinton, Osindero and Teh, A fast learning algorithm for deep belief nets,
          Neural Computation 18, 2006.
        - Hinton, Dayan, Frey and Neal, The wake-sleep algorithm for unsupervised
          neural networks, Science 268, 1995.
        - Salakhutdinov and Murray, On the quantitative analysis of deep belief
          networks, ICML 2008 (`log_prob`).

    Example:
    ```python
    model = DBN([784, 500, 2000])
    model.pretrain(binary_images.reshape(-1, 784), epochs=50)
    model.compile(keras.optimizers.SGD(0.001))
    model.fit(binary_images.reshape(-1, 784), epochs=10, batch_size=100)
    features = model.encode(binary_images.reshape(-1, 784))
    images = model.sample(16, num_steps=1000, seed=0)
    ```
    """

    kind_given_log_partition = "lower_bound"

    def __init__(
        self,
        layer_dims: Sequence[int],
        num_gibbs_steps: int = 1,
        coupling_regularizer: Any = None,
        **kwargs: Any,
    ) -> None:
        num_gibbs_steps = checks.positive_int("num_gibbs_steps", num_gibbs_steps)
        super().__init__(layer_dims, coupling_regularizer, **kwargs)
        layer_dims = self.layer_dims
        seeds = [self._seed_of(i) for i in range(self.num_hidden_layers - 1)]
        self.directed = DirectedLayers(layer_dims[:-1], seeds, name="directed")
        top = self.num_hidden_layers - 1
        self.top = self._rbm(top, num_gibbs_steps=num_gibbs_steps, name="top")
        if self.top.likelihood_kind is not None:
            self.likelihood_kind = self.kind_given_log_partition
        self.reconstruction_tracker = keras.metrics.Mean(name="reconstruction")
        self.finish_construction()

    @property
    def num_gibbs_steps(self) -> int:
        """The k of the top RBM."""
        return self.top.num_gibbs_steps

    @num_gibbs_steps.setter
    def num_gibbs_steps(self, value: int) -> None:
        self.top.num_gibbs_steps = checks.positive_int("num_gibbs_steps", value)

    def _rbm(self, i, **kwargs):
        """Returns a new RBM of the layers i and i + 1."""
        below, above = self.layer_dims[i : i + 2]
        return RBM(
            below,
            above,
            coupling_regularizer=self.coupling_regularizer,
            seed=self._seed_of(i),
            **kwargs,
        )

    # Training.

    def _pairs(self, persistent):
        options = {"persistent": persistent, "num_gibbs_steps": self.num_gibbs_steps}
        return [self._rbm(i, **options) for i in range(self.num_hidden_layers)]

    def _take_weights(self, pairs, data):
        del data  # The top RBM has the mean of what it learnt.
        for i, rbm in enumerate(pairs[:-1]):
            self.directed.assign(i, rbm)
        self.top.couplings.assign(pairs[-1].couplings)
        self.top.visible_bias.assign(pairs[-1].visible_bias)
        self.top.hidden_bias.assign(pairs[-1].hidden_bias)
        self.top.data_mean.assign(pairs[-1].data_mean)
        self.top.num_remembered.assign(pairs[-1].num_remembered)

    def call(self, inputs, training=False):
        """Returns the layers on the way up and on the way down, and what comes out.

        `wake_i` and `dream_i` are the states of layer i, 0 to L-1, from the data and
        from the end of the top RBM's chain; `reconstruction` is the means of the
        visible units of the dream. The dict is flat, as exported signatures must be.
        """
        data, _ = self.data_and_condition(inputs)
        # Draws of wrong data would look right to the top RBM; those of NaN are NaN.
        valid = in_range(data, 0.0, 1.0)
        data = ops.where(valid[:, None], data, float("nan"))
        wake = self.directed.draw_up(data, self.seed_generator)
        chain = self.top(wake[-1], training=training)["chain"]
        dream, means = self.directed.draw_down(chain, self.seed_generator)
        return {
            **{f"wake_{i}": states for i, states in enumerate(wake)},
            **{f"dream_{i}": states for i, states in enumerate(dream)},
            "reconstruction": ops.stop_gradient(means),
        }

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        wake, dream = (
            [y_pred[f"{phase}_{i}"] for i in range(self.num_hidden_layers)]
            for phase in ("wake", "dream")
        )
        error = ops.mean(ops.square(wake[0] - y_pred["reconstruction"]), axis=-1)
        self.reconstruction_tracker.update_state(error, sample_weight)
        generative = self.directed.log_generative(wake)
        recognition = self.directed.log_recognition(dream)
        data_energy = self.top._free_energy(wake[-1])
        model_energy = ops.mean(self.top._free_energy(dream[-1]))
        losses = data_energy - model_energy - generative - recognition
        return self.mean_loss(losses, sample_weight)

    # What it offers.

    @compiled()
    def _encode(self, x, *, layer):
        # Means go up in place of draws.
        directed = min(layer, self.num_hidden_layers - 1)
        means = self.directed.means_up(ops.cast(x, "float32"), directed)
        return means if layer == directed else self.top.density().hidden_mean(means)

    def decode(self, h: Any) -> Any:
        """Returns the visible means `(batch, layer_dims[0])` of the highest layer.

        Args:
            h: States or means of its units, `(batch, layer_dims[-1])`.
        """
        checks.shape("h", h, self.layer_dims[-1:])
        return self._decode(h)

    @compiled()
    def _decode(self, h):
        means = self.top.density().visible_mean(ops.cast(h, "float32"))
        return self.directed.means_down(means)

    def reconstruct(self, x: Any) -> Any:
        """Returns `decode(encode(x))`, of the shape of `x`."""
        return self.decode(self.encode(x))

    def sample(
        self,
        num_samples: int,
        condition: Any = None,
        seed: int | None = None,
        num_steps: int = 1000,
    ) -> Any:
        """Draws by a Gibbs chain in the top RBM and one pass down.

        Args:
            num_samples: Positive int, number of chains; they start from units with
                the means that the top RBM was trained on.
            condition: Must be `None`.
            seed: Int for repeatable samples, or `None`.
            num_steps: Positive int, Gibbs steps in the top RBM.

        Returns:
            Float32 tensor of zeros and ones, `(num_samples, layer_dims[0])`.
        """
        states = self.top.sample(num_samples, condition, seed, num_steps)
        state = seed_state(seed, self.seed_generator)
        return self._draw_down(state, states, num_steps=int(num_steps))

    @compiled()
    def _draw_down(self, state, states, *, num_steps):
        # The chain has drawn from iterations 0 to num_steps - 1 of the same seeds.
        return self.directed.draw_down(states, Seeds(state).at(num_steps))[0][0]

    # Likelihood.

    def log_partition(
        self,
        method: str = "exact",
        num_temperatures: int = 10_000,
        num_chains: int = 100,
        seed: int | None = None,
        base_rates: Any = None,
        spacing: Any = None,
        verbose: int = 0,
    ) -> LogPartition:
        """Returns log Z of the top RBM, as `RBM.log_partition` does.

        Args:
            method: "exact" to enumerate its smaller layer, up to 24 units, or "ais".
            num_temperatures: Positive int, for AIS.
            num_chains: Int of at least 2, for AIS.
            seed: Int for a repeatable estimate, or `None`.
            base_rates: For AIS, the means of the last layer but one,
                `model.encode(x, layer=-2)` averaged; `None` takes those that the top
                RBM was trained on, and its own biases if it was not.
            spacing: For AIS, "even" or "paper"; `None` for "paper".
            verbose: For AIS, as in `RBM.log_partition`.
        """
        options = (num_temperatures, num_chains, seed, base_rates, spacing, verbose)
        return self.top.log_partition(method, *options)

    def likelihood_protocol(
        self, num_samples: int = 50, seed: int | None = None, **options: Any
    ) -> Any:
        """Returns what a likelihood depends on, of both methods' options."""
        protocol = self.top.likelihood_protocol(seed=seed, **options)
        return {**protocol, "num_samples": num_samples, "seed": seed}

    def log_prob(
        self,
        x: Any,
        condition: Any = None,
        log_partition: Any = None,
        num_samples: int = 50,
        seed: int | None = None,
        batch_size: int = 128,
    ) -> Any:
        """Returns a lower bound on log p(x) in nats, shape `(batch,)`.

        E_q[log p(x, h) - log q(h | x)], h the layers 1 to L-1, with the highest layer
        summed out. It is estimated without bias by the mean of `num_samples` draws.

        Args:
            x: Visible units, `(batch, layer_dims[0])`.
            condition: Must be `None`.
            log_partition: What `log_partition` returned; `None` computes the exact one
                anew. With an estimate of log Z, this is an estimate.
            num_samples: Positive int.
            seed: Int for draws that repeat for the same `batch_size`, or `None`.
            batch_size: Positive int, examples at a time: bounds the memory.

        Raises:
            ValueError: If an argument is out of range, or `log_partition` is `None`
                and the top RBM is too large to be enumerated.

        Warns:
            UserWarning: If log Z rests on fewer than 20 effective chains.
        """
        num_samples = checks.positive_int("num_samples", num_samples)
        log_z = self.top._given_log_z(log_partition)
        state = seed_state(seed, self.seed_generator)
        bound = self._in_batches(
            self._bound, x, condition, batch_size, state, num_samples=num_samples
        )
        return bound - log_z

    @compiled()
    def _bound(self, state, x, condition, *, num_samples):
        del condition  # Nothing is given.
        data, seeds = ops.cast(x, "float32"), Seeds(state)
        chunk_size = max(1, min(num_samples, _ROWS // x.shape[0]))

        def total(chunk, size):
            """Returns the sum over draws of log p(x, h) + log Z - log q(h | x)."""
            rows = ops.repeat(data, size, axis=0)  # (batch * size, visible)
            layers = self.directed.draw_up(rows, seeds.at(chunk))
            log_weights = self.directed.log_generative(layers)
            log_weights -= self.top._free_energy(layers[-1])
            log_weights -= self.directed.log_recognition(layers)
            return ops.sum(ops.reshape(log_weights, (-1, size)), axis=1)  # (batch,)

        num_chunks, rest = divmod(num_samples, chunk_size)
        start = total(num_chunks, rest) if rest else ops.zeros_like(data[:, 0])
        found = fori_loop(
            num_chunks, lambda i, sums: sums + total(i, chunk_size), start
        )
        return found / num_samples

    def get_config(self):
        return {**super().get_config(), "num_gibbs_steps": self.num_gibbs_steps}
