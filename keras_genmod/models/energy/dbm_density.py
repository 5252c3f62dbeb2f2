"""The density of a deep Boltzmann machine, as a function of its weights."""

from keras import ops

from keras_genmod.engine import fori_loop
from keras_genmod.models.energy.rbm_density import RBMDensity
from keras_genmod.models.energy.visible_units import visible_units

_SMALLEST = 1e-30  # keeps the logarithm of a probability finite


class DBMDensity:
    """exp(-E) / Z of the layers h_0 = v to h_L of a machine with given weights.

    Even layers are independent given the odd ones, and the other way round: `rbm` is
    the same machine as an RBM whose visible units are all even layers, "even", and
    whose hidden units are all odd layers.

    Args:
        couplings: List of tensors W_i, `(layer_dims[i], layer_dims[i + 1])`.
        biases: List of tensors a_i, `(layer_dims[i],)`.
    """

    def __init__(self, couplings, biases):
        self.couplings = couplings
        self.biases = biases
        self.layer_dims = [bias.shape[0] for bias in biases]
        self.rbm = RBMDensity(
            visible_units("bernoulli", sum(self.layer_dims[::2])),
            self._joined_couplings(),
            ops.concatenate(biases[::2], axis=0),
            ops.concatenate(biases[1::2], axis=0),
        )

    def _joined_couplings(self):
        numbers = range(len(self.layer_dims))
        rows = [
            ops.concatenate([self._block(even, odd) for odd in numbers[1::2]], axis=1)
            for even in numbers[::2]
        ]
        return ops.concatenate(rows, axis=0)  # (even units, odd units)

    def _block(self, even, odd):
        if odd == even + 1:
            return self.couplings[even]
        if odd == even - 1:
            return ops.transpose(self.couplings[odd])
        shape = (self.layer_dims[even], self.layer_dims[odd])
        return ops.zeros(shape, dtype="float32")

    def energy(self, layers):
        """Returns E of the states of all layers, in nats, `(batch,)`."""
        total = -ops.matmul(layers[-1], self.biases[-1])
        for i, couplings in enumerate(self.couplings):
            field = ops.matmul(layers[i + 1], ops.transpose(couplings))
            total -= ops.sum(layers[i] * (field + self.biases[i]), axis=-1)
        return total

    def gibbs(self, even, num_steps, seeds):
        """Takes steps of a Gibbs chain, each of all odd and then of all even layers."""

        def step(i, even):
            return self.rbm.gibbs_step(even, seeds.at(i))

        return fori_loop(num_steps, step, even)

    def mean_field(self, v, num_steps):
        """Returns the even layers given v: v itself and the means of q.

        The means of the odd layers are then `rbm.hidden_mean` of them. On the first way
        up, what lies above a layer is taken to say the same as what lies below it, as
        in the paper: the input counts twice.

        Args:
            v: Visible units, `(batch, layer_dims[0])`.
            num_steps: Int, updates of all odd and then of all even layers.
        """
        layers = [v]
        for couplings, bias in zip(self.couplings, self.biases[1:], strict=True):
            scale = 1.0 if len(layers) == len(self.couplings) else 2.0
            field = scale * ops.matmul(layers[-1], couplings) + bias
            layers.append(ops.sigmoid(field))

        rest = self._given_visible(v)

        def update(_, means):
            return rest.visible_mean(rest.hidden_mean(means))

        means = fori_loop(num_steps, update, ops.concatenate(layers[2::2], axis=1))
        return ops.concatenate([v, means], axis=1)

    def _given_visible(self, v):
        """Returns the RBM of the other layers, whose hidden units feel each v."""
        visible = self.layer_dims[0]
        return RBMDensity(
            visible_units("bernoulli", sum(self.layer_dims[2::2])),
            self.rbm.couplings[visible:],
            self.rbm.visible_bias[visible:],
            ops.matmul(v, self.rbm.couplings[:visible]) + self.rbm.hidden_bias,
        )

    def variational_free_energy(self, even):
        """Returns E_q[E] - H(q) in nats, `(batch,)`, of what `mean_field` returned."""
        # The best q of the odd layers makes their part the sum over their states.
        means = even[:, self.layer_dims[0] :]
        logs = (ops.log(ops.maximum(p, _SMALLEST)) for p in (means, 1.0 - means))
        log_means, log_rest = logs
        entropy = -ops.sum(means * log_means + (1.0 - means) * log_rest, axis=-1)
        return self.rbm.free_energy(even) - entropy

    def visible_mean(self, even):
        """Returns the means of v given those of the odd layers, `(batch, visible)`."""
        means = self.rbm.visible_mean(self.rbm.hidden_mean(even))
        return means[:, : self.layer_dims[0]]

    def layer(self, even, i):
        """Returns the states or means of an even layer, the means of an odd one."""
        units = self.rbm.hidden_mean(even) if i % 2 else even
        start = sum(self.layer_dims[i % 2 : i : 2])
        return units[:, start : start + self.layer_dims[i]]
