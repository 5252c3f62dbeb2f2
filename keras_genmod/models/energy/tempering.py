"""Parallel tempering: chains at several temperatures that change places."""

import numpy as np
from keras import ops

from keras_genmod.engine import fori_loop, uniform


def tempered_gibbs(density, fields, num_temperatures, num_steps, seeds):
    """Takes Gibbs steps at every temperature, then lets neighbours change places.

    Inverse temperatures are spaced evenly from 1 to 0. Chains of neighbours i and j
    swap with probability min(1, p_i(v_j) p_j(v_i) / (p_i(v_i) p_j(v_j))): first the
    pairs (0, 1), (2, 3), ..., then (1, 2), (3, 4), ...

    Args:
        density: `RBMDensity`.
        fields: What the hidden units of the chains feel, tensor
            `(num_temperatures * num_chains, hidden_dim)`, the chains of beta 1 first.
        num_temperatures: Int of at least 2.
        num_steps: Positive int.
        seeds: `Seeds`.

    Returns:
        The visible units of the chains, `(num_temperatures * num_chains, size)`, and
        their fields.

    References:
        - Desjardins et al., Tempered Markov chain Monte Carlo for training of
          restricted Boltzmann machines, AISTATS 2010.
    """
    num_chains = fields.shape[0] // num_temperatures
    betas = np.linspace(1.0, 0.0, num_temperatures, dtype="float32")
    column = ops.convert_to_tensor(np.repeat(betas, num_chains)[:, None])

    def step(fields, seeds):
        return density.tempered_step(fields, column, density.visible_bias, seeds)

    if num_steps > 1:
        fields = fori_loop(
            num_steps - 1,
            lambda i, fields: density.field(step(fields, seeds.at(i))),
            fields,
        )
    chains = step(fields, seeds)
    fields = density.field(chains)
    by_temperature = [  # (num_temperatures, num_chains, size or hidden_dim)
        ops.reshape(values, (num_temperatures, num_chains, -1))
        for values in (chains, fields)
    ]
    betas = ops.convert_to_tensor(betas[:, None, None])
    for first in (0, 1):
        swapped = _accepted(by_temperature[1], betas, first, seeds)
        by_temperature = [_swap(values, swapped) for values in by_temperature]
    return tuple(
        ops.reshape(values, (num_temperatures * num_chains, -1))
        for values in by_temperature
    )


def _accepted(field, betas, first, seed):
    """Returns which chains swap with the next colder, `(temperatures - 1, chains)`.

    Visible biases are the same at all temperatures and cancel.
    """

    def log_weight(betas, field):
        return ops.sum(ops.softplus(betas * field), axis=-1)

    own = log_weight(betas, field)
    log_ratio = log_weight(betas[:-1], field[1:]) + log_weight(betas[1:], field[:-1])
    log_ratio = log_ratio - own[:-1] - own[1:]
    pairs = np.arange(betas.shape[0] - 1)[:, None] % 2 == first
    noise = uniform(ops.shape(log_ratio), seed)
    return ops.logical_and(pairs, ops.log(noise) < log_ratio)


def _swap(values, swapped):
    """Exchanges rows i and i + 1 of the first axis where `swapped[i]`."""
    no = ops.zeros_like(swapped[:1])
    with_next = ops.concatenate([swapped, no])[..., None]
    with_last = ops.concatenate([no, swapped])[..., None]
    following = ops.concatenate([values[1:], values[:1]])
    preceding = ops.concatenate([values[-1:], values[:-1]])
    values = ops.where(with_next, following, values)
    return ops.where(with_last, preceding, values)
