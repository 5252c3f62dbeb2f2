"""The score of a discriminator that is asked for a class."""

from typing import Any

import keras
from keras import ops

from keras_genmod import checks
from keras_genmod.layers.input_lists import listed
from keras_genmod.layers.spectral_normalization import SpectralNormalization

_INPUTS = ("features (batch, features)", "conditions (batch, condition_dim)")
#: How kernels start.
INITIALIZERS = ("glorot_uniform", "orthogonal")


@keras.saving.register_keras_serializable("keras_genmod")
class ProjectionHead(keras.layers.Layer):
    """score = w.phi + b + (V c).phi, for features phi and a condition c.

    The label enters by an inner product with the features, as it does in the log of a
    ratio of densities whose classes are log-linear in them. w and V have spectral norm
    1; V has no bias.

    Args:
        kernel_initializer: "glorot_uniform" or "orthogonal", how w and V start.
        **kwargs: As in `keras.layers.Layer`.

    Call arguments:
        inputs: List of features `(batch, features)` and conditions, one-hot labels
            say, `(batch, condition_dim)`.

    Returns:
        Scores (logits) of shape `(batch, 1)`.

    Raises:
        ValueError: If there is no such initializer, or the inputs are no such list.

    References:
        Miyato and Koyama, cGANs with projection discriminator, 2018, arXiv:1802.05637.

    Example:
    ```python
    scores = ProjectionHead()([features, keras.ops.one_hot(labels, 10)])
    ```
    """

    def __init__(
        self, kernel_initializer: str = "glorot_uniform", **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.kernel_initializer = checks.choice(
            "kernel_initializer", kernel_initializer, INITIALIZERS
        )

    def build(self, input_shape):
        features, condition = listed(input_shape, *_INPUTS)
        self.score = self._dense(1, True, features)
        self.embedding = self._dense(features[-1], False, condition)

    def _dense(self, units, use_bias, input_shape):
        layer = keras.layers.Dense(
            units,
            use_bias=use_bias,
            kernel_initializer=self.kernel_initializer,
            dtype=self.dtype_policy,
        )
        layer = SpectralNormalization(layer, dtype=self.dtype_policy)
        layer.build(input_shape)
        return layer

    def call(self, inputs: Any) -> Any:
        features, condition = listed(inputs, *_INPUTS)
        projected = self.embedding(condition) * features
        return self.score(features) + ops.sum(projected, axis=-1, keepdims=True)

    def compute_output_shape(self, input_shape):
        return (input_shape[0][0], 1)

    def get_config(self):
        return {**super().get_config(), "kernel_initializer": self.kernel_initializer}
