"""The contract of bijectors."""

import keras


class Bijector(keras.layers.Layer):
    """An invertible map x = f(z) of events, with its log-determinants.

    "Forward" goes from the latent side to the data side. A bijector is built when it
    is made. Computation is float32 under every policy.

    Args:
        event_shape: Shape of one event, without the batch.
        **kwargs: As in `keras.layers.Layer`.
    """

    def __init__(self, event_shape, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.event_shape = tuple(event_shape)

    def forward_and_log_det(self, z):
        """Returns `x = f(z)` and log|det df/dz|, `(batch, *event)` and `(batch,)`."""
        raise NotImplementedError

    def inverse_and_log_det(self, x):
        """Returns `z` with f(z) = x and log|det dz/dx|, shapes as above."""
        raise NotImplementedError

    def call(self, z):
        """Returns the forward value alone."""
        return self.forward_and_log_det(z)[0]
