"""Variational autoencoder: plain, beta, conditional, with flows on its latents."""

from typing import Any

import keras
from keras import ops

from keras_genmod import checks
from keras_genmod.distributions import Bernoulli, Normal, StandardNormal
from keras_genmod.engine import Seeds, compiled, seed_state
from keras_genmod.layers import GaussianSampling
from keras_genmod.models import network_checks, valid_data
from keras_genmod.models.adjustable import Adjustable
from keras_genmod.models.autoencoders.flow_prior import FlowPrior
from keras_genmod.models.autoencoders.latent_flows import (
    check_latent_flows,
    check_networks,
)
from keras_genmod.models.autoencoders.posterior import Posterior, normal_heads, repeat
from keras_genmod.models.generative_model import GenerativeModel
from keras_genmod.models.importance_weighting import log_mean_weight

_LIMIT = 2048  # latents decoded at a time: bounds the memory of log_prob


@keras.saving.register_keras_serializable("keras_genmod")
class VAE(GenerativeModel):
    """Latent-variable model with an amortised posterior, normal or a flow of it.

    log p(x) >= E_q[log p(x | z)] - beta KL(q(z | x), p(z)), with p(z) = N(0, I) and
    q(z | x) = N(mean(x), diag(exp(log_var(x)))). The encoder ends in features; the
    VAE owns the two dense heads on top of them.

    With flows, z = f(z_0) for a posterior draw z_0 and z = g(w) for w from N(0, I):
    log q(z | x) = log q(z_0 | x) - log|det df/dz_0| and
    log p(z) = log N(w; 0, I) - log|det dg/dw|. Then the KL, in closed form otherwise,
    is log q(z | x) - log p(z) of one draw.

    Without `num_classes`, `fit(x, y)` with `y` of the data's shape trains log p(y | z)
    with z from q(z | x) (denoising, `fit(noisy, clean)`): then `y` has to be in the
    likelihood's range, and `x` may be any real numbers. Labels, of shape `(batch,)` or
    `(batch, 1)`, are ignored.

    Args:
        encoder: Built Keras model from data to features `(batch, features)`. With
            `num_classes` it takes the list `[x, one_hot]`.
        decoder: Built Keras model from latents `(batch, latent_dim)` to an output of
            the data's shape: logits for "bernoulli", means for "normal". With
            `num_classes` it takes the list `[z, one_hot]`.
        latent_dim: Positive int, number of latents.
        likelihood: "bernoulli" for data in [0, 1] (a probability if the data are
            binary) or "normal" for real data, with one learned variance for all
            values.
        beta: Weight of the KL term, at least 0; above 1 latents disentangle. Callbacks
            may set `model.beta` between epochs, to warm it up; files keep it.
        num_classes: Int for a conditional VAE, or `None`.
        posterior_flow: `keras_genmod.bijectors.Bijector` f over `(latent_dim,)`, or
            `None`. A condition is the encoder's features, so that its parameters are
            amortised too. Only its forward direction is used: `Planar`, or `Invert`
            of a `MaskedAutoregressive` (IAF).
        prior_flow: Bijector g over `(latent_dim,)` without a condition, or `None`.
            Training uses its inverse, sampling its forward direction.
        **kwargs: `seed`, `name`, `dtype` as in `GenerativeModel`.

    Raises:
        ValueError: If an argument is out of range, or does not fit the others.

    References:
        - Kingma and Welling, Auto-encoding variational Bayes, 2013, arXiv:1312.6114.
        - Higgins et al., beta-VAE, ICLR 2017.
        - Sohn, Lee and Yan, NeurIPS 2015 (conditional).
        - Burda, Grosse and Salakhutdinov, Importance weighted autoencoders, 2015,
          arXiv:1509.00519 (`log_prob`).
        - Rybkin, Daniilidis and Levine, Simple and effective VAE training with
          calibrated decoders, 2021, arXiv:2006.13202 (the learned variance).
        - Rezende and Mohamed, Variational inference with normalizing flows, 2015,
          arXiv:1505.05770 (`posterior_flow`).
        - Kingma et al., Inverse autoregressive flow, 2016, arXiv:1606.04934.
        - Im et al., 2017, arXiv:1511.06406 (denoising; there with noise of each step).

    Note:
        The prior does not depend on the label, as in most of the literature since;
        Sohn et al. also learn p(z | y). Samples are means of p(x | z), not draws of
        single pixels.

    Example:
    ```python
    model = VAE(
        networks.mlp_encoder((28, 28, 1), hidden_dims=(400,)),
        networks.mlp_decoder(40, (28, 28, 1), hidden_dims=(400,)),
        latent_dim=40,
    )
    model.compile("adam")
    model.fit(x, epochs=20, batch_size=128)
    images = model.sample(16, seed=0)
    ```
    """

    likelihood_kind = "lower_bound"
    takes_targets = True
    beta = Adjustable(checks.non_negative)

    def __init__(
        self,
        encoder: keras.Model,
        decoder: keras.Model,
        latent_dim: int,
        likelihood: str = "bernoulli",
        beta: float = 1.0,
        num_classes: int | None = None,
        posterior_flow: Any = None,
        prior_flow: Any = None,
        **kwargs: Any,
    ) -> None:
        latent_dim = checks.positive_int("latent_dim", latent_dim)
        checks.choice("likelihood", likelihood, ("bernoulli", "normal"))
        data_shape, features = check_networks(encoder, decoder, latent_dim, num_classes)
        check_latent_flows(posterior_flow, prior_flow, latent_dim, features[0])
        if likelihood == "bernoulli":
            network_checks.warn_unless_scores("decoder", decoder)
        super().__init__(data_shape=data_shape, num_classes=num_classes, **kwargs)
        self.encoder, self.decoder = encoder, decoder
        self.latent_dim, self.likelihood = latent_dim, likelihood
        self.num_levels = 2 if likelihood == "bernoulli" else None
        self.beta = beta
        self.mean_head, self.log_var_head = normal_heads(latent_dim, features)
        self.sampling = GaussianSampling(self.seed)
        self.posterior_flow, self.prior_flow = posterior_flow, prior_flow
        normal = StandardNormal((latent_dim,))
        self.prior = normal if prior_flow is None else FlowPrior(prior_flow)
        if likelihood == "normal":
            self.output_log_var = self.add_weight(
                (), "zeros", "float32", autocast=False, name="output_log_var"
            )
        self.reconstruction_tracker = keras.metrics.Mean(name="reconstruction")
        self.kl_tracker = keras.metrics.Mean(name="kl")
        self.finish_construction()

    def call(self, inputs, training=False):
        x, condition = self.data_and_condition(inputs)
        posterior = self._posterior(x, condition, training)
        mean, log_var = posterior.start.location, posterior.start.log_var
        start = self.sampling((mean, log_var))
        z, log_det = posterior.move(start)
        output = self._decode(z, condition, training)
        kl = self._kl(posterior, start, z, log_det)
        return {"mean": mean, "log_var": log_var, "output": output, "kl": kl}

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        data = self.data_and_condition(x)[0] if y is None else ops.cast(y, "float32")
        reconstruction = -self._output_distribution(y_pred["output"]).log_prob(data)
        if self.likelihood == "bernoulli":
            # A stream's later batches come unseen; outside [0, 1] it is no bound.
            valid = valid_data.in_range(data, 0.0, 1.0)
            reconstruction = valid_data.nan_unless(valid, reconstruction)
        self.reconstruction_tracker.update_state(reconstruction, sample_weight)
        self.kl_tracker.update_state(y_pred["kl"], sample_weight)
        beta = ops.convert_to_tensor(self.beta)
        return self.mean_loss(reconstruction + beta * y_pred["kl"], sample_weight)

    def _posterior(self, x, condition, training=False):
        # q(z_0 | x) = N(mean, diag(exp(log_var))), z = f(z_0; features)
        inputs = x if condition is None else [x, condition]
        features = self.encoder(inputs, training=training)
        mean, log_var = self.mean_head(features), self.log_var_head(features)
        return Posterior(mean, log_var, self.posterior_flow, features)

    def _decode(self, z, condition, training=False):
        inputs = z if condition is None else [z, condition]
        return ops.cast(self.decoder(inputs, training=training), "float32")

    def _output_distribution(self, output):
        # p(x | z)
        if self.likelihood == "bernoulli":
            return Bernoulli(output)
        return Normal(output, ops.convert_to_tensor(self.output_log_var))

    def _kl(self, posterior, start, z, log_det):
        # KL(q(z | x), p(z)), by one draw if there is a flow: (batch,)
        if self.posterior_flow is None and self.prior_flow is None:
            return posterior.kl_to_standard_normal()
        return posterior.start.log_prob(start) - log_det - self.prior.log_prob(z)

    def encode(self, x: Any, condition: Any = None) -> Any:
        """Returns the posterior means `(batch, latent_dim)` of `x`.

        With a posterior flow f it is f(mean of z_0), not the mean of q(z | x).
        """
        return self._encode(*self._checked(x, condition))

    @compiled()
    def _encode(self, x, condition):
        posterior = self._posterior(*self.data_and_condition(self._join(x, condition)))
        return posterior.move(posterior.start.location)[0]

    def decode(self, z: Any, condition: Any = None) -> Any:
        """Returns the mean of p(x | z), shape `(batch, *data_shape)`.

        Args:
            z: Latents of shape `(batch, latent_dim)`.
            condition: Class labels `(batch,)` for a conditional VAE.
        """
        checks.shape("z", z, (self.latent_dim,))
        return self._decode_mean(z, self.standardize_condition(condition, len(z)))

    @compiled()
    def _decode_mean(self, z, condition):
        condition = None if condition is None else self.one_hot(condition)
        output = self._decode(ops.cast(z, "float32"), condition)
        return self._output_distribution(output).mean()

    def reconstruct(self, x: Any, condition: Any = None) -> Any:
        """Returns `decode(encode(x))`, of the shape of `x`."""
        return self.decode(self.encode(x, condition), condition)

    @compiled()
    def _sample(self, state, condition, *, num_samples):
        z = self.prior.sample(num_samples, Seeds(state))
        condition = None if condition is None else self.one_hot(condition)
        return self._output_distribution(self._decode(z, condition)).mean()

    def elbo(self, x: Any, condition: Any = None, seed: int | None = None) -> Any:
        """Returns the evidence lower bound with one latent draw, in nats `(batch,)`.

        log p(x | z) - KL(q(z | x), p(z)), whatever `beta` is. With a flow the KL is
        that of the draw too, no longer in closed form.

        Args:
            x: Data of shape `(batch, *data_shape)`.
            condition: Class labels `(batch,)` for a conditional VAE.
            seed: Int for repeatable draws, or `None`.
        """
        return self._elbo(
            seed_state(seed, self.seed_generator), *self._checked(x, condition)
        )

    @compiled()
    def _elbo(self, state, x, condition):
        data, condition = self.data_and_condition(self._join(x, condition))
        posterior = self._posterior(data, condition)
        start = posterior.start.sample(Seeds(state))
        z, log_det = posterior.move(start)
        output = self._output_distribution(self._decode(z, condition))
        return output.log_prob(data) - self._kl(posterior, start, z, log_det)

    def log_prob(
        self,
        x: Any,
        condition: Any = None,
        num_samples: int = 50,
        seed: int | None = None,
        batch_size: int = 128,
    ) -> Any:
        """Returns a lower bound on log p(x) by importance weighting, in nats.

        log mean_k p(x, z_k) / q(z_k | x) with K = `num_samples` draws from the
        posterior; it rises with K towards log p(x). Memory grows neither with K nor
        with the number of examples.

        Args:
            x: Data of shape `(batch, *data_shape)`.
            condition: Class labels `(batch,)` for a conditional VAE.
            num_samples: Positive int, the number K of importance samples.
            seed: Int for draws that repeat for the same `batch_size`, or `None`.
            batch_size: Positive int, examples at a time.

        Returns:
            Float32 tensor of shape `(batch,)`.

        Raises:
            ValueError: If an argument is out of range.
        """
        num_samples = checks.positive_int("num_samples", num_samples)
        state = seed_state(seed, self.seed_generator)
        return self._in_batches(
            self._log_prob, x, condition, batch_size, state, num_samples=num_samples
        )

    @compiled()
    def _log_prob(self, state, x, condition, *, num_samples):
        data, condition = self.data_and_condition(self._join(x, condition))
        posterior = self._posterior(data, condition)
        seeds = Seeds(state)

        def log_weights(chunk, size):
            """Returns log p(x, z_k) / q(z_k | x) of one chunk, (batch, size)."""
            x, y = repeat(data, size), repeat(condition, size)
            z, log_q = posterior.repeat(size).sample_and_log_prob(seeds.at(chunk))
            log_p = self._output_distribution(self._decode(z, y)).log_prob(x)
            return ops.reshape(log_p + self.prior.log_prob(z) - log_q, (-1, size))

        return log_mean_weight(log_weights, num_samples, x.shape[0], _LIMIT)

    def likelihood_protocol(
        self, num_samples: int = 50, seed: int | None = None
    ) -> Any:
        """Returns the arguments of `log_prob`, as a ledger names them."""
        return {"importance_samples": num_samples, "seed": seed}

    def check_examples(self, x: Any, name: str = "x") -> None:
        self._check_shape(x, name)
        if self.likelihood == "bernoulli":
            checks.unit_range(name, x)

    def check_target(self, y: Any) -> None:
        self.check_examples(y, "y")

    def get_config(self):
        return {
            **super().get_config(),
            "encoder": keras.saving.serialize_keras_object(self.encoder),
            "decoder": keras.saving.serialize_keras_object(self.decoder),
            "latent_dim": self.latent_dim,
            "likelihood": self.likelihood,
            "beta": float(self.beta),
            "posterior_flow": keras.saving.serialize_keras_object(self.posterior_flow),
            "prior_flow": keras.saving.serialize_keras_object(self.prior_flow),
        }
