"""Normalizing flow: an exact density from an invertible map."""

import keras
from keras import ops

from keras_genmod.bijectors import Bijector
from keras_genmod.distributions import StandardNormal
from keras_genmod.engine import Seeds, compiled
from keras_genmod.models import checks
from keras_genmod.models.generative_model import GenerativeModel


@keras.saving.register_keras_serializable("keras_genmod")
class NormalizingFlow(GenerativeModel):
    """x = f(z) with z from a base distribution and f a bijector.

    log p(x) = log p(z) - log|det df/dz|, exact. It trains in two ways:

    - by maximum likelihood on data, the usual `compile` and `fit(x)`;
    - by the reverse KL divergence to an unnormalised density p, with
      `compile(target_log_prob=...)`: minimises E_z[log q(f(z)) - log p(f(z))]. Then
      `fit(x)` reads nothing of `x` but the number of examples; its batches say how
      many z are drawn a step, so `fit(np.zeros((100 * 256, 2)), batch_size=256)`
      makes 100 steps of 256 draws. The loss falls to -log of the integral of p.

    Args:
        bijector: `keras_genmod.bijectors.Bijector` from latents to data.
        base: Distribution with `event_shape`, `log_prob(z)` and
            `sample(num_samples, seed)`; `None` is N(0, I).
        **kwargs: `seed`, `name`, `dtype` as in `GenerativeModel`.

    Raises:
        ValueError: If `bijector` is none, or the event shapes differ.

    References:
        - Dinh, Krueger and Bengio, NICE, 2014, arXiv:1410.8516.
        - Rezende and Mohamed, Variational inference with normalizing flows, 2015,
          arXiv:1505.05770.

    Note:
        A density of images needs dequantized pixels (`keras_genmod.data.dequantize`).

    Example:
    ```python
    model = NormalizingFlow(Chain([Planar(2) for _ in range(16)]))
    model.compile(keras.optimizers.Adam(1e-2))
    model.fit(points, epochs=20, batch_size=256)
    nats = model.log_prob(points)
    new_points = model.sample(100, seed=0)
    ```
    """

    likelihood_kind = "exact"

    def __init__(self, bijector, base=None, **kwargs):
        if not isinstance(bijector, Bijector):
            raise ValueError(
                "`bijector` must be a keras_genmod.bijectors.Bijector. "
                f"Received: bijector={bijector!r}"
            )
        base = StandardNormal(bijector.event_shape) if base is None else base
        if tuple(base.event_shape) != tuple(bijector.event_shape):
            raise ValueError(
                "`base` must have the event shape of `bijector`. Received: "
                f"{tuple(base.event_shape)} and {tuple(bijector.event_shape)}"
            )
        super().__init__(data_shape=bijector.event_shape, **kwargs)
        self.bijector = bijector
        self.base = base
        self.target_log_prob = None
        self.finish_construction()

    def compile(self, optimizer="adam", target_log_prob=None, **kwargs):
        """Configures the model for training by maximum likelihood or reverse KL.

        Args:
            optimizer: String or `keras.optimizers.Optimizer`.
            target_log_prob: `None` for maximum likelihood, or a function of
                `(batch, *event)` that returns the log of an unnormalised density,
                `(batch,)`, written with `keras.ops`. Register it with
                `keras.saving.register_keras_serializable` to load the model compiled.
            **kwargs: `run_eagerly`, `steps_per_execution`, `jit_compile` as in Keras.
        """
        super().compile(optimizer, **kwargs)
        self.target_log_prob = target_log_prob

    def get_compile_config(self):
        return {
            **super().get_compile_config(),
            "target_log_prob": keras.saving.serialize_keras_object(
                self.target_log_prob
            ),
        }

    def call(self, inputs, training=False):
        """Returns what training maximises, `(batch,)` in nats.

        log p(x) of the inputs; or, with a target density, target_log_prob(x) - log q(x)
        of as many draws x of the model.
        """
        x, _ = self.split(inputs)
        if self.target_log_prob is None:
            return self._log_density(x)
        z = self.base.sample(ops.shape(x)[0], self.seed_generator)
        drawn, log_det = self.bijector.forward_and_log_det(z)
        return self.target_log_prob(drawn) - (self.base.log_prob(z) - log_det)

    def _log_density(self, x):
        z, log_det = self.bijector.inverse_and_log_det(x)
        return self.base.log_prob(z) + log_det

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        return self.mean_loss(-y_pred, sample_weight)

    def log_prob(self, x, condition=None):
        """Returns the exact log p(x) in nats, shape `(batch,)`.

        Args:
            x: Points of shape `(batch, *event)`.
            condition: Must be `None`.
        """
        self.check_examples(x)
        self.standardize_condition(condition, len(x))
        return self._log_prob(x)

    @compiled()
    def _log_prob(self, x):
        return self._log_density(ops.cast(x, "float32"))

    @compiled()
    def _sample(self, state, condition, *, num_samples):
        z = self.base.sample(num_samples, Seeds(state))
        return self.bijector.forward_and_log_det(z)[0]

    def encode(self, x):
        """Returns the latents z with f(z) = x, of the shape of `x`."""
        checks.shape("x", x, self.data_shape)
        return self._encode(x)

    @compiled()
    def _encode(self, x):
        return self.bijector.inverse_and_log_det(ops.cast(x, "float32"))[0]

    def decode(self, z):
        """Returns f(z), of the shape of `z`."""
        checks.shape("z", z, self.data_shape)
        return self._decode(z)

    @compiled()
    def _decode(self, z):
        return self.bijector.forward_and_log_det(ops.cast(z, "float32"))[0]

    def get_config(self):
        config = super().get_config()
        del config["num_classes"]
        return {
            **config,
            "bijector": keras.saving.serialize_keras_object(self.bijector),
            "base": keras.saving.serialize_keras_object(self.base),
        }
