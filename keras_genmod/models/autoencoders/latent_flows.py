"""Checks of the networks and flows that a VAE takes, which meet at its latents."""

import math

from keras_genmod import checks
from keras_genmod.bijectors import Bijector
from keras_genmod.models import network_checks

_ALL_REALS = (-math.inf, math.inf)


def latent_shape(latent_dim) -> tuple[int, ...]:
    """Returns the shape of the latents of an example: `(n,)`, or a grid's."""
    if isinstance(latent_dim, (tuple, list)):
        return checks.sizes("latent_dim", latent_dim)
    return (checks.positive_int("latent_dim", latent_dim),)


def check_networks(encoder, decoder, latent_shape, num_classes):
    """Returns the shapes of data and features; raises a `ValueError` for others.

    Args:
        encoder: Network from data to features: the latents' shape but for the last
            axis.
        decoder: Network from latents to an output of the data's shape.
        latent_shape: Shape of the latents, without the batch.
        num_classes: Int where both take one-hot labels, too, or `None`.
    """
    data_shape, features = network_checks.shapes("encoder", encoder, num_classes)
    network_checks.maps("decoder", decoder, latent_shape, data_shape, num_classes)
    network_checks.known_shape("encoder", (*data_shape, *features))
    if len(latent_shape) == 1:
        network_checks.features("encoder", features)
    elif features[:-1] != latent_shape[:-1]:
        raise ValueError(
            f"`encoder` must end in a map of features for latents of {latent_shape}: "
            f"shape {(*latent_shape[:-1], 'features')} without the batch. Received an "
            f"output of shape {features}"
        )
    return data_shape, features


def check_latent_flows(posterior_flow, prior_flow, latent_shape, num_features):
    """Raises a `ValueError` unless both flows, where given, fit the latents.

    Args:
        posterior_flow: Bijector, or `None`; its condition are the encoder's features.
        prior_flow: Bijector, or `None`.
        latent_shape: Shape of the latents, without the batch.
        num_features: Int, the length of the encoder's features.
    """
    domains = []
    for name, flow in (("prior_flow", prior_flow), ("posterior_flow", posterior_flow)):
        if flow is not None:
            _check_shape(name, flow, latent_shape)
        domains.append(_ALL_REALS if flow is None else flow.domain)
    if prior_flow is not None and prior_flow.condition_dim is not None:
        raise ValueError(
            "`prior_flow` must have no condition: the prior is one for all data. "
            f"Received one of condition_dim={prior_flow.condition_dim}"
        )
    dim = None if posterior_flow is None else posterior_flow.condition_dim
    if dim is not None and (dim != num_features or len(latent_shape) > 1):
        raise ValueError(
            "`posterior_flow` must have the encoder's features for its condition, "
            f"condition_dim={num_features}, or none; of a grid none. Received one of "
            f"condition_dim={dim}"
        )
    (low, high), (q_low, q_high) = domains
    if q_low < low or high < q_high:
        raise ValueError(
            "`prior_flow` must give a density to all latents of the posterior, which "
            f"lie in {(q_low, q_high)}. Received one whose values lie in {(low, high)}"
        )


def _check_shape(name, flow, latent_shape):
    if not isinstance(flow, Bijector):
        raise ValueError(
            f"`{name}` must be a keras_genmod.bijectors.Bijector or None. "
            f"Received: {name}={flow!r}"
        )
    if not flow.latent_shape == flow.event_shape == latent_shape:
        raise ValueError(
            f"`{name}` must map {latent_shape} to {latent_shape}, the latents. "
            f"Received one from {flow.latent_shape} to {flow.event_shape}"
        )
    if flow.latent_domain != _ALL_REALS:
        raise ValueError(
            f"`{name}` must take all real values, since it starts from a normal. "
            f"Received one of values in {flow.latent_domain}"
        )
