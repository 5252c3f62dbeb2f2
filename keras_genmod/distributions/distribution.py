"""The contract of distributions."""

import abc
from typing import Any

from keras import ops

from keras_genmod import checks


class Distribution(abc.ABC):
    """A weightless distribution over tensors, built where it is used.

    The first axis of its parameters is the batch: `log_prob` sums over all others.
    All sums are float32.
    """

    @abc.abstractmethod
    def log_prob(self, value: Any) -> Any:
        """Returns the log-probability or log-density in nats, shape `(batch,)`.

        Args:
            value: Tensor of shape `(batch, ...)`.
        """

    @abc.abstractmethod
    def sample(self, seed: Any) -> Any:
        """Returns one draw for each entry of the batch, shape `(batch, ...)`.

        Args:
            seed: `keras.random.SeedGenerator` or int.
        """

    @abc.abstractmethod
    def mean(self) -> Any:
        """Returns the expected value, shape `(batch, ...)`."""


def parameters(name: str, x: Any, rank: int = 1) -> Any:
    """Returns parameters of a batch as a float32 tensor.

    Args:
        name: The argument's name in the message.
        x: Tensor, array or nest of numbers.
        rank: The fewest axes that it may have, the batch's among them.

    Raises:
        ValueError: If it holds no numbers, or has fewer axes.
    """
    x = checks.float32(name, x)
    if getattr(x.shape, "rank", 0) is not None and len(x.shape) < rank:
        axes = "the batch's" if rank == 1 else f"{rank}, the batch's first"
        raise ValueError(
            f"`{name}` must have at least {rank} axes, {axes}. "
            f"Received: {name}.shape={tuple(x.shape)}"
        )
    return x


def sum_over_events(terms):
    """Returns the float32 sum over all axes but the first, shape `(batch,)`."""
    terms = ops.cast(terms, "float32")
    return ops.sum(terms, axis=tuple(range(1, len(terms.shape))))


def flat_events(x):
    """Returns a tensor `(batch, ...)` as `(batch, values)`.

    Terms of flat tensors, summed, take XLA on a CPU a tenth of the time that terms of
    images take.
    """
    return ops.reshape(x, (ops.shape(x)[0], -1))


def nan_where_nan(parameters, draws):
    """Returns draws, NaN where a parameter is: comparisons with NaN would hide it.

    Args:
        parameters: Float tensor, what the draws were made of.
        draws: Float32 tensor of that shape.
    """
    return ops.where(ops.isnan(parameters), float("nan"), draws)
