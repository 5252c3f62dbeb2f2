"""A learnable linear map of the channels."""

from collections.abc import Sequence
from typing import Any

import keras

from keras_genmod.bijectors.bijector import Bijector
from keras_genmod.bijectors.events import sum_event
from keras_genmod.bijectors.invertible_linear import InvertibleLinear


@keras.saving.register_keras_serializable("keras_genmod")
class Invertible1x1Convolution(Bijector):
    """Every pixel of an image (H, W, C) times one matrix W: x_ij = W z_ij.

    log|det df/dz| = H W log|det W|. W is that of `InvertibleLinear`; it lets all
    channels mix between couplings, where a permutation would only reorder them.

    Args:
        event_shape: Tuple `(height, width, channels)` of the images.
        matrix: Array `(channels, channels)` that W starts as; `None` draws a random
            rotation (or reflection).
        seed: Int for the same draw each time.
        **kwargs: As in `keras.layers.Layer`.

    Raises:
        ValueError: If an argument is out of range, or the matrix singular.

    References:
        Kingma and Dhariwal, Glow, 2018, arXiv:1807.03039, sections 3.2 and 3.3.

    Note:
        In the paper W leads from data to latents; here from latents to data.

    Example:
    ```python
    x = Invertible1x1Convolution((8, 8, 4)).forward(ops.ones((5, 8, 8, 4)))
    ```
    """

    def __init__(
        self,
        event_shape: Sequence[int],
        matrix: Any = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(event_shape, **kwargs)
        if len(self.event_shape) != 3:
            raise ValueError(
                "`event_shape` must be (height, width, channels). "
                f"Received: event_shape={event_shape}"
            )
        self.linear = InvertibleLinear(self.event_shape[-1], matrix, seed)
        self.built = True

    def _forward_and_log_det(self, z, condition):
        x, log_det = self.linear.forward_and_log_det(z)  # each pixel an event
        return x, sum_event(log_det)

    def _inverse_and_log_det(self, x, condition):
        z, log_det = self.linear.inverse_and_log_det(x)
        return z, sum_event(log_det)

    def get_config(self):
        return {
            **super().get_config(),
            "event_shape": self.event_shape,
            "matrix": self.linear.matrix,
            "seed": self.linear.seed,
        }
