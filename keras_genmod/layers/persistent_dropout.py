"""Dropout that is the noise of a generator, and so never switched off."""

import contextlib
import contextvars
from collections.abc import Iterator
from typing import Any

import keras
from keras import ops

from keras_genmod import checks
from keras_genmod.engine import SeedGenerator, Seeds, uniform

_seeds: contextvars.ContextVar[Seeds | None] = contextvars.ContextVar(
    "seeds", default=None
)


@contextlib.contextmanager
def drawing_from(seeds: Seeds) -> Iterator[None]:
    """Has every `PersistentDropout` that is called meanwhile draw from given seeds.

    Inside a compiled call no layer can advance its own; and two calls of a network
    from one state make the same noise.

    Args:
        seeds: `Seeds`.
    """
    token = _seeds.set(seeds)
    try:
        yield
    finally:
        _seeds.reset(token)


@keras.saving.register_keras_serializable("keras_genmod")
class PersistentDropout(keras.layers.Layer):
    """y = m x / (1 - rate) with m from Bernoulli(1 - rate), in training and after it.

    In training each example has a mask of its own. Else all examples of a call share
    one, so that what becomes of an example does not depend on those beside it; another
    call draws another mask.

    Args:
        rate: Number in [0, 1), the share of values that become 0.
        seed: Int for a repeatable stream of masks, or `None`.
        **kwargs: As in `keras.layers.Layer`.

    Call arguments:
        inputs: Float tensor `(batch, ...)`.
        training: Whether each example gets a mask of its own.

    Returns:
        Tensor of that shape.

    Raises:
        ValueError: If `rate` is out of range.

    References:
        Isola et al., Image-to-image translation with conditional adversarial networks,
        2017, arXiv:1611.07004, whose generator has no other noise.

    Example:
    ```python
    layer = PersistentDropout(0.5, seed=0)
    layer(keras.ops.ones((4, 3)), training=False)  # zeros and twos, four equal rows
    ```
    """

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rate = checks.fraction("rate", rate)
        if rate == 1:
            raise ValueError(
                f"`rate` must be below 1, or nothing is left. Received: rate={rate}"
            )
        self.seed = checks.seed("seed", seed)
        self.seed_generator = SeedGenerator(seed)
        self.built = True

    def call(self, inputs, training=False):
        num_masks = ops.shape(inputs)[0] if training else 1
        seeds = _seeds.get() or self.seed_generator
        noise = uniform((num_masks, *inputs.shape[1:]), seeds)
        kept = ops.cast(noise >= self.rate, inputs.dtype)
        return inputs * kept / (1.0 - self.rate)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "rate": float(self.rate), "seed": self.seed}
