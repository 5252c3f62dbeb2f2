"""What every flow model is: densities and bounds, samples, latents."""

from typing import Any

from keras import ops

from keras_genmod import checks
from keras_genmod.bijectors import Bijector
from keras_genmod.distributions import StandardNormal
from keras_genmod.engine import Seeds, compiled, seed_state
from keras_genmod.models.embedding_conditional import EmbeddingConditional
from keras_genmod.models.flows.dequantization import Dequantization
from keras_genmod.models.importance_weighting import log_mean_weight

_LIMIT = 512  # draws of the noise at a time: bounds the memory of log_prob


class FlowModel(EmbeddingConditional):
    """x = f(z) with z from a base distribution and f a bijector.

    log p(x) = log p(z) - log|det df/dz|, exact. With a dequantization the data are
    levels, f makes values v in [0, 1), and what is trained and reported bounds the
    levels' probability: log P(x) >= E[log p(v) - log q(v | x)].

    Weights that start from data (`ActNorm`) do so in `fit`, from its first batch, if
    they have not yet. A file holds that it was done.

    Args:
        bijector: `keras_genmod.bijectors.Bijector` from latents to data.
        base: Distribution with `event_shape`, `log_prob(z)` and
            `sample(num_samples, seed)`; `None` is N(0, I).
        dequantization: `UniformDequantization`, `VariationalDequantization`, or `None`
            for a density of continuous data.
        num_classes: Int for a flow conditional on class labels, whose `bijector` takes
            them one-hot. A bijector with a condition and no `num_classes` is
            conditional on vectors `(batch, condition_dim)`.
        **kwargs: `seed`, `name`, `dtype` as in `GenerativeModel`.

    Raises:
        ValueError: If an argument is of another kind, or the shapes do not fit.
    """

    def __init__(
        self,
        bijector: Bijector,
        base: Any = None,
        dequantization: Any = None,
        num_classes: int | None = None,
        **kwargs: Any,
    ) -> None:
        _check_bijector(bijector, num_classes)
        _check_dequantization(dequantization, bijector)
        base = StandardNormal(bijector.latent_shape) if base is None else base
        if not all(hasattr(base, n) for n in ("event_shape", "log_prob", "sample")):
            raise ValueError(
                "`base` must be a distribution with `event_shape`, `log_prob` and "
                f"`sample`, or None. Received: base={base!r}"
            )
        if tuple(base.event_shape) != bijector.latent_shape:
            raise ValueError(
                "`base` must have the event shape of `bijector`'s latents. Received: "
                f"{tuple(base.event_shape)} and {bijector.latent_shape}"
            )
        super().__init__(bijector.event_shape, num_classes=num_classes, **kwargs)
        self.bijector = bijector
        self.base = base
        self.dequantization = dequantization
        if num_classes is None:
            self.embedding_dim = bijector.condition_dim
        self.likelihood_kind = "exact"
        if dequantization is not None:
            self.likelihood_kind = "lower_bound"
            self.num_levels = dequantization.num_levels

    # Training and densities.

    def call(self, inputs, training=False):
        """Returns log p(x), or with a dequantization one draw of its bound, `(batch,)`.

        Both are in nats.
        """
        x, condition = self.data_and_condition(inputs)
        return self._log_likelihood(x, condition, self.seed_generator)

    def _log_likelihood(self, x, condition, seeds):
        if self.dequantization is None:
            return self._log_density(x, condition)
        v, log_noise = self.dequantization.sample_and_log_prob(x, seeds)
        return self._log_density(v, condition) - log_noise

    def _log_density(self, x, condition):
        z, log_det = self.bijector.inverse_and_log_det(x, condition)
        return self.base.log_prob(z) + log_det

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        return self.mean_loss(-y_pred, sample_weight)

    def log_prob(
        self,
        x: Any,
        condition: Any = None,
        num_samples: int = 1,
        seed: int | None = None,
        batch_size: int = 128,
    ) -> Any:
        """Returns log p(x), or with a dequantization a bound on it, in nats.

        The bound is importance-weighted, log mean_k p(v_k) / q(v_k | x) with K =
        `num_samples` draws of the noise; it rises with K towards log P(x).

        Args:
            x: Data of shape `(batch, *data_shape)`; with a dequantization levels
                k / (num_levels - 1).
            condition: For a conditional model, one label or vector an example.
            num_samples: Positive int; 1 without a dequantization.
            seed: Int for draws that repeat for the same `batch_size`, or `None`.
            batch_size: Positive int, examples at a time: bounds the memory.

        Returns:
            Float32 tensor of shape `(batch,)`.

        Raises:
            ValueError: If an argument is out of range, or `x` has values outside the
                bijector's domain or between levels.
        """
        num_samples = checks.positive_int("num_samples", num_samples)
        draws = self.dequantization is not None
        if not draws and num_samples != 1:
            raise ValueError(
                "`num_samples` must be 1 without a dequantization: the density is "
                f"exact. Received: num_samples={num_samples}"
            )
        state = seed_state(seed, self.seed_generator) if draws else None
        return self._in_batches(
            self._log_prob, x, condition, batch_size, state, num_samples=num_samples
        )

    @compiled(xla=lambda self: self.bijector.inverse_is_a_loop)
    def _log_prob(self, state, x, condition, *, num_samples):
        batch_size = x.shape[0]
        x, condition = self.data_and_condition(self._join(x, condition))
        if self.dequantization is None:
            return self._log_density(x, condition)
        seeds = Seeds(state)

        def log_weights(chunk, size):
            many = ops.repeat(x, size, axis=0)
            given = None if condition is None else ops.repeat(condition, size, axis=0)
            log_weights = self._log_likelihood(many, given, seeds.at(chunk))
            return ops.reshape(log_weights, (-1, size))

        return log_mean_weight(log_weights, num_samples, batch_size, _LIMIT)

    def likelihood_protocol(self, num_samples: int = 1, seed: int | None = None) -> Any:
        """Returns the arguments of `log_prob`, as a ledger names them."""
        if self.dequantization is None:
            return {}
        return {"importance_samples": num_samples, "seed": seed}

    # Samples and latents.

    def sample(
        self,
        num_samples: int,
        condition: Any = None,
        seed: int | None = None,
        temperature: float = 1.0,
    ) -> Any:
        """Draws samples from the model, in one call that is compiled once.

        Args:
            num_samples: Positive int.
            condition: For a conditional model, one label or vector a sample, or one
                for all.
            seed: Int for repeatable samples; `None` draws new ones each call.
            temperature: Positive float that multiplies the draws of the base; below 1
                samples are more typical and less diverse.

        Returns:
            Float32 tensor of shape `(num_samples, *data_shape)` in the range of the
            data: with a dequantization levels k / (num_levels - 1).

        Raises:
            ValueError: If an argument is out of range, or the condition is missing.
        """
        num_samples = checks.positive_int("num_samples", num_samples)
        checks.positive("temperature", temperature)
        return self._sample(
            seed_state(seed, self.seed_generator),
            self.standardize_condition(condition, num_samples),
            ops.cast(temperature, "float32"),
            num_samples=num_samples,
        )

    @compiled(xla=lambda self: self.bijector.forward_is_a_loop)
    def _sample(self, state, condition, temperature, *, num_samples):
        z = temperature * self.base.sample(num_samples, Seeds(state))
        return self._data_of(z, condition)

    def _data_of(self, z, condition):
        if self.num_classes is not None:
            condition = self.one_hot(condition)
        x = self.bijector.forward(z, condition)
        return x if self.dequantization is None else self.dequantization.to_levels(x)

    @property
    def latent_shape(self) -> tuple[int, ...]:
        """Shape of the latents of one example."""
        return tuple(self.bijector.latent_shape)

    def encode(self, x: Any, condition: Any = None) -> Any:
        """Returns the latents z with f(z) = x, of shape `(batch, *latent_shape)`.

        With a dequantization these are the latents of the levels' middles.

        Args:
            x: Data of shape `(batch, *data_shape)`.
            condition: For a conditional model, one label or vector an example.
        """
        return self._encode(*self._checked(x, condition))

    @compiled(xla=lambda self: self.bijector.inverse_is_a_loop)
    def _encode(self, x, condition):
        x, condition = self.data_and_condition(self._join(x, condition))
        if self.dequantization is not None:
            x = self.dequantization.centre(x)
        return self.bijector.inverse(x, condition)

    def decode(self, z: Any, condition: Any = None) -> Any:
        """Returns f(z), shape `(batch, *data_shape)`; with a dequantization its levels.

        Args:
            z: Latents of shape `(batch, *latent_shape)`.
            condition: For a conditional model, one label or vector an example.
        """
        checks.shape("z", z, self.bijector.latent_shape)
        return self._decode(z, self.standardize_condition(condition, len(z)))

    @compiled(xla=lambda self: self.bijector.forward_is_a_loop)
    def _decode(self, z, condition):
        return self._data_of(ops.cast(z, "float32"), condition)

    # The start from data.

    @property
    def is_initialized(self) -> bool:
        """Whether no weight waits for data to start from."""
        return self.bijector.is_initialized

    def initialize(self, x: Any, condition: Any = None) -> None:
        """Starts weights from data, where the bijector has such weights.

        `fit` does it with its first batch, unless it was done.

        Args:
            x: Data of shape `(batch, *data_shape)`, as `fit` takes it.
            condition: For a conditional model, one label or vector an example.
        """
        self._initialize(self._join(*self._checked(x, condition)))

    def _start(self, inputs):
        # What `fit` does with its first batch, where weights wait for one.
        self._initialize(inputs)

    def _initialize(self, inputs):
        x, condition = self.data_and_condition(inputs)
        if self.dequantization is not None:
            x, _ = self.dequantization.sample_and_log_prob(x, self.seed_generator)
        self.bijector.initialize(x, condition)

    # Input on the host.

    def check_examples(self, x: Any) -> None:
        super().check_examples(x)
        if self.num_levels is None:
            checks.value_range("x", x, *self.bijector.domain)
        else:
            checks.levels("x", x, self.num_levels)


