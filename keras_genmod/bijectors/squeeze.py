"""Blocks of pixels as channels."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_genmod import checks
from keras_genmod.bijectors.bijector import Bijector
from keras_genmod.bijectors.events import same_for_all


@keras.saving.register_keras_serializable("keras_genmod")
class Squeeze(Bijector):
    """Images (H, W, C) are latents (H / 2, W / 2, 4 C) in another order; log|det| = 0.

    The channels of a latent pixel are those of a block of 2 x 2 pixels: channel
    4 c + 2 i + j is channel c of the pixel in row i and column j of the block.

    Args:
        event_shape: Tuple `(height, width, channels)` of the images, sides even.
        **kwargs: As in `keras.layers.Layer`.

    Raises:
        ValueError: If `event_shape` is no shape of images, or a side is odd.

    References:
        - Dinh, Sohl-Dickstein and Bengio, Density estimation using Real NVP, 2016,
          arXiv:1605.08803, section 3.6.
        - Kingma and Dhariwal, Glow, 2018, arXiv:1807.03039, for the order.

    Example:
    ```python
    z = Squeeze((28, 28, 1)).inverse(ops.ones((5, 28, 28, 1)))  # (5, 14, 14, 4)
    ```
    """

    only_moves_values = True

    def __init__(self, event_shape: Sequence[int], **kwargs: Any) -> None:
        event_shape = checks.sizes("event_shape", event_shape)
        if len(event_shape) != 3 or event_shape[0] % 2 or event_shape[1] % 2:
            raise ValueError(
                "`event_shape` must be (height, width, channels) with an even height "
                f"and width. Received: event_shape={event_shape}"
            )
        height, width, channels = event_shape
        latent_shape = (height // 2, width // 2, 4 * channels)
        super().__init__(event_shape, latent_shape, **kwargs)
        self.built = True

    def _forward_and_log_det(self, z, condition):
        rows, columns, channels = self.latent_shape
        x = ops.reshape(z, (-1, rows, columns, channels // 4, 2, 2))
        x = ops.transpose(x, (0, 1, 4, 2, 5, 3))
        return ops.reshape(x, (-1, *self.event_shape)), same_for_all(0.0, z)

    def _inverse_and_log_det(self, x, condition):
        rows, columns, channels = self.latent_shape
        z = ops.reshape(x, (-1, rows, 2, columns, 2, channels // 4))
        z = ops.transpose(z, (0, 1, 3, 5, 2, 4))
        return ops.reshape(z, (-1, *self.latent_shape)), same_for_all(0.0, x)

    def get_config(self):
        return {**super().get_config(), "event_shape": self.event_shape}
