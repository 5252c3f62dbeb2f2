"""The density of a Boltzmann machine, as a function of its weights."""

import math

import numpy as np
from keras import ops

from keras_genmod.distributions.bernoulli import draw_binary
from keras_genmod.engine import fori_loop, read, uniform, write
from keras_genmod.models.energy.density import log_sum_over_states
from keras_genmod.models.energy.visible_units import log_odds


class BoltzmannDensity:
    """p(s) = exp(s'W s / 2 + b.s) / Z over all units, the visible ones first.

    Args:
        graph: `CouplingGraph` of all units.
        num_visible: Positive int.
        couplings: W, symmetric tensor `(num_units, num_units)`, diagonal 0.
        bias: b, tensor `(num_units,)`.
    """

    def __init__(self, graph, num_visible, couplings, bias):
        self.graph = graph
        self.num_visible = num_visible
        self.couplings = couplings
        self.bias = bias
        self.units = np.arange(graph.num_units)
        self.hidden = self.units[num_visible:]

    def log_weight(self, s):
        """Returns s'W s / 2 + b.s in nats, `(batch,)`."""
        return self._quadratic(s) + ops.matmul(s, self.bias)

    def field(self, s):
        """Returns what each unit feels of the others, `(batch, num_units)`."""
        return ops.matmul(s, self.couplings) + self.bias

    def pseudo_log_prob(self, s):
        """Returns sum_i log p(s_i given all other units) in nats, `(batch,)`."""
        # log sigmoid(f) of units that are 1, log sigmoid(-f) of those that are 0.
        return -ops.sum(ops.softplus((1.0 - 2.0 * s) * self.field(s)), axis=-1)

    def free_energy(self, v):
        """Returns -log sum_h exp(log_weight((v, h))) in nats, `(batch,)`."""
        hidden = ops.zeros((ops.shape(v)[0], len(self.hidden)), dtype="float32")
        without = ops.concatenate([v, hidden], axis=-1)
        field = self.field(without)[:, self.num_visible :]
        return -self.log_weight(without) - self._log_sum(field, self.hidden)

    def log_partition(self):
        """Returns log Z in nats, `()`."""
        return self._log_sum(self.bias[None], self.units)[0]

    def _log_sum(self, field, units):
        """Sums over all states of some units in a field `(batch, len(units))`.

        Units that are not coupled are summed out in closed form, the others gone
        through.
        """
        summed = self.graph.independent(units)
        others = np.setdiff1d(np.arange(len(units)), summed)
        field_of_summed = ops.take(field, summed, axis=1)
        if not len(others):
            return ops.sum(ops.softplus(field_of_summed), axis=-1)
        field_of_others = ops.transpose(ops.take(field, others, axis=1))
        rows = ops.take(self.couplings, units[others], axis=0)
        among = ops.take(rows, units[others], axis=1)
        between = ops.take(rows, units[summed], axis=1)

        def log_weight(s):  # (block, batch)
            own = 0.5 * ops.sum(ops.matmul(s, among) * s, axis=-1, keepdims=True)
            felt = ops.matmul(s, between)[:, None] + field_of_summed
            return own + ops.matmul(s, field_of_others) + _log_sum_binary(felt)

        return log_sum_over_states(len(others), log_weight)

    # Moving the units.

    def gibbs_step(self, s, seed):
        """Draws every unit once given the others."""
        return self.gibbs_sweep(s, seed)

    def gibbs_sweep(self, s, seed, beta=1.0, bias=None, movable=None):
        """Draws every unit once given the others: in turn, or a block at a time.

        Args:
            s: Tensor `(batch, num_units)`.
            seed: `SeedGenerator` or `Seeds`.
            beta: Tensor of shape `()`, or float, the inverse temperature.
            bias: Tensor `(num_units,)` in place of beta b.
            movable: Boolean tensor `(batch, num_units)`, which units may move; `None`
                for all.
        """
        bias = beta * self.bias if bias is None else bias
        noise = uniform(ops.shape(s), seed)
        weights = (beta * self.couplings, bias)
        return self._sweep(s, self.units, weights, noise, movable)

    def mean_field(self, v, num_sweeps):
        """Returns the visible units with the means of factorised hidden ones.

        Each sweep raises the bound log p(v) >= E_q log_weight + entropy(q); where
        hidden units are not coupled, one makes it exact.
        """
        shape = (ops.shape(v)[0], len(self.hidden))
        start = ops.full(shape, 0.5, dtype="float32")
        s = ops.concatenate([v, start], axis=-1)
        if not len(self.hidden):
            return s
        weights = (self.couplings, self.bias)

        def sweep(_, s):
            return self._sweep(s, self.hidden, weights, None, None)

        return fori_loop(num_sweeps, sweep, s)

    def _sweep(self, s, units, weights, noise, movable):
        """Moves some units: to draws, or to their means without `noise`."""
        blocks = self.graph.blocks(units)
        if 2 * len(blocks) <= len(units):
            return _sweep_blocks(s, blocks, weights, noise, movable)
        return _sweep_units(s, units, weights, noise, movable)

    # Annealed importance sampling.

    def base_biases(self, base_rates):
        """Returns the biases of visible units with these means."""
        return log_odds(base_rates)

    def annealing_start(self, base, num_chains, seed):
        """Returns draws of the base-rate model with biases `base`, and its log Z."""
        bias = self._mixed_bias(0.0, base)
        noise = uniform((num_chains, self.graph.num_units), seed)
        log_visible = ops.sum(ops.softplus(bias[: self.num_visible]))
        log_hidden = len(self.hidden) * math.log(2.0)
        start = draw_binary(ops.sigmoid(bias), noise)  # (num_chains, num_units)
        return start, log_visible + log_hidden

    def annealing_step(self, s, low, high, base, seed):
        """Takes a step of AIS, as `Density.annealing_step` describes it."""
        before, after = (self._mixed_bias(beta, base) for beta in (low, high))
        gain = (high - low) * self._quadratic(s) + ops.matmul(s, after - before)
        return self.gibbs_sweep(s, seed, high, after), gain

    def _mixed_bias(self, beta, base):
        """Returns the biases at `beta`; at 0 those of the base-rate model."""
        own = self.bias[: self.num_visible]
        visible = own if base is None else (1.0 - beta) * base + beta * own
        return ops.concatenate([visible, beta * self.bias[self.num_visible :]])

    def _quadratic(self, s):
        return 0.5 * ops.sum(ops.matmul(s, self.couplings) * s, axis=-1)


