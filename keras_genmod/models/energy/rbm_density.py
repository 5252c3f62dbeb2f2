"""The density of a restricted Boltzmann machine, as a function of its weights."""

import math

from keras import ops

from keras_genmod.distributions.bernoulli import draw_binary
from keras_genmod.engine import uniform
from keras_genmod.models.energy.density import log_sum_over_states


class RBMDensity:
    """p(v) = exp(-F(v)) / Z of an RBM with given weights.

    F(v) = energy(v, a) - sum_j log(1 + exp(f_j)), f = v W + b. At an inverse
    temperature beta below 1, couplings and hidden biases are multiplied by beta: there
    is p_0, a base-rate model with independent visible units, at the other end.

    Args:
        units: `VisibleUnits`.
        couplings: W, tensor `(size, hidden_dim)`.
        visible_bias: a, tensor `(size,)`.
        hidden_bias: b, tensor `(hidden_dim,)`.
    """

    def __init__(self, units, couplings, visible_bias, hidden_bias):
        self.units = units
        self.couplings = couplings
        self.visible_bias = visible_bias
        self.hidden_bias = hidden_bias

    def field(self, v):
        """Returns f, what the hidden units feel, `(batch, hidden_dim)`."""
        return ops.matmul(v, self.couplings) + self.hidden_bias

    def differentiable(self, v, field):
        """Returns `field`, which is f(v) without a gradient, with its gradient.

        Where f of several states was found in turn, this takes one product for all.
        """
        return _differentiable(v, field, self.couplings, self.hidden_bias)

    def free_energy(self, v, field=None):
        """Returns F(v) in nats, `(batch,)`; `field` is f where it is known."""
        field = self.field(v) if field is None else field
        return self.units.energy(v, self.visible_bias) - _log_sum_hidden(field)

    def hidden_mean(self, v):
        """Returns the hidden units' means, `(batch, hidden_dim)`."""
        return ops.sigmoid(self.field(v))

    def visible_mean(self, h):
        """Returns the visible units' means, `(batch, size)`."""
        return self.units.mean(self._visible_field(h) + self.visible_bias)

    def gibbs_step(self, v, seed):
        """Draws h given v, then v given h."""
        return self.visible_step(self.hidden_mean(v), seed)[0]

    def visible_step(self, hidden_mean, seed):
        """Draws h, then v given h; returns v and its mean given h."""
        h = _draw_hidden(hidden_mean, seed)
        field = self._visible_field(h) + self.visible_bias
        return self.units.draw(field, seed), self.units.mean(field)

    def tempered_step(self, field, beta, visible_bias, seed):
        """Draws h, then v given h, at inverse temperatures `beta`.

        Args:
            field: f of the states before, `(batch, hidden_dim)`.
            beta: Tensor of shape `()` or `(batch, 1)`.
            visible_bias: Tensor `(size,)`, in place of the machine's own.
            seed: `SeedGenerator` or `Seeds`.
        """
        h = _draw_hidden(ops.sigmoid(beta * field), seed)
        return self.units.draw(visible_bias + beta * self._visible_field(h), seed)

    def log_partition(self):
        """Returns log Z in nats, `()`, by enumeration of the smaller layer.

        That is the hidden one where visible units are not binary; the other layer is
        summed, or integrated, out in closed form.
        """
        hidden_dim = self.hidden_bias.shape[0]
        visible_dim = self.units.enumerated_units
        if hidden_dim <= visible_dim:
            return log_sum_over_states(hidden_dim, self._log_weight_of_hidden)
        return log_sum_over_states(visible_dim, lambda v: -self.free_energy(v))

    def _log_weight_of_hidden(self, h):
        field = self._visible_field(h) + self.visible_bias
        own = ops.matmul(h, self.hidden_bias)
        return own + self.units.log_sum(field, self.visible_bias)

    # Annealed importance sampling.

    def base_biases(self, base_rates):
        """Returns the biases of visible units with these means.

        Args:
            base_rates: NumPy array of the means of all visible units.
        """
        return self.units.biases(base_rates)

    def annealing_start(self, base, num_chains, seed):
        """Returns draws of the base-rate model with biases `base`, and its log Z."""
        base = self.visible_bias if base is None else base
        fields = ops.broadcast_to(base, (num_chains, self.units.size))
        log_visible = self.units.log_sum(fields[:1], base)[0]
        # Hidden units without a field have two states of weight 1.
        log_hidden = self.hidden_bias.shape[0] * math.log(2.0)
        return self.units.draw(fields, seed), log_visible + log_hidden

    def annealing_step(self, v, low, high, base, seed):
        """Takes a step of AIS, as `Density.annealing_step` describes it."""
        field = self.field(v)
        before, after = (self._mixed_bias(beta, base) for beta in (low, high))
        gain = self.units.energy(v, before) - self.units.energy(v, after)
        gain += ops.sum(ops.softplus(high * field) - ops.softplus(low * field), axis=-1)
        return self.tempered_step(field, high, after, seed), gain

    def _mixed_bias(self, beta, base):
        if base is None:
            return self.visible_bias
        return (1.0 - beta) * base + beta * self.visible_bias

    def _visible_field(self, h):
        return ops.matmul(h, ops.transpose(self.couplings))


@ops.custom_gradient
def _differentiable(v, field, couplings, bias):
    def gradient(*args, upstream=None):  # as Keras calls it: by name on torch
        upstream = args[0] if upstream is None else upstream
        of_couplings = ops.matmul(ops.transpose(v), upstream)
        of_bias = ops.sum(upstream, axis=0)
        return ops.zeros_like(v), ops.zeros_like(field), of_couplings, of_bias

    return field, gradient


def _log_sum_hidden(field):
    return ops.sum(ops.softplus(field), axis=-1)


def _draw_hidden(mean, seed):
    return draw_binary(mean, uniform(ops.shape(mean), seed))
