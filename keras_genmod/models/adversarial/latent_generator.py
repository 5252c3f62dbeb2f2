"""What GAN and Wasserstein GANs share: a generator of latents and a score."""

from typing import Any

import keras
from keras import ops

from keras_genmod import checks
from keras_genmod.distributions import StandardNormal
from keras_genmod.engine import Objective, call_network, compiled
from keras_genmod.models import network_checks
from keras_genmod.models.adjustable import Adjustable
from keras_genmod.models.adversarial.adversarial_model import AdversarialModel
from keras_genmod.models.adversarial.averaging import averaged_copy, update_averages
from keras_genmod.models.adversarial.packs import packed
from keras_genmod.models.float32_weight import add_float32_weight
from keras_genmod.models.valid_data import in_range, nan_unless


class LatentGenerator(AdversarialModel):
    """A generator of images from z in N(0, I), and a network that scores images.

    Images lie in [0, 1]: `fit` refuses arrays of others, and the losses of a batch
    that holds others are NaN. Data that are vectors, of shape `(batch, dim)`, are taken
    as they are.

    Args:
        generator: Built Keras model from latents `(batch, latent_dim)` to data. With
            `num_classes` it takes the list `[z, one_hot]`.
        scorer: Built Keras model from data, or packs of them, to scores; with
            `num_classes` it takes the list `[x, one_hot]`, labels packed too.
        scorer_name: What the family calls it: "discriminator" or "critic".
        latent_dim: Positive int.
        num_classes: Int, or `None`.
        packing: Positive int, examples that are judged together, joined along the
            channels (of vectors: the features); batches hold a multiple of it.
        augmentation: Keras layer from data to data of the same shape, such as
            `layers.DiffAugment`, that changes real and generated data alike before
            they are scored, in the steps of both networks; or `None`. One with
            `adapt_to`, such as `layers.AdaptiveAugment`, has its probability reported.
        ema_momentum: Number in [0, 1] or `None`. If given, the model keeps
            `averaged_generator`, whose weights after each step of the generator are
            `ema_momentum` times what they were and the rest the generator's, and draws
            samples from it. In step n = 0, 1, ... at most (1 + n) / (10 + n) of them
            stays: the first weights are soon forgotten. May be set between epochs.
        embedding_dim: Positive int, the length of vectors that are conditions in place
            of one-hot labels; or `None`.
        **kwargs: `seed`, `name`, `dtype` as in `GenerativeModel`.
    """

    ema_momentum = Adjustable(checks.fraction, optional=True)
    _warms_up = True  # the average, by the number of steps

    def __init__(
        self,
        generator: keras.Model,
        scorer: keras.Model,
        scorer_name: str,
        latent_dim: int,
        num_classes: int | None = None,
        packing: int = 1,
        augmentation: keras.Layer | None = None,
        ema_momentum: float | None = None,
        embedding_dim: int | None = None,
        **kwargs: Any,
    ) -> None:
        latent_dim = checks.positive_int("latent_dim", latent_dim)
        packing = checks.positive_int("packing", packing)
        if augmentation is not None and not isinstance(augmentation, keras.Layer):
            raise ValueError(
                "`augmentation` must be a Keras layer or None. "
                f"Received: augmentation={augmentation!r}"
            )
        if ema_momentum is not None:
            checks.fraction("ema_momentum", ema_momentum)
        latent_shape, data_shape = network_checks.shapes(
            "generator", generator, num_classes, embedding_dim
        )
        network_checks.maps(
            "generator",
            generator,
            (latent_dim,),
            data_shape,
            num_classes,
            embedding_dim,
        )
        network_checks.known_shape("generator", data_shape)
        packed_classes = None if num_classes is None else num_classes * packing
        scored_shape, _ = network_checks.shapes(
            scorer_name, scorer, packed_classes, embedding_dim
        )
        pack_shape = (*data_shape[:-1], packing * data_shape[-1])
        if scored_shape != pack_shape:
            of_packs = "" if packing == 1 else f", {packing} of them as channels"
            raise ValueError(
                f"`{scorer_name}` must take what `generator` makes{of_packs}, shape "
                f"{pack_shape} without the batch. Received a network of input shape "
                f"{scored_shape}"
            )
        network_checks.warn_unless_scores(scorer_name, scorer)
        if len(data_shape) > 1:
            network_checks.warn_unless_unit_range("generator", generator)
        super().__init__(data_shape=data_shape, num_classes=num_classes, **kwargs)
        self.generator = generator
        self.latent_dim = latent_dim
        self.packing = packing
        self.augmentation = augmentation
        self.probability_tracker = None
        if augmentation is not None:
            _check_augmentation(augmentation, data_shape)
        if hasattr(augmentation, "adapt_to"):
            self.probability_tracker = keras.metrics.Mean("augmentation_probability")
        self.prior = StandardNormal((latent_dim,))
        self._scorer_name = scorer_name
        self.ema_momentum = ema_momentum
        self.averaged_generator = None
        if ema_momentum is not None:
            self.averaged_generator = averaged_copy(generator)
            if self._warms_up:
                self.num_averages = add_float32_weight(
                    self, "num_averages", (), trainable=False
                )

    @property
    def examples_together(self) -> int:
        return self.packing

    def generator_objective(self, loss: Any) -> Objective:
        """Returns the generator's objective, which averages it after each step."""
        after = None if self.averaged_generator is None else self._update_averages
        return Objective("generator", loss, [self.generator], after=after)

    def _update_averages(self):
        momentum = ops.convert_to_tensor(self.ema_momentum)
        if self._warms_up:
            n = ops.convert_to_tensor(self.num_averages)
            momentum = ops.minimum(momentum, (1.0 + n) / (10.0 + n))
            self.num_averages.assign(n + 1.0)
        update_averages(self.averaged_generator, self.generator, momentum)

    @property
    def sampling_generator(self) -> keras.Model:
        """The network that samples come from: the averaged one, if there is one.

        `model.sampling_generator.save("generator.keras")` saves it alone.
        """
        return self.averaged_generator or self.generator

    def call(self, inputs, training=False):
        """Returns the scores of data `(batch, ...)`, or of their packs, as float32."""
        x, condition = self._packs(*self.data_and_condition(inputs))
        return self._score(x, condition, training)

    def _packs(self, x, condition):
        condition = None if condition is None else packed(condition, self.packing)
        return packed(x, self.packing), condition

    def _score(self, x, condition, training=False):
        """Returns float32 scores of packs."""
        network = getattr(self, self._scorer_name)
        inputs = x if condition is None else [x, condition]
        return call_network(network, inputs, training)

    def _penalized_score(self, condition, training):
        """Returns the function from packs to scores that penalties differentiate."""
        # Not by `call_network`: losses that layers add are those of data and samples.
        network = getattr(self, self._scorer_name)
        return lambda x: network(
            x if condition is None else [x, condition], training=training
        )

    def _decode(self, z, condition, training=False):
        # x = G(z), or G(z, one_hot)
        inputs = z if condition is None else [z, condition]
        return call_network(self.generator, inputs, training)

    def _real_and_fake(self, inputs, training):
        """Returns what is scored: data, as many generated examples, and labels.

        They are augmented in training, and packed; the labels are one-hot, or `None`.
        """
        real, _ = self.data_and_condition(inputs)
        if training:
            real = self._shown(real)
        real, _ = self._packs(real, None)
        condition, fake = self._fake(inputs, training)
        return real, condition, fake

    def _fake(self, inputs, training):
        """Returns labels and what a generator is scored by, as many as there are data.

        Data themselves are not augmented: nothing in a generator's loss is of them.
        """
        x, condition = self.data_and_condition(inputs)
        z = self.prior.sample(ops.shape(x)[0], self.seed_generator)
        fake = self._decode(z, condition, training)
        if training:
            fake = self._shown(fake)
        fake, condition = self._packs(fake, condition)
        return condition, fake

    def _shown(self, x):
        """Returns data as they are scored in training."""
        if self.augmentation is None:
            return x
        return ops.cast(self.augmentation(x, training=True), "float32")

    def _adapt(self, of_real, training):
        """Reports the probability of an adaptive augmentation, and moves it.

        Args:
            of_real: Scores of data, above 0 where taken for data.
            training: Boolean.
        """
        if self.probability_tracker is None:
            return
        adaptive: Any = self.augmentation
        self.probability_tracker.update_state(adaptive.probability)
        if training:
            adaptive.adapt_to(ops.stop_gradient(of_real), self.packing)

    def _valid(self, loss, inputs):
        """Returns a loss of a batch, NaN if the data are no images in [0, 1]."""
        if len(self.data_shape) == 1:
            return loss
        real, _ = self.data_and_condition(inputs)
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
        return self._generate(ops.cast(z, "float32"), condition)

    def _generate(self, z, condition):
        inputs = z if condition is None else [z, condition]
        return call_network(self.sampling_generator, inputs, False)

    def get_config(self) -> dict[str, Any]:
        serialize = keras.saving.serialize_keras_object
        momentum, augmentation = self.ema_momentum, self.augmentation
        return {
            **super().get_config(),
            "generator": serialize(self.generator),
            "latent_dim": self.latent_dim,
            "packing": self.packing,
            "augmentation": None if augmentation is None else serialize(augmentation),
            "ema_momentum": None if momentum is None else float(momentum),
        }


def unexpected(model: keras.Model, given: dict[str, Any], *names: str) -> None:
    """Raises a `TypeError` for arguments that only relatives of a model take.

    Args:
        model: Names the class.
        given: Dict, its `**kwargs`.
        *names: Strings, arguments of `LatentGenerator`.
    """
    for name in names:
        if name in given:
            raise TypeError(
                f"{type(model).__name__} takes no `{name}`. Received: {name}="
                f"{given[name]!r}"
            )


def _check_augmentation(augmentation, data_shape):
    """Raises a `ValueError` unless a layer keeps the shape of data; builds it."""
    try:
        # Of two symbolic examples: no seed moves.
        shown = augmentation(keras.KerasTensor((2, *data_shape)), training=True)
        why = f"a layer that returns shape {tuple(shown.shape[1:])}"
    except ValueError as error:
        shown, why = None, f"{augmentation!r}, which raises: {error}"
    if shown is None or tuple(shown.shape[1:]) != tuple(data_shape):
        raise ValueError(
            "`augmentation` must return data of the shape it takes, here "
            f"{tuple(data_shape)} without the batch. Received: {why}"
        )
