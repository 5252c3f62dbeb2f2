"""Annealed importance sampling (Neal, 2001), by loops on the device."""

from typing import Any

import numpy as np
from keras import ops

from keras_genmod.engine import Seeds, compiled, fori_loop, read
from keras_genmod.progress import shown

SPACINGS = ("even", "paper")

# Steps that Salakhutdinov and Murray (2008) take, and the inverse temperature that
# they end at: 500 up to 0.5, 4,000 up to 0.9, 10,000 up to 1.
_PAPER_STEPS = (0, 500, 4_500, 14_500)
_PAPER_ENDS = (0.0, 0.5, 0.9, 1.0)

_MOST_PARTS = 20  # that a bar moves by


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


def annealed_log_weights(
    model: Any, state: Any, betas: np.ndarray, base: Any, num_chains: int, verbose: int
) -> Any:
    """Returns the log weights of chains that go from the base-rate model to a machine.

    log w = sum_k log p*_k+1(s_k) - log p*_k(s_k), where s_0 has the density of
    beta_0 and s_k+1 comes from s_k by a transition that leaves p_k+1 as it is; the mean
    of w is the ratio of both ends' partition sums. Where a bar is shown the chains go
    in parts of one length, with the same draws.

    Args:
        model: `PartitionedModel`.
        state: Integer tensor `(2,)`, as `seed_state` returns it.
        betas: Float32 array `(num_temperatures + 1,)`, from 0 to 1.
        base: Biases of the base-rate model, or `None`, as `Density` takes them.
        num_chains: Positive int.
        verbose: 0 shows nothing, 1 a bar, 2 a line at the end.

    Returns:
        Float32 tensor `(num_chains,)`, in nats.

    References:
        - Neal, Annealed importance sampling, Statistics and Computing 11, 2001.
        - Salakhutdinov and Murray, On the quantitative analysis of deep belief
          networks, ICML 2008.
    """
    steps = len(betas) - 1
    parts = max(n for n in range(1, _MOST_PARTS + 1) if steps % n == 0)
    length = steps // parts if verbose else steps
    chains = _start(model, state, base, num_chains=num_chains)
    for first in shown(range(0, steps, length), verbose):
        some = betas[first : first + length + 1]
        chains = _anneal(model, state, some, np.int32(first), base, *chains)
    return chains[1]


@compiled()
def _start(model, state, base, *, num_chains):
    states, log_z = model.density().annealing_start(base, num_chains, Seeds(state))
    return states, ops.broadcast_to(ops.cast(log_z, "float32"), (num_chains,))


@compiled(xla=True)
def _anneal(model, state, betas, first, base, states, log_weights):
    seeds, density = Seeds(state), model.density()

    def body(k, carry):
        states, log_weights = carry
        two = read(betas, k, 2, axis=0)
        step = seeds.at(first + k)
        states, gain = density.annealing_step(states, two[0], two[1], base, step)
        return states, log_weights + gain

    return fori_loop(betas.shape[0] - 1, body, (states, log_weights))
