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

from keras_genmod.engine import call_network
from keras_genmod.layers.quantizer import Quantizer
from keras_genmod.losses import PerceptualLoss
from keras_genmod.models import network_checks
from keras_genmod.models.discrete.adversarial_codec import AdversarialCodec
from keras_genmod.models.discrete.code_usage import CodeUsage
from keras_genmod.models.discrete.quantized_features import QuantizedFeatures, grid_of


@keras.saving.register_keras_serializable("keras_genmod")
class VQGAN(QuantizedFeatures, AdversarialCodec):
    """Encodes images to codes, by L1, perceptual and adversarial losses.

    With x and y the images and their reconstructions on [-1, 1], D the discriminator,

    autoencoder:    mean |x - y| + w_p d(x, y) + quantizer + w_a lambda (-mean D(y))
    discriminator:  (mean max(0, 1 - D(x)) + mean max(0, 1 + D(y))) / 2

    where lambda keeps the adversarial gradient as long as that of the first two terms,
    at the last layer of the decoder, and the quantizer's loss is its mean over
    positions and channels. Until `discriminator_start` steps are done, both adversarial
    terms are 0, and the discriminator, its state (such as that of spectral
    normalization) and its optimizer stay as they are, weight decay or not.

    There is no likelihood. `TwoStage(model, prior)` learns a prior of the codes,
    without which `sample` takes them in uniform use.

    Args:
        encoder: Built Keras model from images `(height, width, channels)` in [0, 1] to
            features `(*grid, quantizer.input_dim)`.
        quantizer: As in `VQVAE`.
        decoder: Built Functional or Sequential Keras model from vectors
            `(*grid, quantizer.code_dim)` to images in [0, 1].
        discriminator: Built Keras model from images to logits of any shape, such as
            those of patches; without batch normalization, whose statistics would mix
            images and reconstructions.
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
        super().__init__(
            encoder,
            decoder,
            discriminator,
            perceptual,
            perceptual_weight,
            adversarial_weight,
            discriminator_start,
            "quantization",
            **kwargs,
        )
        self.quantizer = quantizer
        self.grid, self.num_codes = grid, quantizer.num_codes
        self.usage = CodeUsage(self.num_codes)
        self.finish_construction()

    def _own_networks(self) -> list[Any]:
        return [self.quantizer]

    def call(self, inputs, training=False):
        """Returns the reconstructions."""
        x, _ = self.data_and_condition(inputs)
        return self._decoded(self._quantized(x, training)["quantized"], training)

    def _images_of(self, vectors):
        return self._decoded(vectors)

    def _narrow(self, x, training):
        features = call_network(self.encoder, x, training)
        found = self.quantizer(features, training=training)
        self.usage.update_state(found["codes"])
        size = math.prod(self.grid) * self.quantizer.input_dim
        return found["quantized"], ops.mean(found["loss"]) / size, 1.0

    def get_config(self) -> dict[str, Any]:
        quantizer = keras.saving.serialize_keras_object(self.quantizer)
        return {**super().get_config(), "quantizer": quantizer}
