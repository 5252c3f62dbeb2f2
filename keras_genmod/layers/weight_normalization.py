"""Weights as a direction and a length, started from data."""

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_genmod import checks

_EPSILON = 1e-12  # inside the square root of the norm
_SMALLEST_DEVIATION = 1e-3  # of a feature that is taken to vary over the data


@keras.saving.register_keras_serializable("keras_genmod")
class WeightNormalization(keras.layers.Wrapper):
    """Gives the kernel of a layer a length of its own for each feature.

    kernel = scale v / |v|, where v is the wrapped layer's kernel and the norm is taken
    over all that goes into one output feature. `scale` and `bias` are the wrapper's.

    `initialize` sets both from data. Features that do not vary there (constant
    channels) or are no finite numbers keep a scale of `initial_deviation`, so that no
    data can start the layer at infinity or NaN.

    Args:
        layer: `ShiftedConv2D` or `ShiftedConv2DTranspose` made with `use_bias=False`.
        initial_deviation: Positive float, the standard deviation of the outputs after
            `initialize`; their mean is 0.
        **kwargs: As in `keras.layers.Layer`.

    Raises:
        ValueError: If `layer` is another one, or has a bias.

    References:
        Salimans and Kingma, Weight normalization, 2016, arXiv:1602.07868.

    Example:
    ```python
    layer = WeightNormalization(ShiftedConv2D(16, (2, 3), "down", use_bias=False))
    layer.initialize(images)
    features = layer(images)  # mean 0, standard deviation 1
    ```
    """

    def __init__(
        self, layer: keras.Layer, initial_deviation: float = 1.0, **kwargs: Any
    ) -> None:
        if not hasattr(layer, "convolve") or layer.use_bias:
            raise ValueError(
                "`layer` must be a ShiftedConv2D or ShiftedConv2DTranspose made with "
                f"`use_bias=False`. Received: layer={layer!r}"
            )
        initial_deviation = checks.positive("initial_deviation", initial_deviation)
        super().__init__(layer, **kwargs)
        self.initial_deviation = initial_deviation

    def build(self, input_shape):
        super().build(input_shape)
        shape = (self.layer.filters,)
        self.scale = self.add_weight(
            shape=shape,
            initializer=keras.initializers.Constant(self.initial_deviation),
            name="scale",
        )
        self.bias = self.add_weight(shape=shape, initializer="zeros", name="bias")

    def _kernel(self, scale):
        """Returns the kernel with the given length of each feature, float32."""
        direction = ops.cast(self.layer.kernel, "float32")
        squared = ops.sum(ops.square(direction), axis=(0, 1, 2))
        return direction * (ops.cast(scale, "float32") * ops.rsqrt(squared + _EPSILON))

    def call(self, inputs):
        kernel = ops.cast(self._kernel(self.scale), self.compute_dtype)
        return self.layer.convolve(inputs, kernel, self.bias)

    def initialize(self, x: Any) -> None:
        """Sets scale and bias so that the outputs for `x` have mean 0.

        Args:
            x: Float tensor `(batch, height, width, inputs)`, with known values.
        """
        if not self.built:
            self.build(x.shape)
        kernel = self._kernel(ops.ones((self.layer.filters,)))
        outputs = self.layer.convolve(ops.cast(x, "float32"), kernel)
        outputs = ops.convert_to_numpy(outputs).astype("float64")
        finite = np.isfinite(outputs).all(axis=(0, 1, 2))
        outputs = np.where(finite, outputs, 0.0)
        mean, deviation = outputs.mean(axis=(0, 1, 2)), outputs.std(axis=(0, 1, 2))
        varies = deviation > _SMALLEST_DEVIATION
        scale = self.initial_deviation / np.where(varies, deviation, 1.0)
        self.scale.assign(scale)
        self.bias.assign(-mean * scale)

    def compute_output_shape(self, input_shape):
        return self.layer.compute_output_shape(input_shape)

    def incremental(self, batch_size: int, width: int) -> Any:
        """Returns the wrapped layer's other form, with the normalised weights.

        Args:
            batch_size: Positive int, the number of images.
            width: Positive int, of the layer's input in pixels.
        """
        kernel = self._kernel(self.scale)
        return self.layer.incremental(batch_size, width, kernel, self.bias)

    def get_config(self):
        return {
            **super().get_config(),
            "initial_deviation": self.initial_deviation,
        }
