"""StyleGAN2: styles for each layer, and penalties that are taken now and then."""

from typing import Any

import keras
from keras import ops

from keras_genmod import checks
from keras_genmod.engine import Objective, call_network, cond, input_gradient, normal
from keras_genmod.models import network_checks
from keras_genmod.models.adjustable import Adjustable, step_counter
from keras_genmod.models.adversarial.gan import accuracy_trackers, track_accuracy
from keras_genmod.models.adversarial.losses import GAN_LOSSES
from keras_genmod.models.adversarial.penalties import zero_centred_penalty
from keras_genmod.models.adversarial.styled_generator import StyledGenerator

_PATH_STEP = 0.01  # of the mean path length towards that of a batch


@keras.saving.register_keras_serializable("keras_genmod")
class StyleGAN2(StyledGenerator):
    """A GAN of images x = g(w_1, ..., w_L) from styles w = f(z), one a layer.

    The discriminator minimises E softplus(D(x')) + E softplus(-D(x))
    + r1_weight / 2 E |grad D(x)|^2 over generated x' and data x, and mapping f and
    synthesis g minimise E softplus(-D(x')) + path_length_weight E (l - a)^2 with

        l = sqrt(mean over layers of |d<g(w), y> / dw|^2), y from N(0, I / (H W)),

    the length of a path that a step in w takes, and a its mean over training, which
    moves by 0.01 of the way. So equal steps in w change images equally. Penalties are
    taken every k-th step alone, times k.

    With `mixing_probability` an image's layers take, from a random one on, the styles
    of another latent. Samples come from `averaged_generator`, whose weights are
    averages with the half-life `min(ema_half_life, ema_ramp * images seen)`, and
    truncation draws styles towards `mean_style`, the mean over training.

    With `networks.style_gan_synthesis(styled_by="instance_normalization")` and
    `path_length_weight=None` it is a StyleGAN, whose paper has no path lengths; with a
    weight they are penalised there too.

    Args:
        mapping: Built Keras model from latents `(batch, latent_dim)` to styles
            `(batch, style_dim)`, such as `networks.style_gan_mapping`. With
            `num_classes` it takes the list `[z, one_hot]`.
        synthesis: Built Keras model from styles `(batch, num_styles, style_dim)`,
            coarse ones first, to images in [0, 1], such as
            `networks.style_gan_synthesis`.
        discriminator: Built Keras model from images to logits; with `num_classes` it
            takes `[x, one_hot]`.
        r1_weight: Number of at least 0, or `None` to leave it out.
        path_length_weight: The same.
        r1_interval: Positive int, steps from one penalty to the next.
        path_length_interval: The same; 4, and 8 in the paper's text.
        mixing_probability: Number in [0, 1].
        augmentation: Keras layer from images to images, such as
            `layers.AdaptiveAugment`, or `None`; as in `GAN`.
        ema_half_life: Positive number, images.
        ema_ramp: Positive number, or `None` for a constant half-life.
        num_classes: Int for a conditional model, or `None`.
        **kwargs: `seed`, `name`, `dtype` as in `GenerativeModel`.

    The weights of penalties, `mixing_probability`, `ema_half_life` and `ema_ramp` may
    be set between epochs where they were given. `r1` and `path_length` are reported of
    the steps that take them: 0 in an epoch without one.

    Raises:
        ValueError: If networks do not fit together, a value is out of range, or a
            penalised discriminator holds batch normalization; in `fit` and `evaluate`,
            if images do not lie in [0, 1].

    References:
        - Karras et al., A style-based generator architecture for generative
          adversarial networks, 2019, arXiv:1812.04948.
        - Karras et al., Analyzing and improving the image quality of StyleGAN, 2020,
          arXiv:1912.04958.
        - Karras et al., Training generative adversarial networks with limited data,
          2020, arXiv:2006.06676 (`layers.AdaptiveAugment`).

    Note:
        - Gradients are of public images, in [0, 1]: the paper's weights, for [-1, 1],
          are r1_weight = 10 and path_length_weight = 2, here 2.5 and 8. The former goes
          with the size: 0.0002 pixels / batch in ADA's code, and here a fourth of it.
        - R1 is taken where the discriminator looks, after the augmentation; ADA's code
          takes it through the augmentation, at the images.
        - A penalty is added to the loss of its step, where the authors' code takes
          steps of its own, with rates and betas for k penalties in k + 1 steps. So
          Adam's need no correction: `compile()` takes `Adam(2e-3, 0, 0.99, 1e-8)`.
        - Penalties are of networks as they are in inference: noise is the fixed one.
          Path lengths are those of the first half of the batch.
        - Each image has a place of its own where styles change; the authors' have one a
          batch.
        - With `layers.MinibatchStandardDeviation` in the discriminator R1 holds terms
          between examples, as the authors' does.

    Example:
    ```python
    model = StyleGAN2(
        networks.style_gan_mapping(64, style_dim=64, num_layers=2),
        networks.style_gan_synthesis((32, 32, 3), 64, style_dim=64),
        networks.style_gan_discriminator((32, 32, 3), 64),
        r1_weight=0.002,
        augmentation=layers.DiffAugment(),
    )
    model.compile()
    model.fit(images, epochs=100, batch_size=64)
    samples = model.sample(16, seed=0, truncation=0.7)
    styles = model.project(images[:4])
    ```
    """

    r1_weight = Adjustable(checks.non_negative, optional=True)
    path_length_weight = Adjustable(checks.non_negative, optional=True)

    def __init__(
        self,
        mapping: keras.Model,
        synthesis: keras.Model,
        discriminator: keras.Model,
        r1_weight: float | None = 2.5,
        path_length_weight: float | None = 8.0,
        r1_interval: int = 16,
        path_length_interval: int = 4,
        mixing_probability: float = 0.9,
        augmentation: keras.Layer | None = None,
        ema_half_life: float = 10_000.0,
        ema_ramp: float | None = 0.05,
        num_classes: int | None = None,
        **kwargs: Any,
    ) -> None:
        r1_interval = checks.positive_int("r1_interval", r1_interval)
        path_length_interval = checks.positive_int(
            "path_length_interval", path_length_interval
        )
        super().__init__(
            mapping,
            synthesis,
            discriminator,
            mixing_probability,
            ema_half_life,
            ema_ramp,
            num_classes,
            augmentation=augmentation,
            **kwargs,
        )
        self.r1_interval = r1_interval
        self.path_length_interval = path_length_interval
        self.r1_weight = r1_weight
        self.path_length_weight = path_length_weight
        self.num_steps = step_counter(self, "num_steps")
        self.mean_path_length = self._scalars("mean_path_length", ())
        self.accuracy = accuracy_trackers("discriminator")
        self.penalty_trackers = {
            name: keras.metrics.Mean(name=name)
            for name in ("r1", "path_length")
            if getattr(self, f"{name}_weight") is not None
        }
        if r1_weight is not None:
            network_checks.no_batch_normalization(
                "discriminator",
                discriminator,
                "a penalty needs the gradient of each example alone",
            )
        self.finish_construction()

    def default_optimizer(self) -> keras.optimizers.Optimizer:
        return keras.optimizers.Adam(2e-3, beta_1=0.0, beta_2=0.99, epsilon=1e-8)

    def define_objectives(self) -> list[Objective]:
        return [
            Objective("discriminator", self._discriminator_loss, [self.discriminator]),
            Objective(
                "generator",
                self._generator_loss,
                [self.mapping, self.synthesis],
                after=self._update_averages,
            ),
        ]

    # What is taken every k-th step.

    def step_branches(self, num_steps: int) -> tuple[tuple[bool, ...], ...]:
        """Returns which penalties are due in the steps to come; the engine calls it."""
        done = int(ops.convert_to_numpy(self.num_steps.value))
        intervals = [
            interval
            for interval, weight in (
                (self.r1_interval, self.r1_weight),
                (self.path_length_interval, self.path_length_weight),
            )
            if weight is not None and interval > 1
        ]
        return tuple(
            tuple((done + i) % k == 0 for k in intervals) for i in range(num_steps)
        )

    def _lazily(self, interval, training, penalty, otherwise):
        """Returns a penalty where it is due, else other values; and its factor."""
        if not training or interval == 1:
            return penalty(), 1.0
        is_due = ops.convert_to_tensor(self.num_steps) % interval == 0
        values = cond(is_due, penalty, otherwise)
        return values, interval * ops.cast(is_due, "float32")

    # Losses.

    def _discriminator_loss(self, inputs, passed_on, training):
        real, condition, fake = self._real_and_fake(inputs, training)
        fake = ops.stop_gradient(fake)
        of_real = self._score(real, condition, training)
        of_fake = self._score(fake, condition, training)
        track_accuracy(self.accuracy, of_real, of_fake)
        self._adapt(of_real, training)
        loss = GAN_LOSSES["non_saturating"][0](of_real, of_fake)
        if self.r1_weight is not None:
            loss = loss + self._r1(real, condition, training)
        return self._valid(loss, inputs), None

    def _r1(self, real, condition, training):
        # r1_weight / 2 E |grad D(x)|^2
        score = self._penalized_score(condition, False)
        penalty, factor = self._lazily(
            self.r1_interval,
            training,
            lambda: 0.5 * zero_centred_penalty(score, real),
            lambda: ops.zeros(()),
        )
        self._track("r1", penalty, factor)
        return factor * ops.convert_to_tensor(self.r1_weight) * penalty

    def _generator_loss(self, inputs, passed_on, training):
        real, condition = self.data_and_condition(inputs)
        z = self.prior.sample(ops.shape(real)[0], self.seed_generator)
        styles, w = self._styles(z, condition, training)
        fake = call_network(self.synthesis, styles, training)
        shown = self._shown(fake) if training else fake
        scores = self._score(shown, condition, training)
        loss = GAN_LOSSES["non_saturating"][1](scores)
        if self.path_length_weight is not None:
            loss = loss + self._path_lengths(styles, training)
        if training:
            self._track_styles(w)
            self.num_steps.assign(ops.convert_to_tensor(self.num_steps) + 1.0)
        return self._valid(loss, inputs), None

    def _path_lengths(self, styles, training):
        # path_length_weight E (l - a)^2
        half = (ops.shape(styles)[0] + 1) // 2
        y = normal((half, *self.data_shape), self.seed_generator)
        mean = ops.convert_to_tensor(self.mean_path_length)

        def penalty():
            lengths = self._lengths(styles[:half], y)
            moved = mean + _PATH_STEP * (ops.mean(lengths) - mean)
            return ops.mean(ops.square(lengths - moved)), ops.mean(lengths), moved

        (loss, length, moved), factor = self._lazily(
            self.path_length_interval,
            training,
            penalty,
            lambda: (ops.zeros(()), ops.zeros(()), mean),
        )
        if training:
            self.mean_path_length.assign(ops.stop_gradient(moved))
        self._track("path_length", length, factor)
        return factor * ops.convert_to_tensor(self.path_length_weight) * loss

    def _lengths(self, styles, y):
        """Returns the length of the path that a step in each image's styles takes."""
        height, width, _ = self.data_shape
        y = y / (height * width) ** 0.5
        # By an offset: styles are constants to `input_gradient`, and those of the
        # mapping are not.
        gradient = input_gradient(
            lambda offset: ops.sum(
                ops.cast(self.synthesis(styles + offset, training=False), "float32")
                * y,
                axis=(1, 2, 3),
            ),
            ops.zeros_like(styles),
        )
        squares = ops.mean(ops.sum(ops.square(gradient), axis=2), axis=1)
        return ops.sqrt(squares + 1e-12)  # a finite gradient at zero

    def _track(self, name, value, factor):
        self.penalty_trackers[name].update_state(
            ops.stop_gradient(value), sample_weight=ops.minimum(factor, 1.0)
        )

    def get_config(self) -> dict[str, Any]:
        names = ("r1_weight", "path_length_weight")
        values = {name: getattr(self, name) for name in names}
        return {
            **super().get_config(),
            **{k: None if v is None else float(v) for k, v in values.items()},
            "r1_interval": self.r1_interval,
            "path_length_interval": self.path_length_interval,
        }
