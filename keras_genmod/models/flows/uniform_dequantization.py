"""Uniform noise inside each level."""

from typing import Any

import keras
from keras import ops

from keras_genmod.engine import uniform
from keras_genmod.models.flows.dequantization import Dequantization


@keras.saving.register_keras_serializable("keras_genmod")
class UniformDequantization(Dequantization):
    """v = (k + u) / num_levels with u ~ Uniform[0, 1): log q(u | x) = 0.

    Args:
        num_levels: Int from 2 to 65,536; values are k / (num_levels - 1).
        **kwargs: As in `keras.layers.Layer`.

    Raises:
        ValueError: If `num_levels` is another one.

    References:
        - Theis, van den Oord and Bethge, A note on the evaluation of generative
          models, 2016, arXiv:1511.01844.

    Example:
    ```python
    preprocessing = Sigmoid((784,), margin=1e-6)
    model = NormalizingFlow(
        Chain([*layers, preprocessing]), dequantization=UniformDequantization(256)
    )
    ```
    """

    def __init__(self, num_levels: int, **kwargs: Any) -> None:
        super().__init__(num_levels, **kwargs)
        self.built = True

    def noise(self, x: Any, seed: int | None) -> Any:
        u = uniform(ops.shape(x), seed)
        return u, ops.zeros((ops.shape(x)[0],), "float32")