def _sweep_units(s, units, weights, noise, movable):
    couplings, bias = weights[0], weights[1][None]
    units = ops.convert_to_tensor(units.astype("int32"))

    def move(k, s):
        i = read(units, k, 1, axis=0)[0]
        column = ops.transpose(read(couplings, i, 1, axis=0))
        mean = ops.sigmoid(ops.matmul(s, column) + read(bias, i, 1, axis=1))
        moved = mean if noise is None else draw_binary(mean, read(noise, i, 1, axis=1))
        if movable is not None:
            may = read(movable, i, 1, axis=1)
            moved = ops.where(may, moved, read(s, i, 1, axis=1))
        return write(s, moved, i, axis=1)

    # A copy, since torch writes in place.
    return fori_loop(units.shape[0], move, ops.copy(s))


def _sweep_blocks(s, blocks, weights, noise, movable):
    couplings, bias = weights
    blocks = ops.convert_to_tensor(blocks)

    def move(k, s):
        mean = ops.sigmoid(ops.matmul(s, couplings) + bias)
        moved = mean if noise is None else draw_binary(mean, noise)
        chosen = read(blocks, k, 1, axis=0) > 0.5
        if movable is not None:
            chosen = ops.logical_and(chosen, movable)
        return ops.where(chosen, moved, s)

    return fori_loop(blocks.shape[0], move, s)


def _log_sum_binary(field):
    return ops.sum(ops.softplus(field), axis=-1)
