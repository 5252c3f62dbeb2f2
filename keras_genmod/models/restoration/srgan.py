"""SRGAN: super-resolution whose images shall pass for real ones."""

from typing import Any

import keras
from keras import ops

from keras_genmod import checks
from keras_genmod.engine import Objective, call_network
from keras_genmod.losses import PerceptualLoss
from keras_genmod.models import network_checks
from keras_genmod.models.adjustable import Adjustable
from keras_genmod.models.adversarial.adversarial_model import AdversarialModel
from keras_genmod.models.adversarial.gan import accuracy_trackers, track_accuracy
from keras_genmod.models.adversarial.losses import GAN_LOSSES
from keras_genmod.models.restoration.upscaler import Upscaler
from keras_genmod.models.valid_data import nan_unless


@keras.saving.register_keras_serializable("keras_genmod")
class SRGAN(Upscaler, AdversarialModel):
    """Enlarges images by pixels, features of a classifier, and a discriminator.

    With y the large images, G(x) what is made of the small ones,

    discriminator:  -E log D(y) - E log(1 - D(G(x)))
    generator:      w_r mean (2 (y - G(x)))^2 + w_p d(y, G(x)) - w_a E log D(G(x))

    the first term of images on [-1, 1]. Both take their step on the same G(x).

    Begin with a generator that `SuperResolution` has trained: from a random one the
    discriminator wins. The paper's SRGAN-VGG54 is `reconstruction_weight=0.0`,
    `perceptual_weight=0.006` and `PerceptualLoss(vgg19, "block5_conv4",
    unit_length=False)` of `networks.vgg19(path)`; its SRGAN-MSE is
    `perceptual=None`. That weight, about 1 / 12.75^2, is one of a mean over channels
    too. Features of a small classifier of your own are no VGG's: keep
    `reconstruction_weight` then, which holds colours where they are.

    Args:
        generator: As in `SuperResolution`.
        discriminator: Built Keras model from large images to logits of any shape, such
            as `networks.srgan_discriminator`.
        image_shape: Shape `(height, width, channels)` of the small images that train.
        perceptual: `keras_genmod.losses.PerceptualLoss` of images of these channels, d;
            or `None`.
        reconstruction_weight: Number of at least 0, w_r; callbacks may set it.
        perceptual_weight: Number of at least 0, w_p; callbacks may set it.
        adversarial_weight: Number of at least 0, w_a; callbacks may set it.
        **kwargs: `seed`, `name`, `dtype` as in `GenerativeModel`.

    Raises:
        ValueError: If a network is not built, or an argument does not fit the others;
            in `fit` and `evaluate`, if images do not lie in [0, 1] or are not paired.

    Warns:
        UserWarning: If the discriminator ends in a sigmoid, or the generator in tanh.

    References:
        Ledig et al., Photo-realistic single image super-resolution using a generative
        adversarial network, 2017, arXiv:1609.04802, which trains by `Adam(1e-4)`, then
        as long by 1e-5; `compile()` is the former.

    Example:
    ```python
    model = SRGAN(
        srresnet.generator,
        networks.srgan_discriminator((96, 96, 3)),
        (24, 24, 3),
        losses.PerceptualLoss(classifier, "conv2d_3", unit_length=False),
    )
    model.compile()
    model.fit(small, large, epochs=20, batch_size=16)
    images = model.upscale(small)
    ```
    """

    reconstruction_weight = Adjustable(checks.non_negative)
    perceptual_weight = Adjustable(checks.non_negative)
    adversarial_weight = Adjustable(checks.non_negative)

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        image_shape: Any,
        perceptual: PerceptualLoss | None = None,
        reconstruction_weight: float = 1.0,
        perceptual_weight: float = 0.006,
        adversarial_weight: float = 1e-3,
        **kwargs: Any,
    ) -> None:
        super().__init__(generator, image_shape, **kwargs)
        network_checks.image_discriminator(discriminator, self.condition_shape)
        network_checks.perceptual_loss(perceptual, self.condition_shape)
        self.discriminator, self.perceptual = discriminator, perceptual
        self.reconstruction_weight = reconstruction_weight
        self.perceptual_weight = perceptual_weight
        self.adversarial_weight = adversarial_weight
        self.accuracy = accuracy_trackers("discriminator")
        names = "reconstruction", "perceptual", "adversarial"
        self.parts = {name: keras.metrics.Mean(name=name) for name in names}
        self.finish_construction()

    def default_optimizer(self) -> keras.optimizers.Optimizer:
        return keras.optimizers.Adam(1e-4)

    def define_objectives(self) -> list[Objective]:
        return [
            Objective("discriminator", self._discriminator_loss, [self.discriminator]),
            Objective("generator", self._generator_loss, [self.generator]),
        ]

    def _discriminator_loss(self, inputs, passed_on, training):
        small, large = self._images(inputs)
        made = call_network(self.generator, small, training)
        of_real = call_network(self.discriminator, large, training)
        of_fake = call_network(self.discriminator, ops.stop_gradient(made), training)
        track_accuracy(self.accuracy, of_real, of_fake)
        loss, _ = GAN_LOSSES["non_saturating"]
        return self._checked_loss(loss(of_real, of_fake), small, large), None

    def _generator_loss(self, inputs, passed_on, training):
        small, large = self._images(inputs)
        made = call_network(self.generator, small, training)
        _, adversarial = GAN_LOSSES["non_saturating"]
        perceptual = ops.zeros((), "float32")
        if self.perceptual is not None:
            perceptual = ops.mean(self.perceptual((large, made)))
        values = {
            "reconstruction": ops.mean(self._squared_errors(made, large)),
            "perceptual": perceptual,
            "adversarial": adversarial(
                call_network(self.discriminator, made, training)
            ),
        }
        loss = ops.zeros((), "float32")
        for name, value in values.items():
            self.parts[name].update_state(ops.stop_gradient(value))
            loss += ops.convert_to_tensor(getattr(self, f"{name}_weight")) * value
        return self._checked_loss(loss, small, large), None

    def _checked_loss(self, loss, small, large):
        """Returns the loss, NaN where a stream brought pixels beyond [0, 1]."""
        return nan_unless(ops.all(self._valid(small, large)), loss)

    def get_config(self) -> dict[str, Any]:
        names = ("reconstruction_weight", "perceptual_weight", "adversarial_weight")
        networks = ("discriminator", "perceptual")
        return {
            **super().get_config(),
            **{name: float(getattr(self, name)) for name in names},
            **{
                name: keras.saving.serialize_keras_object(getattr(self, name))
                for name in networks
            },
        }
