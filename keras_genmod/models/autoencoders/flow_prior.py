"""A prior over latents that is learned as a flow."""

from keras_genmod.distributions import StandardNormal


class FlowPrior:
    """p(z): z = g(w) with w from N(0, I).

    log p(z) = log N(w; 0, I) + log|det dw/dz| with w = g^-1(z): g needs both
    directions. It stands where a `StandardNormal` does.

    Args:
        flow: `keras_genmod.bijectors.Bijector` g, of one shape on both sides.
    """

    def __init__(self, flow):
        self._flow = flow
        self._base = StandardNormal(flow.latent_shape)
        self.event_shape = flow.event_shape

    def log_prob(self, value):
        """Returns the log-density in nats, shape `(batch,)`."""
        latents, log_det = self._flow.inverse_and_log_det(value)
        return self._base.log_prob(latents) + log_det

    def sample(self, num_samples, seed):
        """Returns float32 draws of shape `(num_samples, *event_shape)`."""
        return self._flow.forward(self._base.sample(num_samples, seed))
