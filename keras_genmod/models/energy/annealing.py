"""Annealed importance sampling (Neal, 2001), one loop on the device."""

from keras import ops


def anneal(step, states, log_weights, betas):
    """Returns the log weights of chains that go from one density to another.

    log w = sum_k log p*_k+1(s_k) - log p*_k(s_k), where s_0 has the density of
    beta_0 and s_k+1 comes from s_k by a transition that leaves p_k+1 as it is; the mean
    of w is the ratio of both ends' partition sums.

    Args:
        step: Function `(states, low, high, k)` of states that come from the inverse
            temperature `low`, and of step k, an integer that may be traced. Returns
            the states after a transition at `high`, and
            log p*_high(states) - log p*_low(states) from before, `(num_chains,)`.
        states: Nest of tensors, draws from p_0.
        log_weights: Float32 tensor `(num_chains,)`, log Z_0.
        betas: Tensor `(num_temperatures + 1,)`, from 0 to 1.

    Returns:
        Float32 tensor `(num_chains,)`, in nats.
    """

    def body(k, carry):
        states, log_weights = carry
        states, gain = step(states, betas[k], betas[k + 1], k)
        return states, log_weights + gain

    start = (states, log_weights)
    return ops.fori_loop(0, betas.shape[0] - 1, body, start)[1]
