"""Batch normalization whose gain and bias follow a condition."""

from typing import Any

import keras
from keras import ops

from keras_genmod import checks
from keras_genmod.layers.input_lists import listed
from keras_genmod.layers.spectral_normalization import SpectralNormalization

_INPUTS = (
    "features (batch, height, width, channels)",
    "conditions (batch, condition_dim)",
)


@keras.saving.register_keras_serializable("keras_genmod")
class ConditionalBatchNormalization(keras.layers.Layer):
    """y = (1 + W c) BN(x) + V c, for a condition c of each example.

    BN is batch normalization without gain and bias; W and V have none either. With
    one-hot labels c, each class has a gain and a bias of its own; with c = [embedding,
    latents] it is that of BigGAN.

    Args:
        momentum: Number in [0, 1], of the moving statistics.
        epsilon: Positive number, added to the variance.
        spectral: Boolean, whether W and V have spectral norm 1, as in BigGAN. They then
            start orthogonal, else from zero: the layer starts as plain batch
            normalization, whatever the condition.
        kernel_regularizer: `keras.regularizers.Regularizer` or `None`, of W and V.
        **kwargs: As in `keras.layers.Layer`.

    Call arguments:
        inputs: List of a tensor `(batch, height, width, channels)` and a condition
            `(batch, condition_dim)`.

    Returns:
        Tensor of the shape of the first.

    Raises:
        ValueError: If an argument is out of its range, or the inputs are no such list.

    References:
        - Dumoulin et al., A learned representation for artistic style, 2017,
          arXiv:1610.07629.
        - Brock et al., Large scale GAN training, 2019, arXiv:1809.11096.

    Example:
    ```python
    layer = ConditionalBatchNormalization()
    layer([features, keras.ops.one_hot(labels, 10)], training=True)
    ```
    """

    def __init__(
        self,
        *,
        momentum: float = 0.9,
        epsilon: float = 1e-5,
        spectral: bool = False,
        kernel_regularizer: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.momentum = checks.fraction("momentum", momentum)
        self.epsilon = checks.positive("epsilon", epsilon)
        self.spectral = checks.boolean("spectral", spectral)
        self.kernel_regularizer = _regularizer(kernel_regularizer)

    def build(self, input_shape):
        features, condition = listed(input_shape, *_INPUTS)
        self.normalization = _Normalization(
            momentum=self.momentum,
            epsilon=self.epsilon,
            center=False,
            scale=False,
            dtype=self.dtype_policy,
        )
        self.normalization.build(features)
        self.gain = self._projection(features[-1], condition)
        self.bias = self._projection(features[-1], condition)

    def _projection(self, units, condition_shape):
        layer = keras.layers.Dense(
            units,
            use_bias=False,
            kernel_initializer="orthogonal" if self.spectral else "zeros",
            kernel_regularizer=self.kernel_regularizer,
            dtype=self.dtype_policy,
        )
        if self.spectral:
            layer = SpectralNormalization(layer, dtype=self.dtype_policy)
        layer.build(condition_shape)
        return layer

    def call(self, inputs):
        x, condition = listed(inputs, *_INPUTS)
        gain, bias = (
            ops.reshape(layer(condition), (-1, 1, 1, x.shape[-1]))
            for layer in (self.gain, self.bias)
        )
        return self.normalization(x, 1.0 + gain, bias)

    def compute_output_shape(self, input_shape):
        return input_shape[0]

    def get_config(self):
        return {
            **super().get_config(),
            "momentum": self.momentum,
            "epsilon": self.epsilon,
            "spectral": self.spectral,
            "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer),
        }


class _Normalization(keras.layers.BatchNormalization):
    """Batch normalization with a gain and a bias of each example, in one product."""

    def call(self, x, gain, bias, training=None):
        dtype = keras.backend.result_type(x.dtype, "float32")
        x, gain, bias = (ops.cast(tensor, dtype) for tensor in (x, gain, bias))
        mean, variance = self.moving_mean, self.moving_variance
        if training and self.trainable:
            averages = mean, variance
            mean, variance = ops.moments(x, axes=(0, 1, 2))
            for average, value in zip(averages, (mean, variance), strict=True):
                average.assign(self.momentum * average + (1.0 - self.momentum) * value)
        gain = gain * ops.rsqrt(variance + self.epsilon)
        return ops.cast(x * gain + (bias - mean * gain), self.compute_dtype)


def _regularizer(given):
    if isinstance(given, dict):  # of a file
        try:
            given = keras.regularizers.deserialize(given)
        except (TypeError, ValueError, KeyError):
            pass
    if given is not None and not isinstance(given, keras.regularizers.Regularizer):
        raise ValueError(
            "`kernel_regularizer` must be a `keras.regularizers.Regularizer` or None. "
            f"Received: kernel_regularizer={given!r}"
        )
    return given
