"""Sums over all states of a layer of binary units."""

import math

from keras import ops

_BLOCK = 10  # log2 of the number of states that are held at a time


def log_sum_over_states(num_units, log_weight):
    """Returns log sum_s exp(log_weight(s)) over all states s in {0, 1}^num_units.

    Goes through the states in blocks, in a loop on the device, so memory does not grow
    with their number.

    Args:
        num_units: Positive int.
        log_weight: Function from states `(block, num_units)` to `(block,)`.

    Returns:
        Float32 tensor of shape `()`, in nats.
    """
    block = min(num_units, _BLOCK)
    shifts = ops.arange(num_units, dtype="int32")

    def block_sum(i):
        states = i * 2**block + ops.arange(2**block, dtype="int32")
        bits = ops.right_shift(states[:, None], shifts) % 2
        return ops.logsumexp(log_weight(ops.cast(bits, "float32")))

    return ops.fori_loop(
        1,
        2 ** (num_units - block),
        lambda i, total: ops.logaddexp(total, block_sum(i)),
        block_sum(0),
    )


def rbm_log_partition(couplings, visible_bias, hidden_bias, visible):
    """Returns log Z of a restricted Boltzmann machine in nats, shape `()`.

    Goes through the states of the smaller layer, of the hidden one for normal visibles;
    the other layer is summed (or integrated) out in closed form.

    Args:
        couplings: Tensor `(visible_dim, hidden_dim)`.
        visible_bias: Tensor `(visible_dim,)`.
        hidden_bias: Tensor `(hidden_dim,)`.
        visible: "bernoulli" or "normal".
    """
    visible_dim, hidden_dim = couplings.shape

    def binary(own, other, weights):
        return lambda s: (
            ops.matmul(s, own)
            + ops.sum(ops.softplus(ops.matmul(s, weights) + other), axis=-1)
        )

    def normal(h):
        # Completing the square: exponent |W h|^2 / 2 + a.W h, times (2 pi)^(n/2).
        field = ops.matmul(h, ops.transpose(couplings))
        exponent = ops.sum(field * (0.5 * field + visible_bias), axis=-1)
        constant = 0.5 * visible_dim * math.log(2 * math.pi)
        return ops.matmul(h, hidden_bias) + exponent + constant

    if visible == "normal":
        return log_sum_over_states(hidden_dim, normal)
    if hidden_dim <= visible_dim:
        weight = binary(hidden_bias, visible_bias, ops.transpose(couplings))
        return log_sum_over_states(hidden_dim, weight)
    weight = binary(visible_bias, hidden_bias, couplings)
    return log_sum_over_states(visible_dim, weight)
