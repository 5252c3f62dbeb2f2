"""Variational autoencoder, plain, beta and conditional.

Kingma and Welling, Auto-encoding variational Bayes, 2013, arXiv:1312.6114.
"""

import math

import keras
from keras import ops

from keras_genmod.distributions import Bernoulli, Normal, StandardNormal
from keras_genmod.engine import Seeds, compiled, seed_state
from keras_genmod.layers import GaussianSampling
from keras_genmod.models import checks
from keras_genmod.models.generative_model import GenerativeModel

_CHUNK = 25  # importance samples decoded at a time: bounds the memory of log_prob


@keras.saving.register_keras_serializable("keras_genmod")
class VAE(GenerativeModel):
    """Latent-variable model with an amortised normal posterior.

    log p(x) >= E_q[log p(x | z)] - beta KL(q(z | x), N(0, I)), with
    q(z | x) = N(mean(x), diag(exp(log_var(x)))). The encoder ends in features; the
    VAE owns the two dense heads on top of them.

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
        beta: Weight of the KL term, at least 0; above 1 latents disentangle.
        num_classes: Int for a conditional VAE, or `None`.
        **kwargs: `seed`, `name`, `dtype` as in `GenerativeModel`.

    Raises:
        ValueError: If a network is not built, shapes do not fit, or a value is out of
            range.

    References:
        - Kingma and Welling, 2013, arXiv:1312.6114.
        - Higgins et al., beta-VAE, ICLR 2017.
        - Sohn, Lee and Yan, Learning structured output representation using deep
          conditional generative models, NeurIPS 2015.
        - Burda, Grosse and Salakhutdinov, Importance weighted autoencoders, 2015,
          arXiv:1509.00519 (`log_prob`).
        - Rybkin, Daniilidis and Levine, Simple and effective VAE training with
          calibrated decoders, 2021, arXiv:2006.13202 (the learned variance).

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

    def __init__(
        self,
        encoder,
        decoder,
        latent_dim,
        likelihood="bernoulli",
        beta=1.0,
        num_classes=None,
        **kwargs,
    ):
        checks.positive_int("latent_dim", latent_dim)
        checks.choice("likelihood", likelihood, ("bernoulli", "normal"))
        checks.non_negative("beta", beta)
        data_shape, features = checks.network_shapes("encoder", encoder, num_classes)
        checks.network_maps("decoder", decoder, (latent_dim,), data_shape, num_classes)
        if len(features) != 1:
            raise ValueError(
                "`encoder` must end in features of shape (batch, features); end it "
                f"with a Flatten layer. Received an output of shape {features}"
            )
        super().__init__(data_shape=data_shape, num_classes=num_classes, **kwargs)
        self.encoder = encoder
        self.decoder = decoder
        self.latent_dim = latent_dim
        self.likelihood = likelihood
        self.num_levels = 2 if likelihood == "bernoulli" else None
        self.beta = beta
        self.mean_head = keras.layers.Dense(latent_dim, dtype="float32", name="mean")
        self.log_var_head = keras.layers.Dense(
            latent_dim, dtype="float32", name="log_var"
        )
        self.mean_head.build((None, *features))
        self.log_var_head.build((None, *features))
        self.sampling = GaussianSampling(self.seed)
        self.prior = StandardNormal((latent_dim,))
        if likelihood == "normal":
            self.output_log_var = self.add_weight(
                shape=(),
                initializer="zeros",
                dtype="float32",
                autocast=False,
                name="output_log_var",
            )
        self.reconstruction_tracker = keras.metrics.Mean(name="reconstruction")
        self.kl_tracker = keras.metrics.Mean(name="kl")
        self.finish_construction()

    def call(self, inputs, training=False):
        x, condition = self.split(inputs)
        mean, log_var = self._posterior(x, condition, training)
        z = self.sampling((mean, log_var))
        output = self._decode(z, condition, training)
        return {"mean": mean, "log_var": log_var, "output": output}

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        data, _ = self.split(x)
        reconstruction = -self._output_distribution(y_pred["output"]).log_prob(data)
        kl = self._kl(y_pred["mean"], y_pred["log_var"])
        self.reconstruction_tracker.update_state(reconstruction, sample_weight)
        self.kl_tracker.update_state(kl, sample_weight)
        return self.mean_loss(reconstruction + self.beta * kl, sample_weight)

    def _posterior(self, x, condition, training=False):
        # q(z | x) = N(mean, diag(exp(log_var)))
        inputs = x if condition is None else [x, condition]
        features = self.encoder(inputs, training=training)
        return self.mean_head(features), self.log_var_head(features)

    def _decode(self, z, condition, training=False):
        inputs = z if condition is None else [z, condition]
        return ops.cast(self.decoder(inputs, training=training), "float32")

    def _output_distribution(self, output):
        # p(x | z)
        if self.likelihood == "bernoulli":
            return Bernoulli(output)
        return Normal(output, ops.convert_to_tensor(self.output_log_var))

    @staticmethod
    def _kl(mean, log_var):
        # KL(N(mean, diag(exp(log_var))), N(0, I)), in closed form: (batch,)
        return 0.5 * ops.sum(
            ops.square(mean) + ops.exp(log_var) - 1.0 - log_var, axis=-1
        )

    def encode(self, x, condition=None):
        """Returns the posterior means `(batch, latent_dim)` of `x`."""
        return self._encode(*self._checked(x, condition))

    @compiled()
    def _encode(self, x, condition):
        return self._posterior(*self.split(self._join(x, condition)))[0]

    def decode(self, z, condition=None):
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

    def reconstruct(self, x, condition=None):
        """Returns `decode(encode(x))`, of the shape of `x`."""
        return self.decode(self.encode(x, condition), condition)

    @compiled()
    def _sample(self, state, condition, *, num_samples):
        z = self.prior.sample(num_samples, Seeds(state))
        condition = None if condition is None else self.one_hot(condition)
        return self._output_distribution(self._decode(z, condition)).mean()

    def elbo(self, x, condition=None, seed=None):
        """Returns the evidence lower bound with one latent draw, in nats `(batch,)`.

        log p(x | z) - KL(q(z | x), N(0, I)), whatever `beta` is.

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
        data, condition = self.split(self._join(x, condition))
        mean, log_var = self._posterior(data, condition)
        z = Normal(mean, log_var).sample(Seeds(state))
        output = self._output_distribution(self._decode(z, condition))
        return output.log_prob(data) - self._kl(mean, log_var)

    def log_prob(self, x, condition=None, num_samples=50, seed=None):
        """Returns a lower bound on log p(x) by importance weighting, in nats.

        log mean_k p(x, z_k) / q(z_k | x) with K = `num_samples` draws from the
        posterior; it rises with K towards log p(x). Draws are decoded in chunks, so
        memory does not grow with K.

        Args:
            x: Data of shape `(batch, *data_shape)`.
            condition: Class labels `(batch,)` for a conditional VAE.
            num_samples: Positive int, the number K of importance samples.
            seed: Int for repeatable draws, or `None`.

        Returns:
            Float32 tensor of shape `(batch,)`.
        """
        checks.positive_int("num_samples", num_samples)
        return self._log_prob(
            seed_state(seed, self.seed_generator),
            *self._checked(x, condition),
            num_samples=int(num_samples),
        )

    @compiled()
    def _log_prob(self, state, x, condition, *, num_samples):
        data, condition = self.split(self._join(x, condition))
        posterior = Normal(*self._posterior(data, condition))
        seeds = Seeds(state)

        def weigh(chunk, size):
            """Returns log sum_k p(x, z_k) / q(z_k | x) over one chunk, (batch,)."""

            def repeat(tensor):
                return None if tensor is None else ops.repeat(tensor, size, axis=0)

            q = Normal(repeat(posterior.location), repeat(posterior.log_var))
            z = q.sample(seeds.at(chunk))  # (batch * size, latent_dim)
            output = self._output_distribution(self._decode(z, repeat(condition)))
            log_weights = (
                output.log_prob(repeat(data)) + self.prior.log_prob(z) - q.log_prob(z)
            )
            return ops.logsumexp(ops.reshape(log_weights, (-1, size)), axis=1)

        num_chunks, rest = divmod(num_samples, _CHUNK)
        total = weigh(num_chunks, rest) if rest else None
        if num_chunks:
            first = weigh(0, _CHUNK)
            total = first if total is None else ops.logaddexp(total, first)
            total = ops.fori_loop(
                1,
                num_chunks,
                lambda i, total: ops.logaddexp(total, weigh(i, _CHUNK)),
                total,
            )
        return total - math.log(num_samples)

    def likelihood_protocol(self, num_samples=50, seed=None):
        """Returns the arguments of `log_prob`, as a ledger names them."""
        return {"importance_samples": num_samples, "seed": seed}

    def _checked(self, x, condition):
        self.check_examples(x)
        return x, self.standardize_condition(condition, len(x))

    def _join(self, x, condition):
        return (x, condition) if self.is_conditional else x

    def check_examples(self, x):
        super().check_examples(x)
        if self.likelihood == "bernoulli":
            checks.unit_range("x", x)

    def get_config(self):
        return {
            **super().get_config(),
            "encoder": keras.saving.serialize_keras_object(self.encoder),
            "decoder": keras.saving.serialize_keras_object(self.decoder),
            "latent_dim": self.latent_dim,
            "likelihood": self.likelihood,
            "beta": self.beta,
        }