def _check_bijector(bijector, num_classes):
    if not isinstance(bijector, Bijector):
        raise ValueError(
            "`bijector` must be a keras_genmod.bijectors.Bijector. "
            f"Received: bijector={bijector!r}"
        )
    if num_classes is not None:
        num_classes = checks.positive_int("num_classes", num_classes)
        if bijector.condition_dim != num_classes:
            raise ValueError(
                "`bijector` must take one-hot labels as its condition: condition_dim="
                f"{num_classes} with `num_classes`. "
                f"Received: condition_dim={bijector.condition_dim}"
            )


def _check_dequantization(dequantization, bijector):
    if dequantization is None:
        return
    if not isinstance(dequantization, Dequantization):
        raise ValueError(
            "`dequantization` must be a UniformDequantization, a "
            "VariationalDequantization or None. "
            f"Received: dequantization={dequantization!r}"
        )
    if dequantization.event_shape not in (None, bijector.event_shape):
        raise ValueError(
            "`dequantization` must be of events of the data's shape, "
            f"{bijector.event_shape}. Received one of {dequantization.event_shape}"
        )
    low, high = bijector.domain
    if low > 0 or high < 1:
        raise ValueError(
            "`bijector` must take all of [0, 1] with a dequantization: give "
            "its `Sigmoid` a margin. "
            f"Received: bijector.domain={bijector.domain}"
        )
