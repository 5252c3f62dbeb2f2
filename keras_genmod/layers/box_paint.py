"""What masks in boxes show of an image."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_genmod import checks
from keras_genmod.layers.box_weights import painting_weights


@keras.saving.register_keras_serializable("keras_genmod")
class BoxPaint(keras.layers.Layer):
    """Paints the mask of each object into its box of an empty image.

    A pixel gets the mask's value at its centre, linearly between the mask's pixels,
    times the share of the pixel that lies in the box. So a mask of ones has as many
    pixels as its box has area, and one of the image's size in the box (0, 0, 1, 1)
    stays as it is. With `vectors` v_i of the objects, their sum
    sum_i v_i mask_i(pixel) is a layout of the scene.

    Args:
        image_size: Tuple `(height, width)`.
        **kwargs: As in `keras.layers.Layer`.

    Call arguments:
        inputs: List of masks `(batch, objects, size, size)` and boxes
            `(batch, objects, 4)`: left, top, right, bottom in [0, 1].

    Returns:
        Float32 tensor `(batch, objects, height, width)`.

    Raises:
        ValueError: If `image_size` are not two positive ints.

    References:
        Johnson, Gupta and Fei-Fei, Image generation from scene graphs, 2018,
        arXiv:1804.01622.

    Note:
        The paper takes masks at the centres of pixels alone. With the share that a box
        covers the outer pixels follow boxes smoothly, and a box gets gradients from
        what lies outside of it.

    Example:
    ```python
    masks = keras.ops.ones((1, 2, 16, 16))
    boxes = keras.ops.array([[[0.0, 0.0, 0.5, 0.5], [0.3, 0.2, 1.0, 0.9]]])
    painted = BoxPaint((32, 32))([masks, boxes])  # (1, 2, 32, 32)
    ```
    """

    def __init__(self, image_size: Sequence[int], **kwargs: Any) -> None:
        # Half precision has not the digits of a place in an image.
        super().__init__(autocast=False, **kwargs)
        self.image_size = checks.sizes("image_size", image_size, rank=2)

    def call(self, inputs):
        masks, boxes = (ops.cast(x, "float32") for x in inputs)
        height, width = self.image_size
        left, top, right, bottom = ops.unstack(boxes, axis=-1)  # each (batch, objects)
        rows = painting_weights(top, bottom, height, masks.shape[-2])
        columns = painting_weights(left, right, width, masks.shape[-1])
        columns = ops.swapaxes(columns, -1, -2)  # (batch, objects, size, width)
        return ops.matmul(ops.matmul(rows, masks), columns)

    def compute_output_shape(self, input_shape):
        return (*input_shape[0][:2], *self.image_size)

    def get_config(self):
        return {**super().get_config(), "image_size": self.image_size}
