"""VQGAN: codes whose images pass for real ones, patch by patch.

Esser, Rombach and Ommer, Taming transformers for high-resolution image synthesis, 2021,
arXiv:2012.09841.

Departures: `commitment` is on the term that pulls the encoder, as in the paper; the
authors' code has it on the other by default. The discriminator has its own optimizer
and takes its step after the autoencoder, on the images of that step.
"""

import math
from typing import Any

import keras
from keras import ops

from keras_genmod import checks
from keras_genmod.engine import Objective, call_network
from keras_genmod.layers.quantizer import Quantizer
from keras_genmod.losses import PerceptualLoss
from keras_genmod.models import network_checks
from keras_genmod.models.adjustable import Adjustable
from keras_genmod.models.adversarial.adversarial_model import AdversarialModel
from keras_genmod.models.adversarial.losses import GAN_LOSSES
from keras_genmod.models.discrete.adaptive_weight import LastLayer
from keras_genmod.models.discrete.code_usage import CodeUsage
from keras_genmod.models.discrete.coded import Coded, grid_of
from keras_genmod.models.valid_data import in_range, nan_unless


@keras.saving.register_keras_serializable("keras_genmod")
class VQGAN(Coded, AdversarialModel):
    """Encodes images to codes, by L1, perceptual and adversarial losses.

    With x and y the images and their reconstructions on [-1, 1], D the discriminator,

    autoencoder:    mean |x - y| + w_p d(x, y) + quantizer + w_a lambda (-mean D(y))
    discriminator:  (mean max(0, 1 - D(x)) + mean max(0, 1 + D(y))) / 2

    where lambda keeps the adversarial gradient as long as that of the first two terms,
    at the last layer of the decoder, and the quantizer's loss is its mean over
    positions and channels. Until `discriminator_start` steps are done, both adversarial
    terms are 0: the discriminator's weights stay as they are.

    There is no likelihood. `TwoStage(model, prior)` learns a prior of the codes,
    without which `sample` takes them in uniform use.

    Args:
        encoder: Built Keras model from images `(height, width, channels)` in [0, 1] to
            features `(*grid, quantizer.input_dim)`.
        quantizer: As in `VQVAE`.
        decoder: Built Functional or Sequential Keras model from vectors
            `(*grid, quantizer.code_dim)` to images in [0, 1].
        discriminator: Built Keras model from images to logits of any shape, such as
            those of patches; without batch normalization, whose statistics would move
            before its start.
        perceptual: `keras_genmod.losses.PerceptualLoss` of images of these channels, or
            `None`.
        perceptual_weight: Number of at least 0, w_p; callbacks may set it.
        adversarial_weight: Number of at least 0, w_a; callbacks may set it.
        discriminator_start: Int of at least 0, steps before the discriminator takes
            part; 250,000 in the paper's larger models, 10,000 in small ones.
        **kwargs: `seed`, `name`, `dtype` as in `GenerativeModel`.

    Raises:
        ValueError: If a network is not built, or an argument does not fit the others.

    References:
        - Esser, Rombach and Ommer, 2021, arXiv:2012.09841.
        - Lim and Ye, Geometric GAN, 2017, arXiv:1705.02894 (hinge).

    Note:
        `compile()` trains with `Adam(1e-4, beta_1=0.5, beta_2=0.9)`; the authors' rate
        is 4.5e-6 times the batch size.

    Example:
    ```python
    model = VQGAN(
        networks.grid_encoder((32, 32, 3), 64),
        layers.VectorQuantizer(512, 64),
        networks.grid_decoder((8, 8, 64), 3, output_activation="sigmoid"),
        networks.patchgan_discriminator((32, 32, 3), num_layers=2),
        losses.PerceptualLoss(classifier, ["conv2d_1", "conv2d_3"]),
        discriminator_start=2_000,
    )
    model.compile()
    model.fit(images, epochs=20, batch_size=64)
    codes = model.encode(images)
    ```
    """

    perceptual_weight = Adjustable(checks.non_negative)
    adversarial_weight = Adjustable(checks.non_negative)

    def __init__(
        self,
        encoder: keras.Model,
        quantizer: Quantizer,
        decoder: keras.Model,
        discriminator: keras.Model,
        perceptual: PerceptualLoss | None = None,
        perceptual_weight: float = 1.0,
        adversarial_weight: float = 0.8,
        discriminator_start: int = 10_000,
        **kwargs: Any,
    ) -> None:
        data_shape, grid = grid_of(encoder, quantizer)
        network_checks.maps("decoder", decoder, (*grid, quantizer.code_dim), data_shape)
        network_checks.warn_unless_unit_range("decoder", decoder)
        found, _ = network_checks.shapes("discriminator", discriminator)
        if found != data_shape:
            raise ValueError(
                f"`discriminator` must take images of shape {data_shape}. Received a "
                f"network of {found}"
            )
        network_checks.warn_unless_scores("discriminator", discriminator)
        network_checks.no_batch_normalization(
            "discriminator", discriminator, "its statistics would move before its start"
        )
        _check_perceptual(perceptual, data_shape)
        start = checks.integer("discriminator_start", discriminator_start)
        last = LastLayer(decoder)
        super().__init__(data_shape=data_shape, **kwargs)
        self.encoder, self.quantizer, self.decoder = encoder, quantizer, decoder
        self.discriminator, self.perceptual = discriminator, perceptual
        self.perceptual_weight = perceptual_weight
        self.adversarial_weight = adversarial_weight
        self.discriminator_start = start
        self.grid, self.num_codes = grid, quantizer.num_codes
        # Past Keras' tracking: its layers are those of the decoder.
        self.__dict__["_last_layer"] = last
        self.num_steps = self.add_weight(
            (), "zeros", "int32", trainable=False, name="num_steps"
        )
        names = "reconstruction", "perceptual", "quantization", "adaptive_weight"
        self.parts = {name: keras.metrics.Mean(name=name) for name in names}
        self.usage = CodeUsage(self.num_codes)
        self.finish_construction()

    def default_optimizer(self) -> keras.optimizers.Optimizer:
        return keras.optimizers.Adam(1e-4, beta_1=0.5, beta_2=0.9)

    def define_objectives(self) -> list[Objective]:
        autoencoder = [self.encoder, self.quantizer, self.decoder]
        return [
            Objective("autoencoder", self._autoencoder_loss, autoencoder),
            Objective("discriminator", self._discriminator_loss, [self.discriminator]),
        ]

    def call(self, inputs, training=False):
        """Returns the reconstructions."""
        x, _ = self.data_and_condition(inputs)
        features = self.encoder(x, training=training)
        found = self.quantizer(features, training=training)
        return self._decoded(found["quantized"], training)

    def _decoded(self, vectors, training=False):
        return ops.cast(self.decoder(vectors, training=training), "float32")

    def _images_of(self, vectors):
        return self._decoded(vectors)

    def _distance(self, x, y):
        """Returns the mean L1 and perceptual distances of images in [0, 1], `()`."""
        difference = ops.mean(ops.abs(2.0 * (x - y)))  # of images on [-1, 1]
        if self.perceptual is None:
            return difference, ops.zeros(())
        return difference, ops.mean(self.perceptual((x, y)))

    def _autoencoder_loss(self, inputs, passed_on, training):
        x, _ = self.data_and_condition(inputs)
        # Steps done before this one.
        takes_part = ops.convert_to_tensor(self.num_steps) >= self.discriminator_start
        features = call_network(self.encoder, x, training)
        found = self.quantizer(features, training=training)
        y, hidden = self._last_layer.call(found["quantized"], training)
        size = math.prod(self.grid) * self.quantizer.input_dim
        quantization = ops.mean(found["loss"]) / size
        perceptual_weight = ops.convert_to_tensor(self.perceptual_weight)

        def reconstruction(y):
            difference, perceptual = self._distance(x, y)
            return difference + perceptual_weight * perceptual

        def adversarial(y):
            _, loss = GAN_LOSSES["hinge"]
            return loss(call_network(self.discriminator, y, training))

        factor = self._last_layer.weight(hidden, reconstruction, adversarial)
        factor = ops.where(takes_part, factor, 0.0)
        weight = ops.convert_to_tensor(self.adversarial_weight) * factor
        game = ops.where(takes_part, weight * adversarial(y), 0.0)
        difference, perceptual = self._distance(x, y)
        values = difference, perceptual, quantization, factor
        for tracker, value in zip(self.parts.values(), values, strict=True):
            tracker.update_state(value)
        self.usage.update_state(found["codes"])
        if training:
            self.num_steps.assign_add(1)
        loss = difference + perceptual_weight * perceptual + quantization + game
        passed_on = {"y": y, "takes_part": ops.cast(takes_part, "float32")}
        return self._valid(loss, x), passed_on

    def _discriminator_loss(self, inputs, passed_on, training):
        x, _ = self.data_and_condition(inputs)
        y = ops.stop_gradient(passed_on["y"])
        of_real = call_network(self.discriminator, x, training)
        of_fake = call_network(self.discriminator, y, training)
        loss, _ = GAN_LOSSES["hinge"]
        return 0.5 * loss(of_real, of_fake) * passed_on["takes_part"], None

    def _valid(self, loss, x):
        """Returns the loss, NaN where a stream brought images beyond [0, 1]."""
        return nan_unless(ops.all(in_range(x, 0.0, 1.0)), loss)

    def check_examples(self, x: Any) -> None:
        super().check_examples(x)
        checks.unit_range("x", x)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["num_classes"]
        names = ("encoder", "quantizer", "decoder", "discriminator", "perceptual")
        return {
            **config,
            **{n: keras.saving.serialize_keras_object(getattr(self, n)) for n in names},
            "perceptual_weight": float(self.perceptual_weight),
            "adversarial_weight": float(self.adversarial_weight),
            "discriminator_start": self.discriminator_start,
        }


def _check_perceptual(perceptual, data_shape):
    """Raises a `ValueError` unless the loss takes such images."""
    if perceptual is None:
        return
    if not isinstance(perceptual, PerceptualLoss):
        raise ValueError(
            "`perceptual` must be a `keras_genmod.losses.PerceptualLoss` or None. "
            f"Received: perceptual={perceptual!r}"
        )
    if perceptual.channels != data_shape[-1]:
        raise ValueError(
            f"`perceptual` must take images of {data_shape[-1]} channels. Received one "
            f"whose network takes {perceptual.channels}"
        )
