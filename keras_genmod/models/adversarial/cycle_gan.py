"""CycleGAN: translation between two domains without pairs."""

from typing import Any

import keras
from keras import ops

from keras_genmod import checks
from keras_genmod.engine import Objective, Seeds, call_network, compiled, seed_state
from keras_genmod.layers.persistent_dropout import drawing_from
from keras_genmod.models import network_checks
from keras_genmod.models.adjustable import Adjustable
from keras_genmod.models.adversarial.gan import accuracy_trackers, track_accuracy
from keras_genmod.models.adversarial.image_pool import ImagePool
from keras_genmod.models.adversarial.losses import (
    least_squares_discriminator,
    least_squares_generator,
)
from keras_genmod.models.adversarial.translator import Translator
from keras_genmod.models.valid_data import nan_unless_images


class _IdentityWeight(Adjustable):
    """A weight of translations that a model made without them cannot weigh."""

    def __set__(self, model, value):
        if model.built and value != 0 and not model._has_identity_loss:
            raise ValueError(
                "`identity_weight` must stay 0 in a model that was made with 0: its "
                "step makes no translations to weigh. Make the model with a value "
                f"above 0. Received: identity_weight={value}"
            )
        super().__set__(model, value)


@keras.saving.register_keras_serializable("keras_genmod")
class CycleGAN(Translator):
    """Two translators, two discriminators, and cycles that must come back.

    The generators G_ab and G_ba minimise
    least_squares(D_b(G_ab(a))) + least_squares(D_a(G_ba(b)))
    + cycle_weight (|G_ba(G_ab(a)) - a| + |G_ab(G_ba(b)) - b|)
    + identity_weight cycle_weight (|G_ab(b) - b| + |G_ba(a) - a|), norms as means over
    pixels. Then each discriminator takes a step on real images and on translated ones
    out of its image pool.

    Train with pairs of batches, `fit((images_a, images_b))` or any data set of them;
    `keras_genmod.data.UnpairedDataset` makes them of two sets of different length.

    Args:
        generator_ab: Built Keras model from images of domain a to domain b, in [0, 1].
        generator_ba: Built Keras model from domain b to domain a.
        discriminator_a: Built Keras model from images of domain a to scores.
        discriminator_b: The same for domain b.
        cycle_weight: Number of at least 0; may be set between epochs, also by
            callbacks (`model.cycle_weight = 5.0`).
        identity_weight: Number of at least 0, relative to `cycle_weight`; needs both
            domains to have the same shape, else give 0. A model made with 0 leaves
            these translations out of its step and keeps 0; else it may be set between
            epochs, as `cycle_weight`.
        pool_size: Int of at least 0, past translations kept for each discriminator.
        **kwargs: `seed`, `name`, `dtype` as in `GenerativeModel`.

    Raises:
        ValueError: If a network is not built, shapes do not fit, or a value is out of
            range; in `fit` and `evaluate`, if images do not lie in [0, 1].

    Warns:
        UserWarning: If a discriminator ends in a sigmoid, or a generator in tanh.

    References:
        Zhu et al., Unpaired image-to-image translation using cycle-consistent
        adversarial networks, 2017, arXiv:1703.10593.

    Note:
        - Images are in [0, 1] here and in [-1, 1] in the paper, so L1 distances are
          half of the paper's: for its balance give `cycle_weight=20`.
        - The paper keeps the rate of `Adam(2e-4, beta_1=0.5)`, with which `compile()`
          trains, for 100 epochs and lets it fall to zero over 100 more; here it is
          constant. Give a schedule, or a `LearningRateScheduler`, as
          `recipes.cycle_gan` does.
        - The paper's batch is one image; here it may be any.
        - A batch enters the image pool at once, see `ImagePool`.

    Example:
    ```python
    shape = (32, 32, 1)
    model = CycleGAN(
        networks.resnet_generator(shape),
        networks.resnet_generator(shape),
        networks.patchgan_discriminator(shape, num_layers=2),
        networks.patchgan_discriminator(shape, num_layers=2),
    )
    model.compile()
    model.fit(data.UnpairedDataset(mnist, usps, batch_size=16), epochs=10)
    images_b = model.translate(images_a, to="b")
    ```
    """

    cycle_weight = Adjustable(checks.non_negative)
    identity_weight = _IdentityWeight(checks.non_negative)

    def __init__(
        self,
        generator_ab: keras.Model,
        generator_ba: keras.Model,
        discriminator_a: keras.Model,
        discriminator_b: keras.Model,
        cycle_weight: float = 10.0,
        identity_weight: float = 0.5,
        pool_size: int = 50,
        **kwargs: Any,
    ) -> None:
        checks.non_negative("cycle_weight", cycle_weight)
        checks.non_negative("identity_weight", identity_weight)
        pool_size = checks.integer("pool_size", pool_size)
        shape_a, shape_b = network_checks.shapes("generator_ab", generator_ab)
        network_checks.known_shape("generator_ab", (*shape_a, *shape_b))
        network_checks.maps("generator_ba", generator_ba, shape_b, shape_a)
        for name, network, shape in (
            ("discriminator_a", discriminator_a, shape_a),
            ("discriminator_b", discriminator_b, shape_b),
        ):
            scores_shape = network_checks.shapes(name, network)[1]
            network_checks.maps(name, network, shape, scores_shape)
            network_checks.warn_unless_scores(name, network)
        network_checks.warn_unless_unit_range("generator_ab", generator_ab)
        network_checks.warn_unless_unit_range("generator_ba", generator_ba)
        if identity_weight and shape_a != shape_b:
            raise ValueError(
                "`identity_weight` must be 0 where the domains have different shapes. "
                f"Received: identity_weight={identity_weight}, {shape_a}, {shape_b}"
            )
        super().__init__(shape_a, shape_b, **kwargs)
        self.shape_b = shape_b
        self.generator_ab = generator_ab
        self.generator_ba = generator_ba
        self.discriminator_a = discriminator_a
        self.discriminator_b = discriminator_b
        self._has_identity_loss = identity_weight > 0
        self.cycle_weight = cycle_weight
        self.identity_weight = identity_weight
        self.pool_size = pool_size
        self.pool_a = ImagePool(pool_size, shape_a, self.seed_generator)
        self.pool_b = ImagePool(pool_size, shape_b, self.seed_generator)
        self.accuracy_a = accuracy_trackers("discriminator_a")
        self.accuracy_b = accuracy_trackers("discriminator_b")
        self.cycle_tracker = keras.metrics.Mean(name="cycle")
        self.finish_construction()

    def define_objectives(self) -> list[Objective]:
        return [
            Objective(
                "generator",
                self._generator_loss,
                [self.generator_ab, self.generator_ba],
            ),
            Objective("discriminator_a", self._loss_a, [self.discriminator_a]),
            Objective("discriminator_b", self._loss_b, [self.discriminator_b]),
        ]

    def call(self, inputs, training=False):
        """Returns the translations `{"a": G_ba(b), "b": G_ab(a)}` of `(a, b)`."""
        a, b = self._images(inputs)
        return {
            "a": call_network(self.generator_ba, b, training),
            "b": call_network(self.generator_ab, a, training),
        }

    def _generator_loss(self, inputs, passed_on, training):
        a, b = self._images(inputs)
        fake = self.call((a, b), training)
        score_a = call_network(self.discriminator_a, fake["a"], training)
        score_b = call_network(self.discriminator_b, fake["b"], training)
        back = self.call((fake["a"], fake["b"]), training)
        cycle = _distance(back["a"], a) + _distance(back["b"], b)
        self.cycle_tracker.update_state(ops.stop_gradient(cycle))
        cycle_weight = ops.convert_to_tensor(self.cycle_weight)
        loss = (
            2.0 * least_squares_generator(score_a)
            + 2.0 * least_squares_generator(score_b)
            + cycle_weight * cycle
        )
        if self._has_identity_loss:
            same = self.call((b, a), training)
            identity = _distance(same["a"], a) + _distance(same["b"], b)
            identity_weight = ops.convert_to_tensor(self.identity_weight)
            loss = loss + identity_weight * cycle_weight * identity
        return nan_unless_images(loss, a, b), fake

    def _loss_a(self, inputs, fake, training):
        real = self._images(inputs)[0]
        pool = self.pool_a if training else None
        loss = self._discriminate(
            self.discriminator_a, self.accuracy_a, real, fake["a"], pool
        )
        return nan_unless_images(loss, real), fake

    def _loss_b(self, inputs, fake, training):
        real = self._images(inputs)[1]
        pool = self.pool_b if training else None
        loss = self._discriminate(
            self.discriminator_b, self.accuracy_b, real, fake["b"], pool
        )
        return nan_unless_images(loss, real), fake

    def _discriminate(self, discriminator, accuracy, real, fake, pool):
        """Returns the loss; there is a `pool` of images in training only."""
        training = pool is not None
        if training:
            fake = ops.stop_gradient(pool.exchange(fake))
        real = call_network(discriminator, real, training)
        fake = call_network(discriminator, fake, training)
        track_accuracy(accuracy, real, fake, least_squares=True)
        return least_squares_discriminator(real, fake)

    def _check_static(self, x, condition=None):
        super()._check_static(x)
        checks.static_shape("images of domain b", condition, self.shape_b)

    def check_condition(self, condition: Any, num_examples: int) -> None:
        if condition is None:
            raise ValueError(
                "CycleGAN takes images of both domains: `fit((images_a, images_b))` or "
                "`fit(images_a, images_b)`, and so `evaluate` and `predict`; one "
                "domain's are what `translate(images, to='b')` takes. Received the "
                "images of one domain."
            )
        checks.shape("images of domain b", condition, self.shape_b)
        if len(condition) != num_examples:
            raise ValueError(
                "CycleGAN takes as many images of domain b as of domain a; "
                "`data.UnpairedDataset` makes batches of sets of different length. "
                f"Received: {num_examples} images of domain a and {len(condition)} of "
                "domain b"
            )
        checks.unit_range("images of domain b", condition)

    def translate(self, x: Any, to: str = "b", seed: int = 0) -> Any:
        """Returns images translated to domain `to`, each as it would be alone.

        Args:
            x: Images `(batch, height, width, channels)` in [0, 1] of the other domain.
            to: "a" or "b".
            seed: Int, of the noise of a generator with `layers.PersistentDropout`; the
                others have none.

        Returns:
            Float32 tensor `(batch, height, width, channels)` in [0, 1].
        """
        checks.choice("to", to, ("a", "b"))
        checks.shape("x", x, self.data_shape if to == "b" else self.shape_b)
        checks.unit_range("x", x)
        state = seed_state(checks.integer("seed", seed), self.seed_generator)
        return self._translate(state, x, to=to)

    @compiled()
    def _translate(self, state, x, *, to):
        network = self.generator_ab if to == "b" else self.generator_ba
        with drawing_from(Seeds(state)):
            return call_network(network, ops.cast(x, "float32"), False)

    def get_config(self) -> dict[str, Any]:
        networks = {
            name: keras.saving.serialize_keras_object(getattr(self, name))
            for name in (
                "generator_ab",
                "generator_ba",
                "discriminator_a",
                "discriminator_b",
            )
        }
        return {
            **super().get_config(),
            **networks,
            "cycle_weight": float(self.cycle_weight),
            "identity_weight": float(self.identity_weight),
            "pool_size": self.pool_size,
        }


def _distance(x, y):
    return ops.mean(ops.abs(x - y))
