"""Annealed importance sampling (Neal, 2001), one loop on the device."""

from collections.abc import Callable
from typing import Any

import numpy as np

from keras_genmod.engine import fori_loop, read

SPACINGS = ("even", "paper")

# Steps that Salakhutdinov and Murray (2008) take, and the inverse temperature that
# they end at: 500 up to 0.5, 4,000 up to 0.9, 10,000 up to 1.
_PAPER_STEPS = (0, 500, 4_500, 14_500)
_PAPER_ENDS = (0.0, 0.5, 0.9, 1.0)


def inverse_temperatures(num_temperatures: int, spacing: str) -> np.ndarray:
    """Returns the inverse temperatures of annealing, from 0 to 1.

    Args:
        num_temperatures: Positive int, the number of steps.
        spacing: "even", or "paper" for steps in the proportions of Salakhutdinov and
            Murray, of which 20 in 29 lie above 0.9.

    Returns:
        Float32 array `(num_temperatures + 1,)`, rising.
    """
    share = np.linspace(0.0, 1.0, num_temperatures + 1)
    if spacing == "paper":
        share = np.interp(share, np.divide(_PAPER_STEPS, _PAPER_STEPS[-1]), _PAPER_ENDS)
    return share.astype("float32")


def anneal(
    step: Callable[[Any, Any, Any, Any], tuple[Any, Any]],
    states: Any,
    log_weights: Any,
    betas: Any,
) -> Any:
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

    References:
        - Neal, Annealed importance sampling, Statistics and Computing 11, 2001.
        - Salakhutdinov and Murray, On the quantitative analysis of deep belief
          networks, ICML 2008.
    """

    def body(k, carry):
        states, log_weights = carry
        two = read(betas, k, 2, axis=0)
        states, gain = step(states, two[0], two[1], k)
        return states, log_weights + gain

    start = (states, log_weights)
    return fori_loop(betas.shape[0] - 1, body, start)[1]
