"""TextGAN: images from captions, by a discriminator that knows whether they match."""

from typing import Any

import keras
from keras import ops

from keras_genmod import checks
from keras_genmod.engine import Objective, argmax, uniform
from keras_genmod.models.adjustable import Adjustable
from keras_genmod.models.adversarial.gan import accuracy_trackers, track_accuracy
from keras_genmod.models.adversarial.latent_generator import unexpected
from keras_genmod.models.adversarial.losses import GAN_LOSSES
from keras_genmod.models.adversarial.truncated_latents import TruncatedLatents
from keras_genmod.models.embedding_conditional import EmbeddingConditional

_ROUNDING = 1e-4  # of embeddings: closer ones are of equal captions


@keras.saving.register_keras_serializable("keras_genmod")
class TextGAN(EmbeddingConditional, TruncatedLatents):
    """GAN-CLS with interpolation: a generator of latents and a caption's embedding t.

    The discriminator minimises

        -E log D(x, t) - m E log(1 - D(x', t)) - (1 - m) E log(1 - D(G(z, t), t)),

    with m = `matching_weight` and x' another real image of the batch, whose caption is
    not t; the generator -(E log D(G(z, t), t) + w E log D(G(z, u), u)) / (1 + w), with
    w = `interpolation_weight` and u the mean of two captions' embeddings.

    Train with `fit(images, embeddings)`, or with `data.CaptionedDataset`, which draws
    one of several captions of each image. With a `caption_encoder` conditions of
    `sample` may be strings.

    Args:
        generator: Built Keras model from `[latents, embeddings]` to images in [0, 1],
            or vectors, such as `networks.text_gan_generator`.
        discriminator: Built Keras model from `[images, embeddings]` to scores (logits)
            of any shape, such as `networks.text_gan_discriminator`.
        latent_dim: Positive int, number of latents, drawn from N(0, I).
        embedding_dim: Positive int, the size of a caption's embedding.
        caption_encoder: `layers.CaptionEncoder`, or another Keras layer with
            `encode(captions)`, which makes embeddings of strings; or `None`. The model
            keeps a copy, which trains no more.
        loss: "non_saturating" (above), "minimax", "least_squares" or "hinge".
        matching_weight: Number in [0, 1], the share of real images with a wrong caption
            in what the discriminator shall refuse.
        interpolation_weight: Number of at least 0, or `None` to leave interpolations
            out. There are half as many as captions in a batch.
        augmentation: Keras layer that changes real and generated images before they
            are scored, such as `layers.DiffAugment`; or `None`.
        ema_momentum: Number in [0, 1] or `None`. If given, samples are those of
            `averaged_generator`, which follows the generator's weights.
        **kwargs: `seed`, `name`, `dtype` as in `GenerativeModel`.

    The two weights and `ema_momentum` may be set between epochs where they were given.

    Raises:
        ValueError: If a network is not built, shapes do not fit, or a value is out of
            range; in `fit` and `evaluate`, if images do not lie in [0, 1].

    Warns:
        UserWarning: If the discriminator ends in a sigmoid, or the generator in tanh.

    References:
        Reed et al., Generative adversarial text to image synthesis, 2016,
        arXiv:1605.05396, which trains with `Adam(2e-4, beta_1=0.5)`, and so does
        `compile()`.

    Note:
        - Interpolations are scored by the loss of the other samples; the paper writes
          log(1 - D) there.
        - An image of a batch where all captions are the same has no wrong caption; a
          generated one takes the place of that pair.
        - Captions whose embeddings differ by rounding alone are taken for equal.

    Example:
    ```python
    encoder = joint_embedding.caption_encoder
    model = TextGAN(
        networks.text_gan_generator(64, 128, (32, 32, 3)),
        networks.text_gan_discriminator((32, 32, 3), 128),
        latent_dim=64,
        embedding_dim=128,
        caption_encoder=encoder,
    )
    model.compile()
    model.fit(images, encoder.encode(captions), epochs=100, batch_size=64)
    images = model.sample(2, ["a small red circle", "a large blue square"], seed=0)
    ```
    """

    matching_weight = Adjustable(checks.fraction)
    interpolation_weight = Adjustable(checks.non_negative, optional=True)

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        latent_dim: int,
        embedding_dim: int,
        caption_encoder: Any = None,
        loss: str = "non_saturating",
        matching_weight: float = 0.5,
        interpolation_weight: float | None = 0.5,
        augmentation: keras.Layer | None = None,
        ema_momentum: float | None = None,
        **kwargs: Any,
    ) -> None:
        checks.choice("loss", loss, GAN_LOSSES)
        embedding_dim = checks.positive_int("embedding_dim", embedding_dim)
        unexpected(self, kwargs, "packing", "num_classes")
        super().__init__(
            generator,
            discriminator,
            "discriminator",
            latent_dim,
            augmentation=augmentation,
            ema_momentum=ema_momentum,
            embedding_dim=embedding_dim,
            **kwargs,
        )
        self._take_embeddings(embedding_dim, caption_encoder)
        self.discriminator = discriminator
        self.gan_loss = loss
        self.matching_weight = matching_weight
        self.interpolation_weight = interpolation_weight
        self.accuracy = accuracy_trackers("discriminator")
        self.wrong_tracker = keras.metrics.Mean("discriminator_wrong_accuracy")
        self.finish_construction()

    def default_optimizer(self) -> keras.optimizers.Optimizer:
        return keras.optimizers.Adam(2e-4, beta_1=0.5)

    def define_objectives(self) -> list[Objective]:
        return [
            Objective("discriminator", self._discriminator_loss, [self.discriminator]),
            self.generator_objective(self._generator_loss),
        ]

    def _discriminator_loss(self, inputs, passed_on, training):
        real, captions, fake = self._real_and_fake(inputs, training)
        fake = ops.stop_gradient(fake)
        partners, have_one = wrong_partners(captions, self.seed_generator)
        wrong = ops.take(real, partners, axis=0)
        of_real = self._score(real, captions, training)
        of_wrong = self._score(wrong, captions, training)
        of_fake = self._score(fake, captions, training)
        have_one = ops.reshape(have_one, (-1, *(1,) * (len(of_fake.shape) - 1)))
        of_wrong = ops.where(have_one, of_wrong, of_fake)

        least_squares = self.gan_loss == "least_squares"
        track_accuracy(self.accuracy, of_real, of_fake, least_squares)
        self._adapt(of_real - 0.5 * least_squares, training)
        is_refused = ops.cast(of_wrong < 0.5 * least_squares, "float32")
        self.wrong_tracker.update_state(ops.stop_gradient(is_refused))
        loss, _ = GAN_LOSSES[self.gan_loss]
        share = ops.convert_to_tensor(self.matching_weight)
        loss = share * loss(of_real, of_wrong) + (1.0 - share) * loss(of_real, of_fake)
        return self._valid(loss, inputs), None

    def _generator_loss(self, inputs, passed_on, training):
        _, captions = self.data_and_condition(inputs)
        number, loss = ops.shape(captions)[0], GAN_LOSSES[self.gan_loss][1]
        asked = captions
        if self.interpolation_weight is not None:
            half = (number + 1) // 2
            between = 0.5 * (captions[:half] + captions[number - half :])
            asked = ops.concatenate([captions, between])
        z = self.prior.sample(ops.shape(asked)[0], self.seed_generator)
        fake = self._decode(z, asked, training)
        fake = self._shown(fake) if training else fake
        scores = self._score(fake, asked, training)
        total = loss(scores[:number])
        if self.interpolation_weight is not None:
            weight = ops.convert_to_tensor(self.interpolation_weight)
            total = (total + weight * loss(scores[number:])) / (1.0 + weight)
        return self._valid(total, inputs), None

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["num_classes"], config["packing"]
        serialize = keras.saving.serialize_keras_object
        weight = self.interpolation_weight
        return {
            **config,
            "discriminator": serialize(self.discriminator),
            **self._embedding_config(),
            "loss": self.gan_loss,
            "matching_weight": float(self.matching_weight),
            "interpolation_weight": None if weight is None else float(weight),
        }


def wrong_partners(captions, seeds):
    """Draws for each example another one whose caption is another.

    Args:
        captions: Float32 tensor `(batch, embedding_dim)`.
        seeds: Draws which one, evenly of all that there are.

    Returns:
        `(partners, have_one)`: indices `(batch,)`, and whether there is one.
    """
    number = ops.shape(captions)[0]
    apart = ops.sum(ops.square(captions[:, None] - captions[None]), axis=-1)
    size = ops.sum(ops.square(captions), axis=-1)
    differ = apart > _ROUNDING**2 * (size[:, None] + size[None])  # (batch, batch)
    coins = ops.where(differ, uniform((number, number), seeds), -1.0)
    return argmax(coins), ops.any(differ, axis=1)
