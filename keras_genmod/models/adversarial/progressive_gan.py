"""Progressive GAN: images that grow while the networks learn."""

from typing import Any

import keras
from keras import ops

from keras_genmod import checks
from keras_genmod.distributions import StandardNormal
from keras_genmod.engine import (
    Objective,
    Seeds,
    clip,
    compiled,
    halved,
    input_gradient,
    uniform,
)
from keras_genmod.layers.resolutions import doubled, faded
from keras_genmod.models import network_checks
from keras_genmod.models.adjustable import Adjustable
from keras_genmod.models.adversarial.growing_model import GrowingModel
from keras_genmod.models.valid_data import nan_unless_images


@keras.saving.register_keras_serializable("keras_genmod")
class ProgressiveGAN(GrowingModel):
    """A Wasserstein GAN whose images double their sides, level by level.

    At each level the critic f minimises E f(G(z)) - E f(x)
    + penalty_weight E (|grad f(x_hat)| - 1)^2 + drift_weight E f(x)^2,
    x_hat = e x + (1 - e) G(z), and the generator -E f(G(z)), on images in [-1, 1] of
    the level's size. Data are averaged down to it, and while a level fades in they are
    mixed as the generator's are: fade x + (1 - fade) up(down(x)).

    All levels are one model. `level` and `fade` are weights, which `grow` sets and
    files keep. The callback `GrowNetworks` moves them as the paper does: level l fades
    in from image (2 l - 1) images_per_phase on, and is whole from the
    2 l images_per_phase-th on, for as many.

    Args:
        generator: `networks.ProgressiveGenerator`, or a model called as it is.
        critic: `networks.ProgressiveCritic`, or a model called as it is.
        images_per_phase: Positive int; 600,000 in the paper.
        penalty_weight: Number of at least 0; may be set between epochs.
        drift_weight: Number of at least 0, which keeps scores near 0; may be set
            between epochs.
        **kwargs: `seed`, `name`, `dtype` as in `GenerativeModel`.

    Attributes:
        images_seen: Int32 weight `()`, images that the critic has trained on.

    Raises:
        ValueError: If networks do not fit together, the critic holds batch
            normalization, or a value is out of range; in `fit` and `evaluate`, if
            images do not lie in [0, 1].

    Warns:
        UserWarning: In `fit` on the first of several levels, if no callback grows.

    References:
        Karras, Aila, Laine and Lehtinen, Progressive growing of GANs for improved
        quality, stability, and variation, 2018, arXiv:1710.10196, which trains with
        `Adam(1e-3, beta_1=0, beta_2=0.99, epsilon=1e-8)`, and so does `compile()`.

    Note:
        - The critic is called discriminator in the paper, whose loss is Wasserstein's.
        - Optimizers start anew where a phase begins, as in the authors' code; Keras'
          averages of weights (`use_ema`) then start from the weights, too, which the
          code's do not.
        - The penalty's slope is 1; the 750 that the paper takes on CIFAR-10 is none of
          the arguments.
        - One batch size serves all levels; the paper's falls from 128 to 16 and less.
        - A step is compiled once a level.

    Example:
    ```python
    model = ProgressiveGAN(
        networks.ProgressiveGenerator((32, 32, 3), latent_dim=128, filters_base=512),
        networks.ProgressiveCritic((32, 32, 3), filters_base=512),
        images_per_phase=60_000,
    )
    model.compile()
    model.fit(images, epochs=10, callbacks=[callbacks.GrowNetworks()])
    images = model.sample(16, seed=0)
    ```
    """

    penalty_weight = Adjustable(checks.non_negative)
    drift_weight = Adjustable(checks.non_negative)

    def __init__(
        self,
        generator: keras.Model,
        critic: keras.Model,
        images_per_phase: int = 600_000,
        penalty_weight: float = 10.0,
        drift_weight: float = 1e-3,
        **kwargs: Any,
    ) -> None:
        checks.non_negative("penalty_weight", penalty_weight)
        checks.non_negative("drift_weight", drift_weight)
        latent_dim, data_shape = _checked_shapes(generator, critic)
        super().__init__(
            generator.num_levels,
            images_per_phase,
            data_shape=data_shape,
            num_classes=None,  # given by `kwargs` too, it is an error
            **kwargs,
        )
        self.generator = generator
        self.critic = critic
        self.penalty_weight = penalty_weight
        self.drift_weight = drift_weight
        self.latent_dim = latent_dim
        self.prior = StandardNormal((self.latent_dim,))
        self.distance_tracker = keras.metrics.Mean(name="wasserstein_distance")
        self.penalty_tracker = keras.metrics.Mean(name="gradient_penalty")
        self.finish_construction()

    # Training.

    def default_optimizer(self) -> keras.optimizers.Optimizer:
        return keras.optimizers.Adam(1e-3, beta_1=0.0, beta_2=0.99, epsilon=1e-8)

    def define_objectives(self) -> list[Objective]:
        return [
            Objective("critic", self._critic_loss, [self.critic]),
            Objective("generator", self._generator_loss, [self.generator]),
        ]

    def call(self, inputs, training=False):
        """Returns the critic's scores of images `(batch, ...)`, as float32."""
        x, _ = self.data_and_condition(inputs)
        return self._score(self._at_level(x), self.level, training)

    def _call(self, network, inputs, level, training):
        fade = ops.convert_to_tensor(self._fade_weight)
        return network(inputs, training=training, level=level, fade=fade)

    def _score(self, x, level, training):
        return self._call(self.critic, x, level, training)

    def _generated(self, num_images, level, seeds, training):
        z = self.prior.sample(num_images, seeds)
        return self._call(self.generator, z, level, training)

    def _at_level(self, x):
        # To [-1, 1], down to the level's size, less sharp while it fades in
        x = 2.0 * x - 1.0
        for _ in range(self.num_resolutions - 1 - self.level):
            x = halved(x)
        fade = ops.convert_to_tensor(self._fade_weight)
        return x if self.level == 0 else faded(x, fade)

    def _critic_loss(self, inputs, passed_on, training):
        # E f(G(z)) - E f(x) + penalty + drift_weight E f(x)^2
        x, _ = self.data_and_condition(inputs)
        level, num_images = self.level, ops.shape(x)[0]
        real = self._at_level(x)
        fake = self._generated(num_images, level, self.seed_generator, training)
        fake = ops.stop_gradient(fake)
        of_real = self._score(real, level, training)
        distance = ops.mean(of_real) - ops.mean(self._score(fake, level, training))
        penalty = self._penalty(real, fake, level, training)
        if training:
            seen = ops.convert_to_tensor(self.images_seen)
            self.images_seen.assign(seen + ops.cast(num_images, "int32"))
        self.distance_tracker.update_state(ops.stop_gradient(distance))
        loss = ops.convert_to_tensor(self.penalty_weight) * penalty - distance
        drift = ops.mean(ops.square(of_real))
        loss = loss + ops.convert_to_tensor(self.drift_weight) * drift
        return nan_unless_images(loss + _nothing(self.critic), x), None

    def _penalty(self, real, fake, level, training):
        # E (|grad f(x_hat)| - 1)^2
        e = uniform((ops.shape(real)[0], 1, 1, 1), self.seed_generator)
        mixed = e * real + (1.0 - e) * fake
        gradient = input_gradient(lambda x: self._score(x, level, training), mixed)
        # The small number keeps the gradient of the root finite at zero.
        norm = ops.sqrt(ops.sum(ops.square(gradient), axis=(1, 2, 3)) + 1e-12)
        penalty = ops.mean(ops.square(norm - 1.0))
        self.penalty_tracker.update_state(ops.stop_gradient(penalty))
        return penalty

    def _generator_loss(self, inputs, passed_on, training):
        # -E f(G(z))
        x, _ = self.data_and_condition(inputs)
        level, seeds = self.level, self.seed_generator
        fake = self._generated(ops.shape(x)[0], level, seeds, training)
        loss = -ops.mean(self._score(fake, level, training))
        return nan_unless_images(loss + _nothing(self.generator), x), None

    def check_examples(self, x: Any) -> None:
        super().check_examples(x)
        checks.unit_range("x", x)

    # Samples.

    def decode(self, z: Any) -> Any:
        """Returns the images of latents at the level that is shown, at full size.

        Args:
            z: Latents of shape `(batch, latent_dim)`.

        Returns:
            Float32 tensor `(batch, *data_shape)` in [0, 1]; pixels of lower levels are
            repeated.

        Raises:
            ValueError: If `z` has another shape.
        """
        checks.shape("z", z, (self.latent_dim,))
        return self._decode(z, level=self.level)

    @compiled()
    def _decode(self, z, *, level):
        return self._whole(ops.cast(z, "float32"), level)

    def _whole(self, z, level):
        x = self._call(self.generator, z, level, False)
        for _ in range(self.num_resolutions - 1 - level):
            x = doubled(x)
        return clip(0.5 * x + 0.5, 0.0, 1.0)

    def sample(
        self, num_samples: int, condition: Any = None, seed: int | None = None
    ) -> Any:
        """Draws images of the level that is shown, as `GenerativeModel.sample` does.

        Returns:
            Float32 tensor `(num_samples, *data_shape)` in [0, 1]; pixels of lower
            levels are repeated.
        """
        return super().sample(num_samples, condition, seed)

    def _sample(self, state, condition, *, num_samples):
        return self._drawn(state, num_samples=num_samples, level=self.level)

    @compiled()
    def _drawn(self, state, *, num_samples, level):
        return self._whole(self.prior.sample(num_samples, Seeds(state)), level)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["num_classes"]
        return {
            **config,
            "generator": keras.saving.serialize_keras_object(self.generator),
            "critic": keras.saving.serialize_keras_object(self.critic),
            "penalty_weight": float(self.penalty_weight),
            "drift_weight": float(self.drift_weight),
        }


