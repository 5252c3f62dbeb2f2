"""What a machine offers as a function of its weights, and sums over binary states."""

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from keras import ops

from keras_genmod.engine import scan

_BLOCK = 12  # log2 of the number of states that are held at a time


class Density(Protocol):
    """p(v) = exp(-F(v)) / Z, of given weights; pure functions of tensors.

    States of a chain are tensors `(batch, num_units)` whose first columns are the
    visible units. There are densities p_beta between a base-rate model with independent
    visible units, at beta = 0, and the machine, at beta = 1.
    """

    def free_energy(self, v: Any) -> Any:
        """Returns F(v) in nats, `(batch,)`, of float32 visible units."""

    def log_partition(self) -> Any:
        """Returns log Z in nats, `()`, by enumeration in blocks."""

    def base_biases(self, base_rates: np.ndarray) -> np.ndarray:
        """Returns the base-rate model's biases from its units' means."""

    def gibbs_step(self, states: Any, seed: Any) -> Any:
        """Returns the states after a Gibbs step; `seed` gives at most 63 draws."""

    def annealing_start(self, base: Any, num_chains: int, seed: Any) -> tuple[Any, Any]:
        """Returns draws of the base-rate model, `(num_chains, ...)`, and its log Z.

        Args:
            base: Tensor of biases from `base_biases`; `None` for the machine's own.
            num_chains: Int.
            seed: `SeedGenerator` or `Seeds`.
        """

    def annealing_step(
        self, states: Any, low: Any, high: Any, base: Any, seed: Any
    ) -> tuple[Any, Any]:
        """Takes a step of annealed importance sampling.

        Args:
            states: As `annealing_start` returns them.
            low: Tensor of shape `()`, the beta that the states come from.
            high: Tensor of shape `()`, the next beta.
            base: As in `annealing_start`.
            seed: `Seeds`, at most 63 draws.

        Returns:
            The states after a Gibbs step that leaves p_high as it is, and
            log p*_high - log p*_low of the states before, `(batch,)`.
        """


def log_sum_over_states(num_units: int, log_weight: Callable[[Any], Any]) -> Any:
    """Returns log sum_s exp(log_weight(s)) over all states s in {0, 1}^num_units.

    Goes through the states in blocks, in a loop on the device, so memory does not grow
    with their number, but for one float a block.

    Args:
        num_units: Positive int.
        log_weight: Function from states `(block, num_units)` to `(block, ...)`.

    Returns:
        Float32 tensor of shape `(...)`, in nats.
    """
    block = min(num_units, _BLOCK)
    shifts = ops.arange(num_units, dtype="int32")

    def block_sum(i):
        states = i * 2**block + ops.arange(2**block, dtype="int32")
        bits = ops.right_shift(states[:, None], shifts) % 2  # (block, num_units)
        return ops.logsumexp(log_weight(ops.cast(bits, "float32")), axis=0)

    first = block_sum(0)
    if block == num_units:
        return first
    blocks = ops.arange(1, 2 ** (num_units - block), dtype="int32")
    # The sums of blocks are added up at the end, so that rounding does not grow.
    sums = scan(lambda _, i: block_sum(i), first, blocks)
    return ops.logsumexp(ops.concatenate([first[None], sums]), axis=0)
