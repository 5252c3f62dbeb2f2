"""Noise on every pixel, of a strength that is learnt."""

from typing import Any

import keras
from keras import ops

from keras_genmod import checks
from keras_genmod.engine import SeedGenerator, normal


@keras.saving.register_keras_serializable("keras_genmod")
class NoiseInjection(keras.layers.Layer):
    """x + strength n, with n from N(0, 1) for each pixel and `strength` from 0.

    In training noise is drawn anew for each image; else it is one fixed map, a weight
    drawn when the layer is built, so that an image follows from its latents alone.

    Args:
        per_channel: Boolean, whether each channel has a strength of its own, as in
            StyleGAN; StyleGAN2 has one number. The noise is the same in all channels.
        seed: Int or `None`.
        **kwargs: As in `keras.layers.Layer`.

    Call arguments:
        inputs: Tensor of shape `(batch, height, width, channels)`.

    Raises:
        ValueError: If an argument is out of its range.

    References:
        Karras et al., 2019, arXiv:1812.04948 and arXiv:1912.04958.

    Example:
    ```python
    features = NoiseInjection()(features)
    ```
    """

    def __init__(
        self, per_channel: bool = False, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.per_channel = checks.boolean("per_channel", per_channel)
        self.seed = checks.seed("seed", seed)
        self.seed_generator = SeedGenerator(seed)
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def build(self, input_shape):
        _, height, width, channels = input_shape
        self.strength = self.add_weight(
            shape=(channels,) if self.per_channel else (),
            initializer="zeros",
            name="strength",
        )
        self.noise = self.add_weight(
            shape=(1, height, width, 1),
            initializer=keras.initializers.RandomNormal(stddev=1.0, seed=self.seed),
            trainable=False,
            name="noise",
        )

    def call(self, inputs, training=False):
        noise = ops.convert_to_tensor(self.noise)
        if training:
            shape = (ops.shape(inputs)[0], *inputs.shape[1:3], 1)
            noise = normal(shape, self.seed_generator)
        return inputs + self.strength * ops.cast(noise, inputs.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "per_channel": self.per_channel,
            "seed": self.seed,
        }
