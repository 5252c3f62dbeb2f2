"""Pix2Pix: translation of images, learnt from pairs."""

from typing import Any

import keras
from keras import ops

from keras_genmod import checks
from keras_genmod.data.unpaired_dataset import UnpairedDataset
from keras_genmod.engine import Objective, Seeds, call_network, compiled, seed_state
from keras_genmod.layers.persistent_dropout import drawing_from
from keras_genmod.models import network_checks
from keras_genmod.models.adjustable import Adjustable
from keras_genmod.models.adversarial.gan import accuracy_trackers, track_accuracy
from keras_genmod.models.adversarial.losses import GAN_LOSSES
from keras_genmod.models.adversarial.translator import Translator
from keras_genmod.models.valid_data import nan_unless_images


@keras.saving.register_keras_serializable("keras_genmod")
class Pix2Pix(Translator):
    """A translator of images a to images b, and a discriminator that sees both.

    The discriminator minimises -(E log D(a, b) + E log(1 - D(a, G(a)))) / 2, then the
    generator -E log D(a, G(a)) + reconstruction_weight E |b - G(a)|, the norm as a
    mean over pixels. Both see the same translations G(a, noise); the noise is the
    generator's dropout alone.

    Train with pairs, `fit(sources, targets)`, `fit((sources, targets))` or any data
    set of `(source, target)`; `keras_genmod.data.PairedDataset` flips and crops them.

    Args:
        generator: Built Keras model from source images to target images of the same
            height and width, in [0, 1], such as `networks.unet_generator`. Its
            `layers.PersistentDropout` is the noise; Keras' `Dropout` is off when
            images are translated.
        discriminator: Built Keras model from images of the channels of source and
            target, in this order, to scores (logits) of any shape, such as
            `networks.patchgan_discriminator`.
        reconstruction_weight: Number of at least 0; may be set between epochs, also by
            callbacks (`model.reconstruction_weight = 20.0`).
        **kwargs: `seed`, `name`, `dtype` as in `GenerativeModel`.

    Raises:
        ValueError: If a network is not built, shapes do not fit, the generator holds
            batch normalization, or a value is out of range; in `fit` and `evaluate`,
            if images do not lie in [0, 1] or are not paired.

    Warns:
        UserWarning: If the discriminator ends in a sigmoid, or the generator in tanh.

    References:
        Isola et al., Image-to-image translation with conditional adversarial networks,
        2017, arXiv:1611.07004, which trains with `Adam(2e-4, beta_1=0.5)`, and so does
        `compile()`.

    Note:
        - Images are in [0, 1] here and in [-1, 1] in the paper, so that its weight of
          100 is 200 here.
        - The paper normalizes by batch, in training and after it, in batches of one
          image. That is instance normalization, which larger batches and translations
          of several images need to mean the same.
        - Translations of one call share one noise: each is what its image alone would
          get. Another seed gives others.

    Example:
    ```python
    model = Pix2Pix(
        networks.unet_generator((256, 256, 3)),
        networks.patchgan_discriminator((256, 256, 6)),
    )
    model.compile()
    model.fit(label_maps, photographs, epochs=200, batch_size=1)
    photographs = model.translate(label_maps, seed=0)
    ```
    """

    reconstruction_weight = Adjustable(checks.non_negative)

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        reconstruction_weight: float = 200.0,
        **kwargs: Any,
    ) -> None:
        checks.non_negative("reconstruction_weight", reconstruction_weight)
        source_shape, target_shape = _checked_shapes(generator, discriminator)
        network_checks.no_batch_normalization(
            "generator",
            generator,
            "a translation must not depend on the images beside it, and in batches of "
            "one image it is instance normalization, GroupNormalization(groups=-1)",
        )
        network_checks.warn_unless_scores("discriminator", discriminator)
        network_checks.warn_unless_unit_range("generator", generator)
        super().__init__(source_shape, target_shape, **kwargs)
        self.target_shape = target_shape
        self.generator = generator
        self.discriminator = discriminator
        self.reconstruction_weight = reconstruction_weight
        self.accuracy = accuracy_trackers("discriminator")
        self.reconstruction_tracker = keras.metrics.Mean(name="reconstruction")
        self.finish_construction()

    def define_objectives(self) -> list[Objective]:
        return [
            Objective("discriminator", self._discriminator_loss, [self.discriminator]),
            Objective("generator", self._generator_loss, [self.generator]),
        ]

    def call(self, inputs, training=False):
        """Returns the translations of the sources of `(source, target)`."""
        source, _ = self._images(inputs)
        return call_network(self.generator, source, training)

    def _translated(self, source, state, training):
        # G(a, noise), the noise a function of the state alone
        with drawing_from(Seeds(state)):
            return call_network(self.generator, source, training)

    def _score(self, source, target, training):
        # D(a, b)
        pair = ops.concatenate([source, target], axis=-1)
        return call_network(self.discriminator, pair, training)

    def _discriminator_loss(self, inputs, passed_on, training):
        source, target = self._images(inputs)
        state = self.seed_generator.next()
        fake = ops.stop_gradient(self._translated(source, state, training))
        of_real = self._score(source, target, training)
        of_fake = self._score(source, fake, training)
        track_accuracy(self.accuracy, of_real, of_fake)
        loss, _ = GAN_LOSSES["non_saturating"]
        # The generator gets the noise of the images that were judged.
        return nan_unless_images(0.5 * loss(of_real, of_fake), source, target), state

    def _generator_loss(self, inputs, state, training):
        source, target = self._images(inputs)
        fake = self._translated(source, state, training)
        _, adversarial = GAN_LOSSES["non_saturating"]
        reconstruction = ops.mean(ops.abs(target - fake))
        self.reconstruction_tracker.update_state(ops.stop_gradient(reconstruction))
        weight = ops.convert_to_tensor(self.reconstruction_weight)
        loss = adversarial(self._score(source, fake, training))
        return nan_unless_images(loss + weight * reconstruction, source, target), None

    def _standardize(self, given):
        _refuse_unpaired(given["x"])
        return super()._standardize(given)

    def _standardize_validation(self, data):
        _refuse_unpaired(data)
        return super()._standardize_validation(data)

    def _check_static(self, x, condition=None):
        super()._check_static(x)
        checks.static_shape("target images", condition, self.target_shape)

    def check_condition(self, condition: Any, num_examples: int) -> None:
        if condition is None:
            raise ValueError(
                "Pix2Pix trains on pairs of images: give `fit((sources, targets))` or "
                "`fit(sources, targets)`. Received the images of one side."
            )
        checks.shape("target images", condition, self.target_shape)
        if len(condition) != num_examples:
            raise ValueError(
                "Pix2Pix trains on pairs, as many target images as sources, in the "
                "same order; `CycleGAN` takes images without pairs. "
                f"Received: {num_examples} sources and {len(condition)} targets"
            )
        checks.unit_range("target images", condition)

    def translate(self, x: Any, seed: int | None = None) -> Any:
        """Returns translations of images.

        What becomes of an image depends on it and the seed alone, not on the images
        beside it.

        Args:
            x: Source images `(batch, height, width, channels)` in [0, 1].
            seed: Int for repeatable noise; `None` draws new noise each call.

        Returns:
            Float32 tensor `(batch, height, width, target channels)` in [0, 1].

        Raises:
            ValueError: If `x` are no such images.
        """
        checks.shape("x", x, self.data_shape)
        checks.unit_range("x", x)
        return self._translate(seed_state(seed, self.seed_generator), x)

    @compiled()
    def _translate(self, state, x):
        return self._translated(ops.cast(x, "float32"), state, False)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "generator": keras.saving.serialize_keras_object(self.generator),
            "discriminator": keras.saving.serialize_keras_object(self.discriminator),
            "reconstruction_weight": float(self.reconstruction_weight),
        }


def _refuse_unpaired(data):
    """Raises a `ValueError` if batches are known to hold no pairs."""
    if isinstance(data, UnpairedDataset):
        raise ValueError(
            "Pix2Pix trains on pairs, which `data.PairedDataset` makes batches of; "
            "`CycleGAN` takes images without pairs. Received: a "
            f"{type(data).__name__}"
        )


def _checked_shapes(generator, discriminator):
    """Returns the shapes of source and target; raises unless they make a pair."""
    source, target = network_checks.shapes("generator", generator)
    network_checks.known_shape("generator", (*source, *target))
    if len(source) != 3 or len(target) != 3 or source[:2] != target[:2]:
        raise ValueError(
            "`generator` must map images (height, width, channels) to images of the "
            "same height and width, which the discriminator sees one behind the other. "
            f"Received a network from {source} to {target}"
        )
    pair = (*source[:2], source[2] + target[2])
    found, _ = network_checks.shapes("discriminator", discriminator)
    if found != pair:
        raise ValueError(
            f"`discriminator` must take source and target one behind the other, "
            f"shape {pair}: the channels of both. Received a network of {found}"
        )
    return source, target
