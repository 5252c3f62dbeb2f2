"""Denoising autoencoder, whose residual is a score (arXiv:1211.4246)."""

from typing import Any

import keras
from keras import ops

from keras_genmod import checks
from keras_genmod.engine import compiled, normal
from keras_genmod.models.adjustable import Adjustable
from keras_genmod.models.autoencoders.plain_autoencoder import PlainAutoencoder


class _NoiseLevel(Adjustable):
    """A deviation, or where noise masks a probability."""

    def __set__(self, model, value):
        if model.noise == "masking":
            checks.fraction("noise_level", value)
        super().__set__(model, value)


@keras.saving.register_keras_serializable("keras_genmod")
class DenoisingAutoencoder(PlainAutoencoder):
    """Restores data from noise that is drawn anew in each step.

    It minimises mean((r(x + sigma e) - x)^2) with r = decoder(encoder(.)) and e from
    N(0, I). The best r is the posterior mean of x given the noisy data, so that
    (r(x) - x) / sigma^2 is the score of the data's density smoothed by N(0, sigma^2 I).
    Masking noise puts values to 0 instead, each with probability `noise_level`.

    `evaluate` draws noise too; `predict` returns what is made of noisy data,
    `reconstruct` what is made of the data as they are.

    Args:
        encoder: Built Keras model from data `(batch, ...)` to latents `(batch, ...)`,
            which may be more than the data's values.
        decoder: Built Keras model from latents to data.
        noise: "normal" or "masking".
        noise_level: Standard deviation sigma, in the data's unit, above 0; or the
            probability of each value to be masked, above 0 and at most 1. Callbacks may
            set `model.noise_level`, to anneal it; files keep it.
        **kwargs: `seed`, `name`, `dtype` as in `GenerativeModel`.

    Raises:
        ValueError: If an argument is out of range, a network is not built, or the
            shapes do not fit.

    References:
        - Vincent et al., Extracting and composing robust features with denoising
          autoencoders, ICML 2008 (masking).
        - Vincent, A connection between score matching and denoising autoencoders,
          Neural Computation 23, 2011.
        - Alain and Bengio, What regularized auto-encoders learn from the
          data-generating distribution, 2012, arXiv:1211.4246 (the score).

    Note:
        Vincent et al. (2008) take the cross-entropy of values in [0, 1]; here it is the
        squared error, whose minimum is the mean.

    Example:
    ```python
    model = DenoisingAutoencoder(
        networks.mlp_encoder((8, 8, 1), hidden_dims=(128,)),
        networks.mlp_decoder(128, (8, 8, 1), hidden_dims=(128,)),
        noise_level=0.3,
    )
    model.compile("adam")
    model.fit(x, epochs=10)
    score = model.score(x)
    ```
    """

    noise_level = _NoiseLevel(checks.positive)

    def __init__(
        self,
        encoder: keras.Model,
        decoder: keras.Model,
        noise: str = "normal",
        noise_level: float = 0.1,
        **kwargs: Any,
    ) -> None:
        checks.choice("noise", noise, ("normal", "masking"))
        super().__init__(encoder, decoder, **kwargs)
        self.noise, self.noise_level = noise, noise_level
        self.finish_construction()

    def call(self, inputs, training=False):
        x, _ = self.data_and_condition(inputs)
        return self._made_of(self._noisy(x), training)

    def _noisy(self, x):
        level = ops.convert_to_tensor(self.noise_level)
        if self.noise == "normal":
            return x + level * normal(ops.shape(x), self.seed_generator)
        stays = keras.random.uniform(ops.shape(x), seed=self.seed_generator) >= level
        return x * ops.cast(stays, "float32")

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        data, _ = self.data_and_condition(x)
        return self.mean_loss(self._squared_error(y_pred, data), sample_weight)

    def score(self, x: Any) -> Any:
        """Returns (r(x) - x) / sigma^2, of the shape of `x`.

        It estimates the gradient of the log-density of the data with noise of standard
        deviation sigma = `noise_level` added.

        Args:
            x: Data of shape `(batch, *data_shape)`, noisy or not.

        Raises:
            ValueError: If the noise is not normal: then it is no score.
        """
        if self.noise != "normal":
            raise ValueError(
                '`noise` must be "normal" for a score, which follows from normal noise '
                f"alone. Received: noise={self.noise!r}"
            )
        self.check_examples(x)
        return self._score(x)

    @compiled()
    def _score(self, x):
        x = ops.cast(x, "float32")
        variance = ops.square(ops.convert_to_tensor(self.noise_level))
        return (self._made_of(x) - x) / variance

    def get_config(self):
        return {
            **super().get_config(),
            "noise": self.noise,
            "noise_level": float(self.noise_level),
        }
