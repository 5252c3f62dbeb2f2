"""FactorVAE: a discriminator weighs how far latents are from independent ones.

Kim and Mnih, Disentangling by factorising, 2018, arXiv:1802.05983.

Departures: latents of one batch serve both networks. The discriminator takes one half
of them as they are and permutes the other half, where the paper encodes a second batch,
by an encoder that is one step further. It gives one logit, where the authors' code
takes the difference of two.
"""

from typing import Any

import keras
from keras import ops

from keras_genmod import checks
from keras_genmod.distributions import StandardNormal
from keras_genmod.distributions.distribution import sum_over_events
from keras_genmod.engine import Objective, call_network, uniform
from keras_genmod.layers import GaussianSampling
from keras_genmod.models import network_checks
from keras_genmod.models.adjustable import Adjustable
from keras_genmod.models.adversarial.adversarial_model import AdversarialModel
from keras_genmod.models.adversarial.losses import GAN_LOSSES
from keras_genmod.models.autoencoders.latent_flows import check_networks
from keras_genmod.models.autoencoders.latent_variables import LatentVariables
from keras_genmod.models.autoencoders.output_variance import OutputVariance
from keras_genmod.models.autoencoders.posterior import Posterior, normal_heads


@keras.saving.register_keras_serializable("keras_genmod")
class FactorVAE(LatentVariables, AdversarialModel):
    """VAE whose latents are pulled towards independence by a discriminator.

    With q(z) the latents of all data and D a discriminator's logit of them,

    vae:            -log p(x | z) + KL(q(z | x), p(z)) + gamma mean D(z)
    discriminator:  (mean softplus(-D(z)) + mean softplus(D(z'))) / 2

    where each latent of z' comes from another example: z' has the marginals of q(z) and
    independent latents. The best D is log q(z) - sum_j log q(z_j), so that its mean
    estimates the total correlation KL(q(z), prod_j q(z_j)), which is reported as
    `total_correlation` in nats: too low as long as D is worse than that.

    `fit` ignores labels. `log_prob`, `elbo`, `encode`, `decode` and the rest are those
    of a `VAE`, whatever `gamma` is.

    Args:
        encoder: Built Keras model from data to features `(batch, features)`.
        decoder: Built Keras model from latents `(batch, latent_dim)` to an output of
            the data's shape: logits for "bernoulli", means for "normal".
        discriminator: Built Keras model from latents to one logit `(batch, 1)`; without
            batch normalization, which would tell one kind of batch from the other.
        latent_dim: Int of at least 2, number of latents.
        likelihood: "bernoulli" or "normal", as in `VAE`.
        gamma: Weight of the total correlation beside the KL, at least 0; 10 to 40 in
            the paper. Callbacks may set `model.gamma` between epochs. A `VAE` with
            `tc_weight=1 + gamma` minimises the same by another estimate.
        **kwargs: `seed`, `name`, `dtype` as in `GenerativeModel`.

    Raises:
        ValueError: If a network is not built, or an argument does not fit the others.

    References:
        - Kim and Mnih, Disentangling by factorising, 2018, arXiv:1802.05983.

    Note:
        `compile()` trains with Adam of rate 1e-4, beta_1 0.9 for "vae" and 0.5 for
        "discriminator", as the paper does with batches of 64.

    Example:
    ```python
    model = FactorVAE(
        networks.mlp_encoder((16, 16, 1), hidden_dims=(256,)),
        networks.mlp_decoder(6, (16, 16, 1), hidden_dims=(256,)),
        networks.mlp_decoder(6, (1,), (256, 256), activation="leaky_relu"),
        latent_dim=6,
        gamma=10.0,
    )
    model.compile()
    model.fit(x, epochs=20, batch_size=64)
    ```
    """

    gamma = Adjustable(checks.non_negative)

    def __init__(
        self,
        encoder: keras.Model,
        decoder: keras.Model,
        discriminator: keras.Model,
        latent_dim: int,
        likelihood: str = "bernoulli",
        gamma: float = 10.0,
        **kwargs: Any,
    ) -> None:
        shape = (checks.integer("latent_dim", latent_dim, 2),)
        checks.choice("likelihood", likelihood, ("bernoulli", "normal"))
        data_shape, features = check_networks(encoder, decoder, shape, None)
        network_checks.maps("discriminator", discriminator, shape, (1,))
        network_checks.warn_unless_scores("discriminator", discriminator)
        network_checks.no_batch_normalization(
            "discriminator", discriminator, "its statistics tell the kind of batch"
        )
        if likelihood == "bernoulli":
            network_checks.warn_unless_scores("decoder", decoder)
        super().__init__(data_shape=data_shape, **kwargs)
        self.encoder, self.decoder = encoder, decoder
        self.discriminator = discriminator
        self.latent_dim, self.latent_shape = latent_dim, shape
        self.likelihood = likelihood
        self.num_levels = 2 if likelihood == "bernoulli" else None
        self.gamma = gamma
        self.mean_head, self.log_var_head = normal_heads(latent_dim, features)
        self.sampling = GaussianSampling(self.seed)
        self.posterior_flow, self.prior_flow = None, None
        self.prior = StandardNormal(shape)
        self.output_variance = None
        if likelihood == "normal":
            self.output_variance = OutputVariance()
            # Past Keras' tracking: the weight is the layer's.
            self.__dict__["output_log_var"] = self.output_variance.log_var
        names = "reconstruction", "kl", "total_correlation"
        self.parts = {name: keras.metrics.Mean(name=name) for name in names}
        self.finish_construction()

    def default_optimizer(self) -> dict[str, keras.optimizers.Optimizer]:
        return {
            "vae": keras.optimizers.Adam(1e-4),
            "discriminator": keras.optimizers.Adam(1e-4, beta_1=0.5, beta_2=0.9),
        }

    def define_objectives(self) -> list[Objective]:
        vae = [self.encoder, self.mean_head, self.log_var_head, self.decoder]
        if self.output_variance is not None:
            vae.append(self.output_variance)
        return [
            Objective("vae", self._vae_loss, vae),
            Objective("discriminator", self._discriminator_loss, [self.discriminator]),
        ]

    def call(self, inputs, training=False):
        """Returns the means and log-variances of the posterior."""
        x, _ = self.data_and_condition(inputs)
        start = self._posterior(x, None, training).start
        return {"mean": start.location, "log_var": start.log_var}

    def _vae_loss(self, inputs, passed_on, training):
        x, _ = self.data_and_condition(inputs)
        features = call_network(self.encoder, x, training)
        mean, log_var = self.mean_head(features), self.log_var_head(features)
        z = self.sampling((mean, log_var))
        output = call_network(self.decoder, z, training)
        reconstruction = ops.mean(self._reconstruction(output, x))
        kl = sum_over_events(Posterior(mean, log_var).kl_to_standard_normal())
        kl = ops.mean(kl)
        # log D / (1 - D), the logit, estimates log q(z) - sum_j log q(z_j).
        correlation = ops.mean(call_network(self.discriminator, z, training))
        values = reconstruction, kl, correlation
        for tracker, value in zip(self.parts.values(), values, strict=True):
            tracker.update_state(value)
        weight = ops.convert_to_tensor(self.gamma)
        return reconstruction + kl + weight * correlation, z

    def _discriminator_loss(self, inputs, passed_on, training):
        z = ops.stop_gradient(passed_on)
        size = ops.shape(z)[0]
        # Of an odd number the one in the middle is in both halves: neither is empty.
        joint, other = z[: (size + 1) // 2], z[size // 2 :]
        independent = self._permuted(other)
        of_joint = call_network(self.discriminator, joint, training)
        of_independent = call_network(self.discriminator, independent, training)
        loss, _ = GAN_LOSSES["non_saturating"]
        return 0.5 * loss(of_joint, of_independent), None

    def _permuted(self, z):
        """Returns latents `(batch, latent_dim)`, each column in an order of its own."""
        order = ops.argsort(uniform(ops.shape(z), self.seed_generator), axis=0)
        return ops.take_along_axis(z, order, axis=0)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["num_classes"]
        names = ("encoder", "decoder", "discriminator")
        return {
            **config,
            **{n: keras.saving.serialize_keras_object(getattr(self, n)) for n in names},
            "latent_dim": self.latent_dim,
            "likelihood": self.likelihood,
            "gamma": float(self.gamma),
        }
