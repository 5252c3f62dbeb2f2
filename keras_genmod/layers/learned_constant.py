"""A map that is the same for every example, and learnt."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_genmod import checks


@keras.saving.register_keras_serializable("keras_genmod")
class LearnedConstant(keras.layers.Layer):
    """Returns a weight, once for each example of its input, which else is ignored.

    Args:
        shape: Non-empty tuple of positive ints, without the batch.
        initializer: "ones", as in StyleGAN, or "normal", N(0, 1), as in StyleGAN2.
        **kwargs: As in `keras.layers.Layer`.

    Raises:
        ValueError: If an argument is out of its range.

    References:
        Karras et al., 2019, arXiv:1812.04948.

    Example:
    ```python
    LearnedConstant((4, 4, 8))(keras.ops.ones((2, 3))).shape  # (2, 4, 4, 8)
    ```
    """

    def __init__(
        self, shape: Sequence[int], initializer: str = "normal", **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.shape = checks.sizes("shape", shape)
        self.initializer = checks.choice("initializer", initializer, _INITIALIZERS)

    def build(self, input_shape):
        self.constant = self.add_weight(
            shape=self.shape, initializer=_INITIALIZERS[self.initializer](), name="map"
        )

    def call(self, inputs):
        size = ops.shape(inputs)[0]
        one = ops.expand_dims(ops.convert_to_tensor(self.constant), 0)
        return ops.broadcast_to(one, (size, *self.shape))

    def compute_output_shape(self, input_shape):
        return (input_shape[0], *self.shape)

    def get_config(self):
        return {
            **super().get_config(),
            "shape": list(self.shape),
            "initializer": self.initializer,
        }


_INITIALIZERS = {
    "normal": lambda: keras.initializers.RandomNormal(stddev=1.0),
    "ones": keras.initializers.Ones,
}
