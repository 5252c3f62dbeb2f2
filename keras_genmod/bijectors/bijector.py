"""The contract of bijectors."""

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_genmod import checks


class Bijector(keras.layers.Layer):
    """An invertible map x = f(z), with its log-determinants.

    "Forward" goes from the latent side to the data side. A subclass defines
    `_forward_and_log_det` and, where it has an inverse, `_inverse_and_log_det`, both
    for one batch axis of float32; all else follows. A bijector is built when it is
    made. Computation is float32 under every policy.

    Args:
        event_shape: Shape of one event on the data side, without the batch.
        latent_shape: Shape of one event on the latent side, of as many values; `None`
            for that of the data side.
        condition_dim: Positive int, the length of the condition that the map depends
            on, or `None`. A bijector without one ignores conditions.
        **kwargs: As in `keras.layers.Layer`.

    Raises:
        ValueError: If an argument is out of range, or the sides differ in size.
    """

    #: Closed interval of values on the data side; others are no input of the inverse.
    domain: tuple[float, float] = (-math.inf, math.inf)

    #: The same on the latent side, of the forward direction.
    latent_domain: tuple[float, float] = (-math.inf, math.inf)

    #: Whether it gives values other places and leaves them as they are.
    only_moves_values = False

    #: Whether a direction is a long loop of small steps, for TensorFlow to compile.
    forward_is_a_loop = False
    inverse_is_a_loop = False

    def __init__(
        self,
        event_shape: Sequence[int],
        latent_shape: Sequence[int] | None = None,
        condition_dim: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(autocast=False, **kwargs)
        self.event_shape = checks.sizes("event_shape", event_shape)
        self.latent_shape = (
            self.event_shape
            if latent_shape is None
            else checks.sizes("latent_shape", latent_shape)
        )
        if math.prod(self.event_shape) != math.prod(self.latent_shape):
            raise ValueError(
                "`event_shape` and `latent_shape` must hold as many values: a bijector "
                "keeps their number. Received: "
                f"event_shape={self.event_shape}, latent_shape={self.latent_shape}"
            )
        if condition_dim is not None:
            condition_dim = checks.positive_int("condition_dim", condition_dim)
        self.condition_dim = condition_dim

    def _forward_and_log_det(self, z, condition):
        """Returns `f(z)` and log|det df/dz| of `(batch, *latent_shape)`."""
        raise NotImplementedError

    def _inverse_and_log_det(self, x, condition):
        """Returns `z` and log|det dz/dx| of `(batch, *event_shape)`."""
        raise NotImplementedError(
            f"{type(self).__name__} has no inverse: it can be sampled from, and give "
            "the density of its own samples, but not that of other data."
        )

    def forward_and_log_det(self, z: Any, condition: Any = None) -> Any:
        """Maps latents to data.

        Args:
            z: Tensor of shape `(*batch, *latent_shape)`, of at least one batch axis.
            condition: Tensor `(*batch, condition_dim)`, where there is one.

        Returns:
            `x = f(z)` of shape `(*batch, *event_shape)`, and log|det df/dz| in nats,
            `(*batch,)`, both float32.

        Raises:
            ValueError: If a shape is wrong or the condition is missing.
        """
        return self._map(
            self._forward_and_log_det, "z", z, self.latent_shape, condition
        )

    def inverse_and_log_det(self, x: Any, condition: Any = None) -> Any:
        """Maps data to latents.

        Args:
            x: Tensor of shape `(*batch, *event_shape)`, of at least one batch axis.
            condition: Tensor `(*batch, condition_dim)`, where there is one.

        Returns:
            `z` with f(z) = x of shape `(*batch, *latent_shape)`, and log|det dz/dx| in
            nats, `(*batch,)`, both float32.

        Raises:
            ValueError: If a shape is wrong or the condition is missing.
            NotImplementedError: If the bijector has no inverse.
        """
        return self._map(self._inverse_and_log_det, "x", x, self.event_shape, condition)

    def forward(self, z: Any, condition: Any = None) -> Any:
        """Returns the forward value alone."""
        return self.forward_and_log_det(z, condition)[0]

    def inverse(self, x: Any, condition: Any = None) -> Any:
        """Returns the inverse value alone."""
        return self.inverse_and_log_det(x, condition)[0]

    def call(self, z, condition=None):
        return self.forward(z, condition)

    # Weights that start from data.

    @property
    def is_initialized(self) -> bool:
        """Whether no weight waits for data to start from."""
        return True

    def initialize(self, x: Any, condition: Any = None) -> Any:
        """Starts weights from data, where a bijector has such weights.

        Args:
            x: Tensor of shape `(batch, *event_shape)`, with known values.
            condition: As in `inverse_and_log_det`.

        Returns:
            The latents of `x`, for the bijector before this one to start from.
        """
        return self.inverse(x, condition)

    def initialize_forward(self, z: Any, condition: Any = None) -> Any:
        """Starts weights from latents: `initialize` for the other direction.

        It serves `Invert`, whose data are the latents of its bijector.

        Args:
            z: Tensor of shape `(batch, *latent_shape)`, with known values.
            condition: As in `forward_and_log_det`.

        Returns:
            The data of `z`, for the bijector after this one to start from.
        """
        return self.forward(z, condition)

    # Shapes.

    def _map(self, function, name, value, shape, condition):
        value = ops.cast(value, "float32")
        rank = len(shape)
        if len(value.shape) <= rank or tuple(value.shape[-rank:]) != shape:
            expected = ", ".join(["*batch", *map(str, shape)])
            raise ValueError(
                f"`{name}` must have shape ({expected}). "
                f"Received: {name}.shape={tuple(value.shape)}"
            )
        batch = ops.shape(value)[:-rank]
        condition = self._standardize_condition(condition, len(batch))
        if 0 in value.shape[:-rank]:  # TensorFlow's convolutions fail on no example
            other = self.latent_shape if shape is self.event_shape else self.event_shape
            return ops.zeros((*batch, *other)), ops.zeros(batch)
        if len(batch) == 1:
            return function(value, condition)
        if condition is not None:
            condition = ops.reshape(condition, (-1, condition.shape[-1]))
        mapped, log_det = function(ops.reshape(value, (-1, *shape)), condition)
        return (
            ops.reshape(mapped, (*batch, *mapped.shape[1:])),
            ops.reshape(log_det, batch),
        )

    def _standardize_condition(self, condition, num_batch_axes):
        if self.condition_dim is None:
            return None
        if condition is None:
            raise ValueError(
                f"{type(self).__name__} was made with condition_dim="
                f"{self.condition_dim}: it needs a `condition`."
            )
        condition = ops.cast(condition, "float32")
        if (
            len(condition.shape) != num_batch_axes + 1
            or condition.shape[-1] != self.condition_dim
        ):
            raise ValueError(
                f"`condition` must have shape (*batch, {self.condition_dim}), with the "
                "batch axes of the data. "
                f"Received: condition.shape={tuple(condition.shape)}"
            )
        return condition
