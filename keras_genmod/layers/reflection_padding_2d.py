"""Padding of images by reflection at their borders."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("keras_genmod")
class ReflectionPadding2D(keras.layers.Layer):
    """Pads images with their own mirror image, the border pixel not repeated.

    A row `1 2 3 4` padded by 2 becomes `3 2 1 2 3 4 3 2`, as by
    `numpy.pad(mode="reflect")`.

    Args:
        padding: Integer of at least 0, the pixels added on each of the four sides;
            smaller than the image.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: Tensor of shape `(batch, height, width, channels)`.

    Returns:
        Tensor of shape
        `(batch, height + 2 * padding, width + 2 * padding, channels)`.

    Raises:
        ValueError: If `padding` is negative, or not smaller than the image.

    Example:
        ```python
        layer = ReflectionPadding2D(padding=3)
        layer(keras.ops.ones((1, 8, 8, 1))).shape  # (1, 14, 14, 1)
        ```
    """

    def __init__(self, padding: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(padding, int) or isinstance(padding, bool) or padding < 0:
            raise ValueError(
                "`padding` must be an integer of at least 0. "
                f"Received: padding={padding!r}"
            )
        self.padding = padding
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def build(self, input_shape):
        sides = [side for side in input_shape[1:3] if side is not None]
        if any(side <= self.padding for side in sides):
            raise ValueError(
                "`padding` must be smaller than the image. "
                f"Received: padding={self.padding}, inputs of shape {input_shape}"
            )
        super().build(input_shape)

    def call(self, inputs):
        if self.padding == 0:  # torch refuses to reflect nothing
            return inputs
        both = (self.padding, self.padding)
        return ops.pad(inputs, ((0, 0), both, both, (0, 0)), mode="reflect")

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        added = 2 * self.padding
        height = None if height is None else height + added
        width = None if width is None else width + added
        return (batch, height, width, channels)

    def get_config(self):
        return {**super().get_config(), "padding": self.padding}
