"""The approximate posterior of a latent-variable model."""

import keras
from keras import ops

from keras_genmod.distributions import Normal


def normal_heads(latent_dim: int, features: tuple[int, ...]) -> list[keras.Layer]:
    """Returns built layers from features to the means and the log-variances.

    Of a feature map they are convolutions of one pixel.
    """
    heads = [
        keras.layers.Dense(latent_dim, dtype="float32", name=name)
        for name in ("mean", "log_var")
    ]
    for head in heads:
        head.build((None, *features))
    return heads


class Posterior:
    """q(z | x): a normal, or what a flow makes of it.

    z = f(z_0) with z_0 from N(mean, diag(exp(log_var))), so
    log q(z | x) = log q(z_0 | x) - log|det df/dz_0|. Only the forward direction of f is
    needed, since densities are those of its own draws.

    Args:
        mean: Tensor of shape `(batch, *latent_shape)`.
        log_var: Tensor of that shape.
        flow: `keras_genmod.bijectors.Bijector`, or `None` for z = z_0.
        condition: Tensor `(batch, condition_dim)` of a flow with a condition.

    References:
        Rezende and Mohamed, Variational inference with normalizing flows, 2015,
        arXiv:1505.05770, section 4.
    """

    def __init__(self, mean, log_var, flow=None, condition=None):
        self.start = Normal(mean, log_var)
        self._flow = flow
        has_condition = flow is not None and flow.condition_dim is not None
        self._condition = condition if has_condition else None

    def move(self, start):
        """Returns z = f(z_0) and log|det df/dz_0|, shapes of `start` and `(batch,)`."""
        if self._flow is None:
            return start, 0.0
        return self._flow.forward_and_log_det(start, self._condition)

    def sample_and_log_prob(self, seed):
        """Returns one draw z of each entry, and log q(z | x) in nats, `(batch,)`."""
        start = self.start.sample(seed)
        z, log_det = self.move(start)
        return z, self.start.log_prob(start) - log_det

    def kl_to_standard_normal(self):
        """Returns KL(q(z_0j | x), N(0, 1)) of each latent j, `(batch, *latent_shape)`.

        In closed form, in nats; they add up to that of all latents.
        """
        mean, log_var = self.start.location, self.start.log_var
        return 0.5 * (ops.square(mean) + ops.exp(log_var) - 1.0 - log_var)

    def repeat(self, size):
        """Returns the posterior with each entry of the batch `size` times in a row."""
        return Posterior(
            repeat(self.start.location, size),
            repeat(self.start.log_var, size),
            self._flow,
            repeat(self._condition, size),
        )


def repeat(tensor, size):
    """Returns a tensor with each row `size` times in turn; `None` stays `None`."""
    return None if tensor is None else ops.repeat(tensor, size, axis=0)
