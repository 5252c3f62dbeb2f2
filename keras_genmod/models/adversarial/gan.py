"""Generative adversarial network, with the usual losses, plain and conditional."""

from typing import Any

import keras
from keras import ops

from keras_genmod import checks
from keras_genmod.engine import Objective, call_network
from keras_genmod.models.adversarial.latent_generator import LatentGenerator
from keras_genmod.models.adversarial.losses import GAN_LOSSES


def accuracy_trackers(name: str) -> dict[str, keras.metrics.Mean]:
    """Returns what records a discriminator's accuracy on real and on fake data.

    Args:
        name: String, the discriminator's objective: `<name>_real_accuracy` and
            `<name>_fake_accuracy` are reported.
    """
    return {
        kind: keras.metrics.Mean(name=f"{name}_{kind}_accuracy")
        for kind in ("real", "fake")
    }


def track_accuracy(trackers, real, fake, least_squares: bool = False) -> None:
    """Records the share of scores on the right side.

    Args:
        trackers: As `accuracy_trackers` returns them.
        real: Float tensor `(batch, ...)`, scores of real data.
        fake: The same of generated data.
        least_squares: Whether scores are trained towards 1 and 0, rather than being
            logits, whose sign decides.
    """
    boundary = 0.5 if least_squares else 0.0
    trackers["real"].update_state(ops.cast(real > boundary, "float32"))
    trackers["fake"].update_state(ops.cast(fake < boundary, "float32"))


@keras.saving.register_keras_serializable("keras_genmod")
class GAN(LatentGenerator):
    """min_G max_D E log D(x) + E log(1 - D(G(z))), and its variants.

    Each batch takes `discriminator_steps` steps of the discriminator, each on another
    slice of the batch, then one step of the generator. Fresh latents are drawn for
    every step, as in Algorithm 1 of the paper.

    Args:
        generator: Built Keras model from latents `(batch, latent_dim)` to data in
            the public range: [0, 1] for images (end it in a sigmoid), any for vectors
            `(batch, dim)`. With `num_classes` it takes the list `[z, one_hot]`.
        discriminator: Built Keras model from data to logits (no sigmoid), of any
            shape, such as `(batch, 1)` or a map of patches. With `num_classes` it
            takes the list `[x, one_hot]`.
        latent_dim: Positive int, number of latents, drawn from N(0, I).
        loss: "non_saturating" (the generator minimises -E log D(G(z)); in practice
            the choice of the paper), "minimax", "least_squares" or "hinge".
        discriminator_steps: Positive int.
        num_classes: Int for a conditional GAN, or `None`.
        **kwargs: `seed`, `name`, `dtype` as in `GenerativeModel`.

    Raises:
        ValueError: If a network is not built, shapes do not fit, or a name is unknown;
            in `fit` and `evaluate`, if images do not lie in [0, 1].

    Warns:
        UserWarning: If the discriminator ends in a sigmoid, or a generator of images
            in tanh.

    References:
        - Goodfellow et al., Generative adversarial networks, 2014, arXiv:1406.2661.
        - Mirza and Osindero, Conditional generative adversarial nets, 2014,
          arXiv:1411.1784.
        - Mao et al., Least squares generative adversarial networks, 2016,
          arXiv:1611.04076.
        - Lim and Ye, Geometric GAN, 2017, arXiv:1705.02894 (hinge).

    Note:
        `compile()` trains with `Adam(2e-4, beta_1=0.5)`, as Radford et al. (DCGAN,
        2015, arXiv:1511.06434) and most since; the paper had SGD with momentum.

    Example:
    ```python
    model = GAN(
        networks.dcgan_generator(64, (28, 28, 1)),
        networks.dcgan_discriminator((28, 28, 1)),
        latent_dim=64,
    )
    model.compile()
    model.fit(images, epochs=20, batch_size=128)
    images = model.sample(16, seed=0)
    ```
    """

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        latent_dim: int,
        loss: str = "non_saturating",
        discriminator_steps: int = 1,
        num_classes: int | None = None,
        **kwargs: Any,
    ) -> None:
        checks.choice("loss", loss, GAN_LOSSES)
        discriminator_steps = checks.positive_int(
            "discriminator_steps", discriminator_steps
        )
        super().__init__(
            generator,
            discriminator,
            "discriminator",
            latent_dim,
            num_classes=num_classes,
            **kwargs,
        )
        self.discriminator = discriminator
        self.gan_loss = loss
        self.discriminator_steps = discriminator_steps
        self.accuracy = accuracy_trackers("discriminator")
        self.finish_construction()

    def default_optimizer(self) -> keras.optimizers.Optimizer:
        return keras.optimizers.Adam(2e-4, beta_1=0.5)

    def define_objectives(self) -> list[Objective]:
        return [
            Objective(
                "discriminator",
                self._discriminator_loss,
                [self.discriminator],
                self.discriminator_steps,
            ),
            Objective("generator", self._generator_loss, [self.generator]),
        ]

    def _score(self, x, condition, training=False):
        inputs = x if condition is None else [x, condition]
        return call_network(self.discriminator, inputs, training)

    def _discriminator_loss(self, inputs, passed_on, training):
        real, fake, condition = self._real_and_fake(inputs, training)
        of_real = self._score(real, condition, training)
        of_fake = self._score(ops.stop_gradient(fake), condition, training)
        least_squares = self.gan_loss == "least_squares"
        track_accuracy(self.accuracy, of_real, of_fake, least_squares)
        loss, _ = GAN_LOSSES[self.gan_loss]
        return self._valid(loss(of_real, of_fake), real), None

    def _generator_loss(self, inputs, passed_on, training):
        real, fake, condition = self._real_and_fake(inputs, training)
        _, loss = GAN_LOSSES[self.gan_loss]
        return self._valid(loss(self._score(fake, condition, training)), real), None

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "discriminator": keras.saving.serialize_keras_object(self.discriminator),
            "loss": self.gan_loss,
            "discriminator_steps": self.discriminator_steps,
        }
