"""What models of latents with an amortised normal posterior offer."""

from typing import Any

from keras import ops

from keras_genmod import checks
from keras_genmod.distributions import Bernoulli, Normal
from keras_genmod.distributions.distribution import sum_over_events
from keras_genmod.engine import Seeds, compiled, seed_state
from keras_genmod.models import valid_data
from keras_genmod.models.autoencoders.posterior import Posterior, repeat
from keras_genmod.models.generative_model import GenerativeModel
from keras_genmod.models.importance_weighting import log_mean_weight

_LIMIT = 2048  # latents decoded at a time: bounds the memory of log_prob


class LatentVariables(GenerativeModel):
    """The part of a model that encodes to latents, decodes, and bounds log p(x).

    A model sets the attributes below, and for a normal likelihood `output_log_var`. One
    of several objectives has `AdversarialModel` for its second base.
    """

    likelihood_kind = "lower_bound"
    encoder: Any
    decoder: Any
    mean_head: Any
    log_var_head: Any
    output_log_var: Any
    latent_shape: tuple[int, ...]
    likelihood: str
    prior: Any  # p(z)
    # No values here: on torch a class attribute hides the layer of that name.
    posterior_flow: Any
    prior_flow: Any

    @property
    def has_flow(self) -> bool:
        """Whether q(z | x) or p(z) is made by a flow: then no KL is in closed form."""
        return self.posterior_flow is not None or self.prior_flow is not None

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
        if self.has_flow:
            return self._log_ratio(posterior, start, z, log_det)
        return sum_over_events(posterior.kl_to_standard_normal())

    def _log_ratio(self, posterior, start, z, log_det):
        # log q(z | x) - log p(z) of one draw: (batch,)
        return posterior.start.log_prob(start) - log_det - self.prior.log_prob(z)

    def _reconstruction(self, output, data, num_draws=1):
        """Returns -log p(x | z), `(batch * num_draws,)`, NaN of data out of range.

        `output` is of `num_draws` latents of each example of `data` in turn.
        """
        draws = data if num_draws == 1 else repeat(data, num_draws)
        loss = -self._output_distribution(output).log_prob(draws)
        if self.likelihood == "bernoulli":
            # A stream's later batches come unseen; outside [0, 1] it is no bound.
            valid = valid_data.in_range(data, 0.0, 1.0)
            valid = valid if num_draws == 1 else repeat(valid, num_draws)
            loss = valid_data.nan_unless(valid, loss)
        return loss

    def encode(self, x: Any, condition: Any = None) -> Any:
        """Returns the posterior means `(batch, *latent_shape)` of `x`.

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
            z: Latents of shape `(batch, *latent_shape)`.
            condition: Class labels `(batch,)` for a conditional VAE.
        """
        checks.shape("z", z, self.latent_shape)
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
