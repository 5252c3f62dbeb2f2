"""What GAN and Wasserstein GANs share: a generator of latents and a score."""

from typing import Any

import keras
from keras import ops

from keras_genmod import checks
from keras_genmod.distributions import StandardNormal
from keras_genmod.engine import Seeds, call_network, compiled
from keras_genmod.models import network_checks
from keras_genmod.models.adversarial.adversarial_model import AdversarialModel
from keras_genmod.models.valid_data import in_range, nan_unless


class LatentGenerator(AdversarialModel):
    """A generator of images from z in N(0, I), and a network that scores images.

    Images lie in [0, 1]: `fit` refuses arrays of others, and the losses of a batch
    that holds others are NaN. Data that are vectors, of shape `(batch, dim)`, are taken
    as they are.

    Args:
        generator: Built Keras model from latents `(batch, latent_dim)` to data. With
            `num_classes` it takes the list `[z, one_hot]`.
        scorer: Built Keras model from data to scores; with `num_classes` it takes the
            list `[x, one_hot]`.
        scorer_name: What the family calls it: "discriminator" or "critic".
        latent_dim: Positive int.
        num_classes: Int, or `None`.
        **kwargs: `seed`, `name`, `dtype` as in `GenerativeModel`.
    """

    def __init__(
        self,
        generator: keras.Model,
        scorer: keras.Model,
        scorer_name: str,
        latent_dim: int,
        num_classes: int | None = None,
        **kwargs: Any,
    ) -> None:
        latent_dim = checks.positive_int("latent_dim", latent_dim)
        latent_shape, data_shape = network_checks.shapes(
            "generator", generator, num_classes
        )
        network_checks.maps(
            "generator", generator, (latent_dim,), data_shape, num_classes
        )
        scored_shape, _ = network_checks.shapes(scorer_name, scorer, num_classes)
        if scored_shape != data_shape:
            raise ValueError(
                f"`{scorer_name}` must take what `generator` makes, shape "
                f"{data_shape} without the batch. Received a network of input shape "
                f"{scored_shape}"
            )
        network_checks.known_shape("generator", data_shape)
        network_checks.warn_unless_scores(scorer_name, scorer)
        if len(data_shape) > 1:
            network_checks.warn_unless_unit_range("generator", generator)
        super().__init__(data_shape=data_shape, num_classes=num_classes, **kwargs)
        self.generator = generator
        self.latent_dim = latent_dim
        self.prior = StandardNormal((latent_dim,))

    def call(self, inputs, training=False):
        """Returns the scores of data `(batch, ...)`, as float32."""
        x, condition = self.data_and_condition(inputs)
        return self._score(x, condition, training)

    def _score(self, x, condition, training=False):
        """Returns float32 scores of data; each class names its own network."""
        raise NotImplementedError

    def _decode(self, z, condition, training=False):
        # x = G(z), or G(z, one_hot)
        inputs = z if condition is None else [z, condition]
        return call_network(self.generator, inputs, training)

    def _real_and_fake(self, inputs, training):
        """Returns data, as many generated examples, and one-hot labels or `None`."""
        real, condition = self.data_and_condition(inputs)
        z = self.prior.sample(ops.shape(real)[0], self.seed_generator)
        return real, self._decode(z, condition, training), condition

    def _valid(self, loss, real):
        """Returns a loss of a batch, NaN if the data are no images in [0, 1]."""
        if len(self.data_shape) == 1:
            return loss
        return nan_unless(ops.all(in_range(real, 0.0, 1.0)), loss)

    def check_examples(self, x: Any) -> None:
        super().check_examples(x)
        if len(self.data_shape) > 1:
            checks.unit_range("x", x)

    def decode(self, z: Any, condition: Any = None) -> Any:
        """Returns what the generator makes of latents, shape `(batch, *data_shape)`.

        Args:
            z: Latents of shape `(batch, latent_dim)`.
            condition: Class labels `(batch,)` for a conditional model.
        """
        checks.shape("z", z, (self.latent_dim,))
        return self._compiled_decode(z, self.standardize_condition(condition, len(z)))

    @compiled()
    def _compiled_decode(self, z, condition):
        condition = None if condition is None else self.one_hot(condition)
        return self._decode(ops.cast(z, "float32"), condition)

    @compiled()
    def _sample(self, state, condition, *, num_samples):
        z = self.prior.sample(num_samples, Seeds(state))
        condition = None if condition is None else self.one_hot(condition)
        return self._decode(z, condition)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "generator": keras.saving.serialize_keras_object(self.generator),
            "latent_dim": self.latent_dim,
        }
