"""What every dequantization is: levels to densities and back."""

import math
from typing import Any

import keras
from keras import ops

from keras_genmod import checks
from keras_genmod.engine import clip
from keras_genmod.models import valid_data


class Dequantization(keras.layers.Layer):
    """q(v | x): values v in [0, 1) that fall on a level x = k / (num_levels - 1).

    v = (k + u) / num_levels with u in [0, 1) from q(u | x), so that with D values an
    example log q(v | x) = log q(u | x) + D log num_levels. For every density p(v)

    log P(x) = log E_q[p(v) / q(v | x)] >= E_q[log p(v) - log q(v | x)]

    bounds the probability of the levels. A subclass defines `noise`. Computation is
    float32 under every policy.

    Args:
        num_levels: Int from 2 to 65,536, the levels of a value.
        **kwargs: As in `keras.layers.Layer`.

    Raises:
        ValueError: If `num_levels` is another one.
    """

    #: Shape of the examples that it takes, without the batch; `None` for any.
    event_shape: tuple[int, ...] | None = None

    def __init__(self, num_levels: int, **kwargs: Any) -> None:
        super().__init__(autocast=False, **kwargs)
        self.num_levels = checks.integer(
            "num_levels", num_levels, 2, 2**16, "more than float32 tells apart"
        )

    def noise(self, x: Any, seed: int | None) -> Any:
        """Returns u of the shape of `x` and log q(u | x) in nats, `(batch,)`."""
        raise NotImplementedError

    def sample_and_log_prob(self, x: Any, seed: int | None) -> Any:
        """Draws values inside the levels.

        Args:
            x: Float32 tensor `(batch, *event_shape)` of levels k / (num_levels - 1).
            seed: Int or `keras.random.SeedGenerator`.

        Returns:
            v of the shape of `x` in [0, 1), and log q(v | x) in nats, `(batch,)`; NaN
            for an example with a value between levels.
        """
        k = ops.round(x * (self.num_levels - 1))
        u, log_prob = self.noise(x, seed)
        # Rounding may not carry a value into the next level, nor to 1.
        u = ops.minimum(u, 1.0 - self.num_levels * 2.0**-23)
        num_dims = math.prod(x.shape[1:])
        log_prob = log_prob + num_dims * math.log(self.num_levels)
        valid = valid_data.on_levels(x, self.num_levels)
        return (k + u) / self.num_levels, valid_data.nan_unless(valid, log_prob)

    def centre(self, x: Any) -> Any:
        """Returns the middle of each level `x`, in (0, 1)."""
        return (ops.round(x * (self.num_levels - 1)) + 0.5) / self.num_levels

    def to_levels(self, v: Any) -> Any:
        """Returns the level k / (num_levels - 1) that each value falls on.

        Values outside [0, 1) fall on the first or the last one.
        """
        top = self.num_levels - 1
        return clip(ops.floor(v * self.num_levels), 0, top) / top

    def call(self, x, seed):
        return self.sample_and_log_prob(x, seed)[0]

    def get_config(self):
        return {**super().get_config(), "num_levels": self.num_levels}
