"""What autoencoders have in common whose images shall pass for real ones."""

from typing import Any

import keras
from keras import ops

from keras_genmod import checks
from keras_genmod.engine import (
    Objective,
    call_network,
    call_with,
    undone_unless,
    value_and_input_gradient,
)
from keras_genmod.losses import PerceptualLoss
from keras_genmod.models import network_checks
from keras_genmod.models.adjustable import Adjustable
from keras_genmod.models.adversarial.adversarial_model import AdversarialModel
from keras_genmod.models.adversarial.losses import GAN_LOSSES
from keras_genmod.models.discrete.adaptive_weight import LastLayer
from keras_genmod.models.valid_data import in_range, nan_unless


class AdversarialCodec(AdversarialModel):
    """The part of a model with an encoder, a decoder and a discriminator of images.

    With x and y the images and their reconstructions on [-1, 1], D the discriminator,

    autoencoder:    mean |x - y| + w_p d(x, y) + cost + w_a lambda (-mean D(y))
    discriminator:  (mean max(0, 1 - D(x)) + mean max(0, 1 + D(y))) / 2

    where lambda keeps the adversarial gradient as long as that of the first two terms,
    at the last layer of the decoder. A subclass gives `_narrow`, what passes between
    encoder and decoder and what it costs, and `_own_networks`.

    Args:
        encoder: Built Keras model from images.
        decoder: Built Functional or Sequential Keras model to images in [0, 1].
        discriminator: Built Keras model from images to logits.
        perceptual: `PerceptualLoss`, or `None`.
        perceptual_weight: Number of at least 0, w_p.
        adversarial_weight: Number of at least 0, w_a.
        discriminator_start: Int of at least 0, steps before the discriminator plays.
        cost_name: What training reports the cost as, without its weight.
        **kwargs: `seed`, `name`, `dtype` as in `GenerativeModel`.
    """

    perceptual_weight = Adjustable(checks.non_negative)
    adversarial_weight = Adjustable(checks.non_negative)

    def __init__(
        self,
        encoder: keras.Model,
        decoder: keras.Model,
        discriminator: keras.Model,
        perceptual: PerceptualLoss | None,
        perceptual_weight: float,
        adversarial_weight: float,
        discriminator_start: int,
        cost_name: str,
        **kwargs: Any,
    ) -> None:
        data_shape = encoder.input_shape[1:]
        network_checks.warn_unless_unit_range("decoder", decoder)
        _check_discriminator(discriminator, data_shape)
        network_checks.perceptual_loss(perceptual, data_shape)
        start = checks.integer("discriminator_start", discriminator_start)
        last = LastLayer(decoder)
        super().__init__(data_shape=data_shape, **kwargs)
        self.encoder, self.decoder = encoder, decoder
        self.discriminator, self.perceptual = discriminator, perceptual
        self.perceptual_weight = perceptual_weight
        self.adversarial_weight = adversarial_weight
        self.discriminator_start = start
        # Past Keras' tracking: its layers are those of the decoder.
        self.__dict__["_last_layer"] = last
        self.num_steps = self.add_weight(
            (), "zeros", "int32", trainable=False, name="num_steps"
        )
        names = "reconstruction", "perceptual", cost_name, "adaptive_weight"
        self.parts = {name: keras.metrics.Mean(name=name) for name in names}

    def _narrow(self, x, training):
        """Returns what the decoder takes of images, a cost `()` and its weight."""
        raise NotImplementedError

    def _own_networks(self) -> list[Any]:
        """Returns what the autoencoder's loss trains beside encoder and decoder."""
        raise NotImplementedError

    def default_optimizer(self) -> keras.optimizers.Optimizer:
        return keras.optimizers.Adam(1e-4, beta_1=0.5, beta_2=0.9)

    def define_objectives(self) -> list[Objective]:
        autoencoder = [self.encoder, *self._own_networks(), self.decoder]
        return [
            Objective("autoencoder", self._autoencoder_loss, autoencoder),
            Objective(
                "discriminator",
                self._discriminator_loss,
                [self.discriminator],
                is_due=self._takes_part if self.discriminator_start else None,
            ),
        ]

    def _takes_part(self):
        """Whether the discriminator plays: a boolean tensor `()`."""
        # Steps done before this one.
        return ops.convert_to_tensor(self.num_steps) >= self.discriminator_start

    def _logits(self, images, training):
        """Returns the discriminator's; before its start its state stays as it is."""
        moves = training and self.discriminator_start
        state = self.discriminator.non_trainable_variables if moves else []
        with undone_unless(self._takes_part(), state):
            return call_network(self.discriminator, images, training)

    def _decoded(self, vectors, training=False):
        return ops.cast(self.decoder(vectors, training=training), "float32")

    def _game(self, y, training):
        """Returns the decoder's loss in the game, `()`, and its gradient for images."""
        _, adversarial = GAN_LOSSES["hinge"]

        def asked(y):  # with what the call below draws, and leaves no trace
            return adversarial(call_with(self.discriminator, [], y, training))

        found = value_and_input_gradient(asked, y)
        if training and self.discriminator.non_trainable_variables:
            self._logits(y, training)  # moves its state
        return found

    def _autoencoder_loss(self, inputs, passed_on, training):
        x, _ = self.data_and_condition(inputs)
        takes_part = self._takes_part()
        vectors, cost, cost_weight = self._narrow(x, training)
        y, hidden = self._last_layer.call(vectors, training)
        # These losses look at images alone: their gradients there tell how much they
        # weigh, and are handed on to decoder and encoder as they are.
        fixed = ops.stop_gradient(y)
        difference, of_distance = value_and_input_gradient(
            lambda y: ops.mean(ops.abs(2.0 * (x - y))),  # of images on [-1, 1]
            fixed,
        )
        distance, perceptual = difference, ops.zeros(())
        of_network = self.perceptual
        if of_network is not None:
            weight = ops.convert_to_tensor(self.perceptual_weight)
            perceptual, of_features = value_and_input_gradient(
                lambda y: ops.mean(of_network((x, y))), fixed
            )
            distance = distance + weight * perceptual
            of_distance = of_distance + weight * of_features
        game, of_game = self._game(fixed, training)
        factor = self._last_layer.weight(hidden, of_distance, of_game)
        factor = ops.where(takes_part, factor, 0.0)
        values = difference, perceptual, cost, factor
        for tracker, value in zip(self.parts.values(), values, strict=True):
            tracker.update_state(value)
        weight = ops.convert_to_tensor(self.adversarial_weight) * factor
        game = ops.where(takes_part, weight * game, 0.0)
        pull = of_distance + ops.where(takes_part, weight * of_game, 0.0)
        pulled = ops.sum(pull * (y - fixed))  # 0, and has their gradients
        loss = distance + cost_weight * cost + game + pulled
        return self._valid(loss, x), y

    def _discriminator_loss(self, inputs, passed_on, training):
        x, _ = self.data_and_condition(inputs)
        of_real = self._logits(x, training)
        of_fake = self._logits(ops.stop_gradient(passed_on), training)
        loss, _ = GAN_LOSSES["hinge"]
        loss = 0.5 * loss(of_real, of_fake)
        loss = loss * ops.cast(self._takes_part(), "float32")
        if training:
            self.num_steps.assign_add(1)
        return self._valid(loss, x), None

    def _valid(self, loss, x):
        """Returns the loss, NaN where a stream brought images beyond [0, 1]."""
        return nan_unless(ops.all(in_range(x, 0.0, 1.0)), loss)

    def check_examples(self, x: Any) -> None:
        super().check_examples(x)
        checks.unit_range("x", x)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["num_classes"]
        names = ("encoder", "decoder", "discriminator", "perceptual")
        return {
            **config,
            **{n: keras.saving.serialize_keras_object(getattr(self, n)) for n in names},
            "perceptual_weight": float(self.perceptual_weight),
            "adversarial_weight": float(self.adversarial_weight),
            "discriminator_start": self.discriminator_start,
        }


def _check_discriminator(discriminator, data_shape):
    """Raises a `ValueError` unless the discriminator fits such images."""
    network_checks.image_discriminator(discriminator, data_shape)
    network_checks.no_batch_normalization(
        "discriminator",
        discriminator,
        "its statistics would mix images and reconstructions",
    )
