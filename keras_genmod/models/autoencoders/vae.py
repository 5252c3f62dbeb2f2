"""Variational autoencoder: plain, beta, conditional, with flows on its latents."""

import math
from typing import Any

import keras
from keras import ops

from keras_genmod import checks
from keras_genmod.distributions import StandardNormal
from keras_genmod.distributions.distribution import sum_over_events
from keras_genmod.layers import GaussianSampling
from keras_genmod.models import network_checks
from keras_genmod.models.adjustable import Adjustable, step_counter
from keras_genmod.models.autoencoders.flow_prior import FlowPrior
from keras_genmod.models.autoencoders.kl_terms import (
    above_floor,
    check_terms,
    number_of_draws,
    warmed_up,
)
from keras_genmod.models.autoencoders.latent_flows import (
    check_latent_flows,
    check_networks,
    latent_shape,
)
from keras_genmod.models.autoencoders.latent_variables import LatentVariables
from keras_genmod.models.autoencoders.posterior import Posterior, normal_heads, repeat
from keras_genmod.models.autoencoders.total_correlation import total_correlation
from keras_genmod.models.importance_weighting import scale_gradient


@keras.saving.register_keras_serializable("keras_genmod")
class VAE(LatentVariables):
    """Latent-variable model with an amortised posterior, normal or a flow of it.

    log p(x) >= E_q[log p(x | z)] - beta KL(q(z | x), p(z)), with p(z) = N(0, I) and
    q(z | x) = N(mean(x), diag(exp(log_var(x)))). The encoder ends in features; the
    VAE owns the two dense heads on top of them.

    With flows, z = f(z_0) for a posterior draw z_0 and z = g(w) for w from N(0, I):
    log q(z | x) = log q(z_0 | x) - log|det df/dz_0| and
    log p(z) = log N(w; 0, I) - log|det dg/dw|. Then the KL, in closed form otherwise,
    is log q(z | x) - log p(z) of one draw.

    Other objectives: `objective="iwae"` maximises log mean_k w_k with
    w_k = p(x | z_k) (p(z_k) / q(z_k | x))^beta over K draws, a tighter bound; "dreg"
    is the same bound with a gradient of the encoder of less variance. `free_bits`
    takes sum_j max(free_bits, mean KL_j) over the batch for the KL, `kl_warm_up` lets
    its weight rise from 0, and `tc_weight` weighs the total correlation in it:
    KL = mutual information + TC + sum of the KL of each latent.

    Without `num_classes`, `fit(x, y)` with `y` of the data's shape trains log p(y | z)
    with z from q(z | x) (denoising): `y` has to be in the likelihood's range, `x` may
    be any real numbers. Labels, `(batch,)` or `(batch, 1)`, are ignored.

    Args:
        encoder: Built Keras model from data to features `(batch, features)`, or a map
            of them for a grid of latents. With `num_classes` it takes the list
            `[x, one_hot]`.
        decoder: Built Keras model from latents `(batch, latent_dim)` to an output of
            the data's shape: logits for "bernoulli", means for "normal". With
            `num_classes` it takes the list `[z, one_hot]`.
        latent_dim: Positive int, number of latents; or their shape, such as
            `(height, width, channels)`, with one head for all places of the grid.
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
        objective: "elbo", "iwae" (importance-weighted) or "dreg" (the same bound,
            doubly reparametrized gradient; a posterior flow excludes it).
        num_importance_samples: Positive int, draws K of each example in a step; `None`
            is 1 for "elbo", which averages over them, and 5 for the others. Memory of
            the decoder grows with it.
        free_bits: Nats that each latent may spend for nothing, at least 0, or `None`;
            with "elbo" alone. With a flow all latents are one group, of as much each.
        kl_warm_up: Int, steps in which the weight of the KL rises from 0 to `beta`;
            0 for none. The steps taken are a weight too.
        tc_weight: Weight of the total correlation, at least 0; 1 leaves the KL as it
            is, and `None` does not estimate it. With "elbo" of one draw, flat latents
            and no flow alone. Logs hold `total_correlation`, in nats.
        num_examples: Int, number N of training examples, for `tc_weight`.
        **kwargs: `seed`, `name`, `dtype` as in `GenerativeModel`.

    Raises:
        ValueError: If an argument is out of range, or does not fit the others.

    References:
        - Kingma and Welling, Auto-encoding variational Bayes, 2013, arXiv:1312.6114.
        - Higgins et al., beta-VAE, ICLR 2017.
        - Sohn, Lee and Yan, NeurIPS 2015 (conditional).
        - Burda, Grosse and Salakhutdinov, Importance weighted autoencoders, 2015,
          arXiv:1509.00519 (`log_prob`, "iwae").
        - Tucker et al., Doubly reparameterized gradient estimators, 2018,
          arXiv:1810.04152 ("dreg").
        - Kingma et al., Inverse autoregressive flow, 2016, arXiv:1606.04934 (also
          `free_bits`).
        - Bowman et al., 2015, arXiv:1511.06349 (`kl_warm_up`).
        - Chen et al., Isolating sources of disentanglement, 2018, arXiv:1802.04942
          (`tc_weight`).
        - Rybkin, Daniilidis and Levine, Simple and effective VAE training with
          calibrated decoders, 2021, arXiv:2006.13202 (the learned variance).
        - Rezende and Mohamed, Variational inference with normalizing flows, 2015,
          arXiv:1505.05770 (`posterior_flow`).
        - Im et al., 2017, arXiv:1511.06406 (denoising; there with noise of each step).

    Note:
        The prior does not depend on the label, as in most of the literature since;
        Sohn et al. also learn p(z | y). Samples are means of p(x | z), not draws of
        single pixels. Beside `tc_weight` the rest of the KL stays in closed form, where
        Chen et al. estimate its other parts from the batch as well: the sum has the
        same mean and less variance. "dreg" decodes twice a step, and networks that
        draw (`Dropout`) draw anew.

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

    takes_targets = True
    beta = Adjustable(checks.non_negative)
    free_bits = Adjustable(checks.non_negative, optional=True)
    kl_warm_up = Adjustable(checks.integer)
    tc_weight = Adjustable(checks.non_negative, optional=True)

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
        objective: str = "elbo",
        num_importance_samples: int | None = None,
        free_bits: float | None = None,
        kl_warm_up: int = 0,
        tc_weight: float | None = None,
        num_examples: int | None = None,
        **kwargs: Any,
    ) -> None:
        shape = latent_shape(latent_dim)
        checks.choice("likelihood", likelihood, ("bernoulli", "normal"))
        data_shape, features = check_networks(encoder, decoder, shape, num_classes)
        check_latent_flows(posterior_flow, prior_flow, shape, features[-1])
        num_importance_samples = number_of_draws(objective, num_importance_samples)
        has_flow = posterior_flow is not None or prior_flow is not None
        is_simple = not has_flow and len(shape) == num_importance_samples == 1
        check_terms(objective, free_bits, tc_weight, num_examples, is_simple)
        if objective == "dreg" and posterior_flow is not None:
            raise ValueError(
                '`posterior_flow` must be None with objective="dreg", whose gradient '
                'is that of a normal posterior; "iwae" takes flows. Received: '
                f"posterior_flow={posterior_flow!r}"
            )
        if likelihood == "bernoulli":
            network_checks.warn_unless_scores("decoder", decoder)
        super().__init__(data_shape=data_shape, num_classes=num_classes, **kwargs)
        self.encoder, self.decoder = encoder, decoder
        self.latent_dim = shape[0] if len(shape) == 1 else shape
        self.latent_shape = shape
        self.likelihood, self.objective = likelihood, objective
        self.num_importance_samples = num_importance_samples
        self.num_examples = num_examples
        self.num_levels = 2 if likelihood == "bernoulli" else None
        self.beta, self.free_bits, self.kl_warm_up = beta, free_bits, kl_warm_up
        self._idle_free_bits = objective != "elbo" and free_bits is not None
        if self._idle_free_bits:  # the weight has a place in old files, and no use
            self.__dict__["_free_bits_weight"] = None
        self.warm_up_steps = step_counter(self, "warm_up_steps")
        self.mean_head, self.log_var_head = normal_heads(shape[-1], features)
        self.sampling = GaussianSampling(self.seed)
        self.posterior_flow, self.prior_flow = posterior_flow, prior_flow
        normal = StandardNormal(shape)
        self.prior = normal if prior_flow is None else FlowPrior(prior_flow)
        if likelihood == "normal":
            self.output_log_var = self.add_weight(
                (), "zeros", "float32", autocast=False, name="output_log_var"
            )
        self.reconstruction_tracker = keras.metrics.Mean(name="reconstruction")
        self.kl_tracker = keras.metrics.Mean(name="kl")
        self.tc_weight = tc_weight
        if tc_weight is not None:
            self.total_correlation_tracker = keras.metrics.Mean(
                name="total_correlation"
            )
        self.finish_construction()

    def call(self, inputs, training=False):
        x, condition = self.data_and_condition(inputs)
        posterior = self._posterior(x, condition, training)
        num_draws = self.num_importance_samples
        draws = posterior if num_draws == 1 else posterior.repeat(num_draws)
        start = self.sampling((draws.start.location, draws.start.log_var))
        z, log_det = draws.move(start)
        labels = condition if num_draws == 1 else repeat(condition, num_draws)
        output = self._decode(z, labels, training)
        outputs = {
            "mean": posterior.start.location,
            "log_var": posterior.start.log_var,
            "z": self._by_example(z),
            "output": self._by_example(output),
        }
        if self.has_flow or self.objective != "elbo":
            log_ratio = self._log_ratio(draws, start, z, log_det)
            outputs["log_ratio"] = ops.reshape(log_ratio, (-1, num_draws))
        if self.has_flow:
            terms = ops.mean(outputs["log_ratio"], axis=1, keepdims=True)
        else:
            terms = posterior.kl_to_standard_normal()
        return {**outputs, "kl": sum_over_events(terms), "kl_terms": terms}

    def _by_example(self, tensor):
        # (batch * K, ...) as (batch, K, ...); of one draw as it is
        if self.num_importance_samples == 1:
            return tensor
        return ops.reshape(tensor, (-1, self.num_importance_samples, *tensor.shape[1:]))

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        data, condition = self.data_and_condition(x)
        data = data if y is None else ops.cast(y, "float32")
        weight = warmed_up(self, training)
        if self.objective == "dreg" and training:
            y_pred = self._doubly_reparametrized(y_pred, data, condition, weight)
        losses = self._losses_of_draws(y_pred, data)  # (batch, K)
        reconstruction = ops.mean(losses, axis=1)
        self.reconstruction_tracker.update_state(reconstruction, sample_weight)
        self.kl_tracker.update_state(y_pred["kl"], sample_weight)
        if self.objective != "elbo":
            log_weights = -losses - weight * y_pred["log_ratio"]
            bound = ops.logsumexp(log_weights, axis=1) - math.log(losses.shape[1])
            return self.mean_loss(-bound, sample_weight)
        kl = y_pred["kl"]
        if self.free_bits is not None:
            kl = above_floor(y_pred["kl_terms"], self._floor(), sample_weight)
        if self.num_examples is not None:
            z, mean, log_var = (y_pred[name] for name in ("z", "mean", "log_var"))
            correlation = total_correlation(z, mean, log_var, self.num_examples)
            self.total_correlation_tracker.update_state(correlation, sample_weight)
            kl = kl + (ops.convert_to_tensor(self.tc_weight) - 1.0) * correlation
        return self.mean_loss(reconstruction + weight * kl, sample_weight)

    def _losses_of_draws(self, outputs, data):
        # -log p(x | z), (batch, K)
        num_draws = self.num_importance_samples
        output = ops.reshape(outputs["output"], (-1, *self.data_shape))
        losses = self._reconstruction(output, data, num_draws)
        return ops.reshape(losses, (-1, num_draws))

    def _doubly_reparametrized(self, outputs, data, condition, weight):
        """Returns `outputs` with the same values, whose bound has another gradient.

        log q(z | x) loses its own gradient, and the gradient of draw k by z_k is
        multiplied by 1 - beta (1 - w_k), w normalised: with beta = 1 by w_k.
        """
        log_weights = -self._losses_of_draws(outputs, data)
        log_weights = log_weights - weight * outputs["log_ratio"]
        shares = ops.softmax(ops.stop_gradient(log_weights), axis=1)
        z = ops.reshape(outputs["z"], (-1, *self.latent_shape))
        z = scale_gradient(z, 1.0 - weight * (1.0 - shares))
        num_draws = self.num_importance_samples
        condition = condition if num_draws == 1 else repeat(condition, num_draws)
        mean, log_var = (
            repeat(ops.stop_gradient(outputs[name]), num_draws)
            for name in ("mean", "log_var")
        )
        log_ratio = self._log_ratio(Posterior(mean, log_var), z, z, 0.0)
        return {
            **outputs,
            "output": self._decode(z, condition, training=True),
            "log_ratio": ops.reshape(log_ratio, (-1, self.num_importance_samples)),
        }

    def _floor(self):
        # Latents under a flow have no KL each: they are one group.
        size = math.prod(self.latent_shape) if self.has_flow else 1
        return size * ops.convert_to_tensor(self.free_bits)

    def _floor_in_config(self):
        if self.free_bits is None:
            return 0.0 if self._idle_free_bits else None
        return float(self.free_bits)

    def get_config(self):
        return {
            **super().get_config(),
            "encoder": keras.saving.serialize_keras_object(self.encoder),
            "decoder": keras.saving.serialize_keras_object(self.decoder),
            "latent_dim": self.latent_dim,
            "likelihood": self.likelihood,
            "beta": float(self.beta),
            "objective": self.objective,
            "num_importance_samples": self.num_importance_samples,
            "free_bits": self._floor_in_config(),
            "kl_warm_up": int(float(self.kl_warm_up)),
            "tc_weight": self.num_examples and float(self.tc_weight),
            "num_examples": self.num_examples,
            "posterior_flow": keras.saving.serialize_keras_object(self.posterior_flow),
            "prior_flow": keras.saving.serialize_keras_object(self.prior_flow),
        }
