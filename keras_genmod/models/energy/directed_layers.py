"""Layers of binary units drawn from above, and recognized from below."""

import keras
from keras import ops

from keras_genmod.distributions import Bernoulli
from keras_genmod.models.float32_weight import add_float32_weight


class DirectedLayers(keras.layers.Layer):
    """p(h_0, ..., h_M-1 | h_M) = prod_i p(h_i | h_i+1), with q for the way up.

    p(h_i = 1 | h_i+1) = sigmoid(G_i h_i+1 + a_i) and q(h_i+1 = 1 | h_i) =
    sigmoid(h_i R_i + r_i): the lower part of a deep belief network. G_i and R_i have
    shape `(layer_dims[i], layer_dims[i + 1])` and start equal.

    Args:
        layer_dims: Tuple of positive ints, M + 1 sizes from the lowest layer.
        seeds: Ints or `None`, one for the weights of each i.
        **kwargs: `name`, `dtype` as in `keras.layers.Layer`.
    """

    def __init__(self, layer_dims, seeds, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.generative_couplings, self.generative_biases = [], []
        self.recognition_couplings, self.recognition_biases = [], []
        pairs = zip(layer_dims[:-1], layer_dims[1:], seeds, strict=True)
        for i, (below, above, seed) in enumerate(pairs):
            start = keras.initializers.RandomNormal(0.0, 0.01, seed=seed)
            for way, size in (("generative", below), ("recognition", above)):
                couplings = add_float32_weight(
                    self, f"{way}_couplings_{i}", (below, above), start
                )
                bias = add_float32_weight(self, f"{way}_bias_{i}", (size,))
                getattr(self, f"{way}_couplings").append(couplings)
                getattr(self, f"{way}_biases").append(bias)
        self.num_layers = len(layer_dims) - 1
        self.built = True

    def assign(self, i, rbm):
        """Gives p(h_i | h_i+1) and q(h_i+1 | h_i) the weights of an RBM."""
        self.generative_couplings[i].assign(rbm.couplings)
        # A copy: JAX gives each weight's memory away in a train step, and but once.
        self.recognition_couplings[i].assign(ops.multiply(rbm.couplings, 1.0))
        self.generative_biases[i].assign(rbm.visible_bias)
        self.recognition_biases[i].assign(rbm.hidden_bias)

    def recognition(self, i, states):
        """Returns q(h_i+1 | h_i), a `Bernoulli`."""
        field = ops.matmul(states, self.recognition_couplings[i])
        return Bernoulli(field + self.recognition_biases[i])

    def generative(self, i, states):
        """Returns p(h_i | h_i+1), a `Bernoulli`."""
        couplings = ops.convert_to_tensor(self.generative_couplings[i])
        field = ops.matmul(states, ops.transpose(couplings))
        return Bernoulli(field + self.generative_biases[i])

    def draw_up(self, states, seed):
        """Draws all layers from the lowest one up; returns them, the lowest first."""
        layers = [states]
        for i in range(self.num_layers):
            layers.append(self.recognition(i, layers[-1]).sample(seed))
        return layers

    def draw_down(self, states, seed):
        """Draws all layers from the highest one down.

        Returns:
            A list of the layers' states, the lowest first, and the lowest one's means.
        """
        layers = [states]
        for i in reversed(range(self.num_layers)):
            distribution = self.generative(i, layers[0])
            layers.insert(0, distribution.sample(seed))
        return layers, distribution.mean()

    def means_up(self, means, num_layers):
        """Returns the means after so many layers up, means in place of draws."""
        for i in range(num_layers):
            means = self.recognition(i, means).mean()
        return means

    def means_down(self, means):
        """Returns the means of the lowest layer, means in place of draws."""
        for i in reversed(range(self.num_layers)):
            means = self.generative(i, means).mean()
        return means

    def log_generative(self, layers):
        """Returns log p(h_0, ..., h_M-1 | h_M) in nats, `(batch,)`.

        Args:
            layers: List of states, the lowest first.
        """
        terms = [
            self.generative(i, layers[i + 1]).log_prob(layers[i])
            for i in range(self.num_layers)
        ]
        return sum(terms[1:], terms[0])

    def log_recognition(self, layers):
        """Returns log q(h_1, ..., h_M | h_0) in nats, `(batch,)`."""
        terms = [
            self.recognition(i, layers[i]).log_prob(layers[i + 1])
            for i in range(self.num_layers)
        ]
        return sum(terms[1:], terms[0])