def _checked_shapes(generator, critic):
    """Returns latent size and data shape; raises unless the networks fit together."""
    latent_shape, data_shape = network_checks.shapes("generator", generator)
    network_checks.shapes("critic", critic)
    for name, network in (("generator", generator), ("critic", critic)):
        if not hasattr(network, "num_levels"):
            raise ValueError(
                f"`{name}` must have levels, as those of `networks.Progressive"
                f"{name.title()}`. Received a network without `num_levels`: {network!r}"
            )
    made, scored = (
        (tuple(shape), network.num_levels)
        for shape, network in (
            (data_shape, generator),
            (critic.input_shape[1:], critic),
        )
    )
    if made != scored:
        raise ValueError(
            "`critic` must take what `generator` makes, at as many levels: shape "
            f"{made[0]}, {made[1]} levels. Received a network of {scored[0]}, "
            f"{scored[1]} levels"
        )
    network_checks.no_batch_normalization(
        "critic", critic, "the penalty needs the gradient of each example alone"
    )
    return latent_shape[0], data_shape


def _nothing(network):
    # Weights of levels that are not shown get gradients of zero, rather than none,
    # which Keras' optimizers warn of.
    weights = network.trainable_variables
    sums = [ops.sum(ops.convert_to_tensor(w)) for w in weights]
    return 0.0 * ops.cast(sum(sums), "float32")
