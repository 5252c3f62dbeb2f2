"""Generative adversarial network, with the usual losses, plain and conditional."""

from typing import Any

import keras
from keras import ops

from keras_genmod import checks
from keras_genmod.engine import Objective, normal
from keras_genmod.models import network_checks
from keras_genmod.models.adjustable import Adjustable
from keras_genmod.models.adversarial.losses import GAN_LOSSES, top_weights
from keras_genmod.models.adversarial.penalties import (
    one_centred_penalty,
    zero_centred_penalty,
)
from keras_genmod.models.adversarial.truncated_latents import TruncatedLatents


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


_PENALTIES = ("r1_weight", "r2_weight", "gradient_penalty_weight")


def _below_one(name, value):
    if checks.fraction(name, value) == 1:
        raise ValueError(f"`{name}` must be below 1. Received: {name}={value!r}")
    return value


def _share(name, value):
    if checks.fraction(name, value) == 0:
        raise ValueError(f"`{name}` must be above 0. Received: {name}={value!r}")
    return value


@keras.saving.register_keras_serializable("keras_genmod")
class GAN(TruncatedLatents):
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
        packing: Positive int m: the discriminator takes m examples at once, joined
            along the channels (of vectors: the features), so that it sees whether they
            vary. Batches hold a multiple of it.
        r1_weight: Number of at least 0: adds r1_weight / 2 E |grad D(x)|^2 at real data
            to the discriminator's loss; or `None`, as all that follow.
        r2_weight: The same at generated data.
        gradient_penalty_weight: Number of at least 0, of E (|grad D(x_hat)| - 1)^2 at
            x_hat between real and generated data, as in `WGANGP`.
        label_smoothing: Number in [0, 1): the label of real data is so much less than
            1. Not with "hinge", which has no labels.
        instance_noise: Number of at least 0, the standard deviation of normal noise on
            real and generated data in front of the discriminator, in training.
        top_k: Number in (0, 1], the share of generated data that the generator learns
            from: those with the highest scores, at least one.
        augmentation: Keras layer from data to data of the same shape, such as
            `layers.DiffAugment`, that changes real and generated data alike before
            they are scored, in the steps of both networks. `layers.AdaptiveAugment`
            sees the scores of real data, and its probability is reported.
        ema_momentum: Number in [0, 1]. If given, the model keeps `averaged_generator`,
            whose weights after each step of the generator are `ema_momentum` times what
            they were and the rest the generator's, and draws samples from it. In step
            n = 0, 1, ... at most (1 + n) / (10 + n) of them stays: the first weights
            are soon forgotten.
        **kwargs: `seed`, `name`, `dtype` as in `GenerativeModel`.

    Weights of penalties, `label_smoothing`, `instance_noise`, `top_k` and
    `ema_momentum` may be set between epochs, also by callbacks, where they were given.
    Two time scales are two optimizers: `compile({"discriminator": Adam(4e-4),
    "generator": Adam(1e-4)})`.

    Raises:
        ValueError: If a network is not built, shapes do not fit, a name is unknown, a
            number is out of its range, or a penalised discriminator holds batch
            normalization; in `fit` and `evaluate`, if images do not lie in [0, 1].

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
        - Lin et al., PacGAN, 2018, arXiv:1712.04086.
        - Mescheder et al., Which training methods for GANs do actually converge?, 2018,
          arXiv:1801.04406 (R1, R2).
        - Salimans et al., 2016, arXiv:1606.03498 (labels); Sonderby et al., 2017,
          arXiv:1610.04490 (noise); Sinha et al., 2020, arXiv:2002.06224 (top k).

    Note:
        - `compile()` trains with `Adam(2e-4, beta_1=0.5)`, as Radford et al. (DCGAN,
          2015, arXiv:1511.06434) and most since; the paper had SGD with momentum.
        - Gradients are those with respect to public data, in [0, 1]: a weight of R1
          that a paper gives for [-1, 1] is four times the one here. They are taken
          where the discriminator looks, after augmentation and noise. A gradient
          penalty's slope of 1 is slope 1/2 of images in [-1, 1].

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

    r1_weight = Adjustable(checks.non_negative, optional=True)
    r2_weight = Adjustable(checks.non_negative, optional=True)
    gradient_penalty_weight = Adjustable(checks.non_negative, optional=True)
    label_smoothing = Adjustable(_below_one, optional=True)
    instance_noise = Adjustable(checks.non_negative, optional=True)
    top_k = Adjustable(_share, optional=True)

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        latent_dim: int,
        loss: str = "non_saturating",
        discriminator_steps: int = 1,
        num_classes: int | None = None,
        packing: int = 1,
        r1_weight: float | None = None,
        r2_weight: float | None = None,
        gradient_penalty_weight: float | None = None,
        label_smoothing: float | None = None,
        instance_noise: float | None = None,
        top_k: float | None = None,
        augmentation: keras.Layer | None = None,
        ema_momentum: float | None = None,
        **kwargs: Any,
    ) -> None:
        checks.choice("loss", loss, GAN_LOSSES)
        discriminator_steps = checks.positive_int(
            "discriminator_steps", discriminator_steps
        )
        if loss == "hinge" and label_smoothing is not None:
            raise ValueError(
                '`label_smoothing` must be None with loss="hinge", which has no '
                f"labels. Received: label_smoothing={label_smoothing!r}"
            )
        super().__init__(
            generator,
            discriminator,
            "discriminator",
            latent_dim,
            num_classes=num_classes,
            packing=packing,
            augmentation=augmentation,
            ema_momentum=ema_momentum,
            **kwargs,
        )
        self.discriminator = discriminator
        self.gan_loss = loss
        self.discriminator_steps = discriminator_steps
        self.r1_weight = r1_weight
        self.r2_weight = r2_weight
        self.gradient_penalty_weight = gradient_penalty_weight
        self.label_smoothing = label_smoothing
        self.instance_noise = instance_noise
        self.top_k = top_k
        self.accuracy = accuracy_trackers("discriminator")
        self.penalty_trackers = {
            name: keras.metrics.Mean(name=name.replace("_weight", ""))
            for name in _PENALTIES
            if getattr(self, name) is not None
        }
        if self.penalty_trackers:
            network_checks.no_batch_normalization(
                "discriminator",
                discriminator,
                "a penalty needs the gradient of each example alone",
            )
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
            self.generator_objective(self._generator_loss),
        ]

    def _shown(self, x):
        x = super()._shown(x)
        if self.instance_noise is None:
            return x
        noise = normal(ops.shape(x), self.seed_generator)
        return x + ops.convert_to_tensor(self.instance_noise) * noise

    def _discriminator_loss(self, inputs, passed_on, training):
        real, condition, fake = self._real_and_fake(inputs, training)
        fake = ops.stop_gradient(fake)
        of_real = self._score(real, condition, training)
        of_fake = self._score(fake, condition, training)
        least_squares = self.gan_loss == "least_squares"
        track_accuracy(self.accuracy, of_real, of_fake, least_squares)
        # Scores towards 1 and 0 have their boundary between.
        self._adapt(of_real - 0.5 * least_squares, training)
        loss, _ = GAN_LOSSES[self.gan_loss]
        smoothing = {}
        if self.label_smoothing is not None:
            smoothing["smoothing"] = ops.convert_to_tensor(self.label_smoothing)
        loss = loss(of_real, of_fake, **smoothing)
        loss = loss + self._penalties(real, fake, condition, training)
        return self._valid(loss, inputs), None

    def _penalties(self, real, fake, condition, training):
        score = self._penalized_score(condition, training)
        total = 0.0
        for name, tracker in self.penalty_trackers.items():
            weight = ops.convert_to_tensor(getattr(self, name))
            if name == "gradient_penalty_weight":
                penalty = one_centred_penalty(score, real, fake, self.seed_generator)
            else:
                x = real if name == "r1_weight" else fake
                penalty = 0.5 * zero_centred_penalty(score, x)
            tracker.update_state(ops.stop_gradient(penalty))
            total = total + weight * penalty
        return total

    def _generator_loss(self, inputs, passed_on, training):
        condition, fake = self._fake(inputs, training)
        _, loss = GAN_LOSSES[self.gan_loss]
        scores, weights = self._score(fake, condition, training), None
        if self.top_k is not None:
            weights = top_weights(scores, ops.convert_to_tensor(self.top_k))
        return self._valid(loss(scores, weights), inputs), None

    def get_config(self) -> dict[str, Any]:
        numbers = (*_PENALTIES, "label_smoothing", "instance_noise", "top_k")
        values = {name: getattr(self, name) for name in numbers}
        return {
            **super().get_config(),
            "discriminator": keras.saving.serialize_keras_object(self.discriminator),
            "loss": self.gan_loss,
            "discriminator_steps": self.discriminator_steps,
            **{k: None if v is None else float(v) for k, v in values.items()},
        }
