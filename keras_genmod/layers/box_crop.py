"""What boxes show of images."""

from typing import Any

import keras
from keras import ops

from keras_genmod import checks
from keras_genmod.layers.box_weights import reading_weights


@keras.saving.register_keras_serializable("keras_genmod")
class BoxCrop(keras.layers.Layer):
    """Cuts boxes out of images and brings them to one size.

    Pixels are read linearly between the nearest ones, so that images and boxes get
    gradients; the box of the whole image gives an image of this size unchanged.

    Args:
        size: Positive int, height and width of what is cut out.
        **kwargs: As in `keras.layers.Layer`.

    Call arguments:
        inputs: List of images `(batch, height, width, channels)` and boxes
            `(batch, boxes, 4)`: left, top, right, bottom in [0, 1].

    Returns:
        Float32 tensor `(batch, boxes, size, size, channels)`.

    Raises:
        ValueError: If `size` is not a positive int.

    References:
        Johnson, Gupta and Fei-Fei, Image generation from scene graphs, 2018,
        arXiv:1804.01622, after Jaderberg et al., Spatial transformer networks, 2015,
        arXiv:1506.02025.

    Example:
    ```python
    boxes = [[[0.0, 0.0, 0.5, 0.5], [0.5, 0.5, 1.0, 1.0]]]
    corners = BoxCrop(8)([images, keras.ops.array(boxes)])  # (1, 2, 8, 8, 3)
    ```
    """

    def __init__(self, size: int, **kwargs: Any) -> None:
        # Half precision has not the digits of a place in an image.
        super().__init__(autocast=False, **kwargs)
        self.size = checks.positive_int("size", size)

    def call(self, inputs):
        images, boxes = (ops.cast(x, "float32") for x in inputs)
        height, width, channels = images.shape[1:]
        left, top, right, bottom = ops.unstack(boxes, axis=-1)  # each (batch, boxes)
        rows = reading_weights(top, bottom, self.size, height)
        columns = reading_weights(left, right, self.size, width)
        num_boxes = boxes.shape[1]
        flat = ops.reshape(images, (-1, height, width * channels))
        rows = ops.reshape(rows, (-1, num_boxes * self.size, height))
        cut = ops.matmul(rows, flat)  # (batch, boxes * size, width * channels)
        cut = ops.reshape(cut, (-1, num_boxes, self.size, width, channels))
        columns = columns[:, :, None]  # (batch, boxes, 1, size, width)
        return ops.matmul(columns, cut)  # (batch, boxes, size, size, channels)

    def compute_output_shape(self, input_shape):
        images, boxes = input_shape
        return (images[0], boxes[1], self.size, self.size, images[-1])

    def get_config(self):
        return {**super().get_config(), "size": self.size}
