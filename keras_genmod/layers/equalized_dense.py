"""A dense layer whose weights all learn at one speed."""

import math
from typing import Any

import keras
from keras import ops

from keras_genmod import checks


@keras.saving.register_keras_serializable("keras_genmod")
class EqualizedDense(keras.layers.Dense):
    """Dense layer with weights from N(0, 1) that are scaled where they are used.

    y = activation(x (c W) + m b), c = m gain / sqrt(inputs), W from N(0, 1 / m^2),
    m = `learning_rate_multiplier`. Outputs start with the variance that He's
    initialization gives, while a step of Adam, whose length is its learning rate, moves
    c W by c times that: by the same share in wide and in narrow layers.

    Args:
        units: Positive int.
        gain: Positive number, sqrt(2) in front of a (leaky) ReLU.
        learning_rate_multiplier: Positive number; 0.01 in StyleGAN's mapping.
        **kwargs: Further arguments of `keras.layers.Dense`, but `kernel_initializer`.

    Raises:
        ValueError: If an argument is out of its range.

    References:
        Karras et al., Progressive growing of GANs, 2018, arXiv:1710.10196;
        A style-based generator architecture, 2019, arXiv:1812.04948 (the multiplier).

    Example:
    ```python
    EqualizedDense(1, gain=1.0)(keras.ops.ones((2, 8))).shape  # (2, 1)
    ```
    """

    def __init__(
        self,
        units: int,
        gain: float = math.sqrt(2.0),
        learning_rate_multiplier: float = 1.0,
        **kwargs: Any,
    ) -> None:
        units = checks.positive_int("units", units)
        self.gain = float(checks.positive("gain", gain))
        self.learning_rate_multiplier = float(
            checks.positive("learning_rate_multiplier", learning_rate_multiplier)
        )
        start = keras.initializers.RandomNormal(
            stddev=1.0 / self.learning_rate_multiplier
        )
        super().__init__(units, kernel_initializer=start, **kwargs)

    @property
    def kernel(self) -> Any:
        kernel = ops.convert_to_tensor(super().kernel)
        scale = self.gain * self.learning_rate_multiplier
        return kernel * (scale / math.sqrt(kernel.shape[0]))

    def call(self, inputs):
        outputs = ops.matmul(inputs, self.kernel)
        if self.use_bias:
            outputs = outputs + self.bias * self.learning_rate_multiplier
        return self.activation(outputs)

    def save_own_variables(self, store):
        # Keras' own would store `kernel`, which is scaled already.
        keras.layers.Layer.save_own_variables(self, store)

    def get_config(self):
        config = super().get_config()
        del config["kernel_initializer"]
        return {
            **config,
            "gain": self.gain,
            "learning_rate_multiplier": self.learning_rate_multiplier,
        }
