"""How much the images of a batch vary, as a feature of a discriminator."""

from typing import Any

import keras
from keras import ops

from keras_genmod import checks

_EPSILON = 1e-8  # inside the square root, whose slope at 0 is infinite


@keras.saving.register_keras_serializable("keras_genmod")
class MinibatchStandardDeviation(keras.layers.Layer):
    """Appends a map of how much a group of images varies: it shows collapsed modes.

    The standard deviation (population's, divisor n) over the images of a group, at each
    pixel and feature, averaged over all of these: one number a group, and the same
    map for each of its images.

    With G = max(1, batch // group_size) groups, image i is in group i mod G, as in the
    authors' code. Groups hold `group_size` images, or some of them one more or several
    where that does not divide the batch: any batch is taken.

    Args:
        group_size: Int of at least 2.
        **kwargs: As in `keras.layers.Layer`.

    Call arguments:
        inputs: Tensor of shape `(batch, height, width, channels)`.

    Returns:
        Tensor of shape `(batch, height, width, channels + 1)`.

    Raises:
        ValueError: If `group_size` is not such an int.

    References:
        Karras et al., Progressive growing of GANs, 2018, arXiv:1710.10196.

    Note:
        - The authors' code fails where `group_size` does not divide the batch.
        - Groups are of what one call sees: with several replicas, or slices of a batch
          (`discriminator_steps`), of each replica's or slice's images.
        - Scores of a discriminator with this layer depend on the other images of the
          batch. Gradient penalties then hold terms across images, as in the authors'
          code.

    Example:
    ```python
    layer = MinibatchStandardDeviation()
    layer(keras.ops.ones((8, 4, 4, 16))).shape  # (8, 4, 4, 17), the last one 0
    ```
    """

    def __init__(self, group_size: int = 4, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.group_size = checks.integer("group_size", group_size, 2)
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def call(self, inputs):
        height, width, channels = inputs.shape[1:]
        x = ops.reshape(ops.cast(inputs, "float32"), (-1, height * width * channels))
        batch = ops.shape(x)[0]
        # A number on JAX and torch, a tensor in a graph of TensorFlow
        num_groups = batch // self.group_size
        num_groups += ops.cast(num_groups < 1, "int32")
        group = ops.arange(batch, dtype="int32") % num_groups
        member = ops.cast(  # (batch, groups at most): 1 where an image is in a group
            ops.expand_dims(group, 1) == ops.arange(batch, dtype="int32"), "float32"
        )
        share = member / ops.maximum(ops.sum(member, axis=0), 1.0)
        mean = ops.matmul(ops.transpose(share), x)  # of each group
        centred = x - ops.matmul(member, mean)
        variance = ops.matmul(ops.transpose(share), ops.square(centred))
        deviation = ops.mean(ops.sqrt(variance + _EPSILON), axis=1, keepdims=True)
        column = ops.matmul(member, deviation)  # (batch, 1)
        maps = ops.tile(ops.reshape(column, (-1, 1, 1, 1)), (1, height, width, 1))
        return ops.concatenate([inputs, ops.cast(maps, inputs.dtype)], axis=-1)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], input_shape[-1] + 1)

    def get_config(self):
        return {**super().get_config(), "group_size": self.group_size}
