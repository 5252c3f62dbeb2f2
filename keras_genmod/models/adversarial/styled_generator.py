"""A generator in two parts: latents become styles, and styles images."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from keras_genmod import checks
from keras_genmod.engine import (
    Seeds,
    call_network,
    compiled,
    seed_state,
    uniform,
)
from keras_genmod.models.adjustable import Adjustable
from keras_genmod.models.adversarial import style_networks
from keras_genmod.models.adversarial.latent_generator import LatentGenerator, unexpected
from keras_genmod.models.adversarial.projection import check_distance, nearest_styles
from keras_genmod.models.float32_weight import add_float32_weight

_KEPT = 0.995  # of the mean style, a step: w <- 0.995 w + 0.005 mean of a batch


class StyledGenerator(LatentGenerator):
    """x = g(w_1, ..., w_L), w_i = f(z): a style for each layer of the synthesis g.

    Args:
        mapping: Built Keras model f from latents `(batch, latent_dim)` to styles
            `(batch, style_dim)`. With `num_classes` it takes `[z, one_hot]`.
        synthesis: Built Keras model g from styles `(batch, num_styles, style_dim)`,
            coarse ones first, to images in [0, 1].
        discriminator: As in `LatentGenerator`.
        mixing_probability: Number in [0, 1].
        ema_half_life: Positive number, images.
        ema_ramp: Positive number or `None`.
        num_classes: Int or `None`.
        **kwargs: As in `LatentGenerator`.
    """

    mixing_probability = Adjustable(checks.fraction)
    ema_half_life = Adjustable(checks.positive)
    ema_ramp = Adjustable(checks.positive, optional=True)
    _warms_up = False  # but by the number of images
    truncation_kind = "psi of styles"

    def __init__(
        self,
        mapping: keras.Model,
        synthesis: keras.Model,
        discriminator: keras.Model,
        mixing_probability: float = 0.9,
        ema_half_life: float = 10_000.0,
        ema_ramp: float | None = 0.05,
        num_classes: int | None = None,
        **kwargs: Any,
    ) -> None:
        unexpected(self, kwargs, "packing", "ema_momentum", "latent_dim", "generator")
        latent_shape, styles_shape = style_networks.checked_shapes(
            mapping, synthesis, num_classes
        )
        num_styles, style_dim = styles_shape
        super().__init__(
            style_networks.joined(mapping, synthesis, num_styles),
            discriminator,
            "discriminator",
            latent_shape[0],
            num_classes=num_classes,
            ema_momentum=0.0,
            **kwargs,
        )
        self.mapping = mapping
        self.synthesis = synthesis
        self.discriminator = discriminator
        self.num_styles = num_styles
        self.style_dim = style_dim
        self.mixing_probability = mixing_probability
        self.ema_half_life, self.ema_ramp = ema_half_life, ema_ramp
        self.mean_style = self._scalars("mean_style", (style_dim,))
        self.images_seen = self._scalars("images_seen", ())

    def _scalars(self, name, shape):
        return add_float32_weight(self, name, shape, trainable=False)

    # Training.

    def _styles(self, z, condition, training):
        """Returns the styles of each layer, mixed in training, and those of `z`."""
        w = self._mapped(self.mapping, z, condition, training)
        if not training or self.num_styles == 1:
            return self._for_each_layer(w), w
        # Two styles, from a random layer on the second one
        size = ops.shape(z)[0]
        other = self.prior.sample(size, self.seed_generator)
        other = self._mapped(self.mapping, other, condition, training)
        share = ops.convert_to_tensor(self.mixing_probability)
        mixes = uniform((size,), self.seed_generator) < share
        cut = uniform((size,), self.seed_generator) * (self.num_styles - 1)
        cut = ops.where(mixes, 1.0 + ops.floor(cut), float(self.num_styles))
        layers = ops.arange(self.num_styles, dtype="float32")
        is_first = layers[None, :, None] < cut[:, None, None]
        return ops.where(is_first, w[:, None, :], other[:, None, :]), w

    def _mapped(self, mapping, z, condition, training):
        return call_network(
            mapping, z if condition is None else [z, condition], training
        )

    def _for_each_layer(self, w):
        return ops.repeat(w[:, None, :], self.num_styles, axis=1)

    def _decode(self, z, condition, training=False):
        styles, _ = self._styles(z, condition, training)
        return call_network(self.synthesis, styles, training)

    def _track_styles(self, w):
        """Moves the mean style, and sets how much of the averaged generator stays."""
        w = ops.stop_gradient(w)
        mean = ops.convert_to_tensor(self.mean_style)
        self.mean_style.assign(_KEPT * mean + (1.0 - _KEPT) * ops.mean(w, axis=0))
        size = ops.cast(ops.shape(w)[0], "float32")
        seen = ops.convert_to_tensor(self.images_seen) + size
        self.images_seen.assign(seen)
        half_life = ops.convert_to_tensor(self.ema_half_life)
        if self.ema_ramp is not None:
            ramp = ops.convert_to_tensor(self.ema_ramp)
            half_life = ops.minimum(half_life, ramp * seen)
        self.ema_momentum.assign(0.5 ** (size / half_life))

    # Samples: of the averaged networks.

    def _averaged(self, network) -> keras.Model:
        return self.sampling_generator.get_layer(network.name)

    def map_latents(
        self,
        z: Any,
        condition: Any = None,
        truncation: float | None = None,
        cutoff: int | None = None,
    ) -> Any:
        """Returns the styles of latents, `(batch, num_styles, style_dim)`.

        Args:
            z: Latents of shape `(batch, latent_dim)`.
            condition: Class labels `(batch,)` for a conditional model.
            truncation: As in `sample`.
            cutoff: As in `sample`.

        Raises:
            ValueError: If an argument is out of its range.
        """
        checks.shape("z", z, (self.latent_dim,))
        truncation, cutoff = self._checked_truncation(truncation, cutoff)
        condition = self.standardize_condition(condition, len(z))
        return self._compiled_map(z, condition, truncation, cutoff=cutoff)

    def decode_styles(self, styles: Any) -> Any:
        """Returns the images of styles, `(batch, *data_shape)` in [0, 1].

        Args:
            styles: Of shape `(batch, num_styles, style_dim)`, as `map_latents` returns
                them and mixed at will, or one for all layers, `(batch, style_dim)`.

        Raises:
            ValueError: If they have another shape.
        """
        each = (self.num_styles, self.style_dim)
        shape = each[1:] if len(getattr(styles, "shape", ())) == 2 else each
        checks.shape("styles", styles, shape)
        return self._compiled_decode_styles(styles)

    def sample(
        self,
        num_samples: int,
        condition: Any = None,
        seed: int | None = None,
        truncation: float | None = None,
        cutoff: int | None = None,
    ) -> Any:
        """Draws samples from the averaged generator, in one compiled call.

        Args:
            num_samples: Positive int.
            condition: For a conditional model, int class labels of shape
                `(num_samples,)`, or one label for all.
            seed: Int for repeatable samples; `None` draws new ones each call.
            truncation: Number psi in [0, 1] or `None`: styles w become
                mean + psi (w - mean), with the mean style of training. Smaller: better
                samples that vary less; 0 is one image.
            cutoff: Int, how many layers, coarse ones first, take truncated styles;
                `None` for all, and without `truncation`.

        Returns:
            Float32 tensor of shape `(num_samples, *data_shape)` in [0, 1].

        Raises:
            ValueError: If an argument is out of range, or the condition is missing.
        """
        num_samples = checks.positive_int("num_samples", num_samples)
        truncation, cutoff = self._checked_truncation(truncation, cutoff)
        return self._sample(
            seed_state(seed, self.seed_generator),
            self.standardize_condition(condition, num_samples),
            truncation,
            num_samples=num_samples,
            cutoff=cutoff,
        )

    def project(
        self,
        images: Any,
        num_steps: int = 500,
        learning_rate: float = 0.1,
        distance: Callable | None = None,
    ) -> Any:
        """Returns the styles whose images are nearest to given ones.

        From the mean style on, Adam minimises the distance of g(w) to each image, one
        style for all layers; its rate rises over the first twentieth of the steps and
        falls over the last quarter, as a cosine.

        Args:
            images: Of shape `(batch, *data_shape)` in [0, 1].
            num_steps: Positive int.
            learning_rate: Positive number.
            distance: Callable from one pair `(x, y)` of images to distances
                `(batch,)`, such as a `PerceptualLoss`; `None` for mean squared error.

        Returns:
            Styles `(batch, style_dim)`, for `decode_styles`.

        Raises:
            ValueError: If an argument is out of its range.

        Note:
            The authors also optimize the noise, and explore by noise on w.
        """
        self.check_examples(images)
        num_steps = checks.positive_int("num_steps", num_steps)
        if distance is not None:
            check_distance(distance, ops.cast(images, "float32"))
        rate = float(checks.positive("learning_rate", learning_rate))
        return self._project(images, rate, num_steps=num_steps, distance=distance)

    def _checked_truncation(self, truncation, cutoff):
        if truncation is not None:
            truncation = float(checks.fraction("truncation", truncation))
        if cutoff is not None:
            cutoff = checks.integer("cutoff", cutoff, 0, self.num_styles, "all layers")
            if truncation is None:
                raise ValueError(
                    "`cutoff` must be None without `truncation`: it says how many "
                    f"layers that acts on. Received: cutoff={cutoff}, truncation=None"
                )
        return truncation, cutoff

    @compiled()
    def _compiled_map(self, z, condition, truncation, *, cutoff):
        return self._truncated(ops.cast(z, "float32"), condition, truncation, cutoff)

    @compiled()
    def _compiled_decode_styles(self, styles):
        styles = ops.cast(styles, "float32")
        if len(styles.shape) == 2:
            styles = self._for_each_layer(styles)
        return self._drawn(styles)

    @compiled()
    def _sample(self, state, condition, truncation, *, num_samples, cutoff):
        z = self.prior.sample(num_samples, Seeds(state))
        return self._drawn(self._truncated(z, condition, truncation, cutoff))

    @compiled()
    def _project(self, images, rate, *, num_steps, distance):
        start = ops.convert_to_tensor(self.mean_style)
        start = ops.repeat(start[None, :], images.shape[0], axis=0)
        return nearest_styles(
            lambda w: self._drawn(self._for_each_layer(w)),
            ops.cast(images, "float32"),
            start,
            rate,
            num_steps,
            distance,
        )

    def _truncated(self, z, labels, truncation, cutoff):
        """Returns the styles of latents and labels, nearer to the mean."""
        condition = None if labels is None else self.one_hot(labels)
        w = self._mapped(self._averaged(self.mapping), z, condition, False)
        styles = self._for_each_layer(w)
        if truncation is None:
            return styles
        mean = ops.convert_to_tensor(self.mean_style)
        nearer = mean + ops.cast(truncation, "float32") * (styles - mean)
        if cutoff is None:
            return nearer
        return ops.concatenate([nearer[:, :cutoff], styles[:, cutoff:]], axis=1)

    def _drawn(self, styles):
        return call_network(self._averaged(self.synthesis), styles, False)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        for name in ("generator", "latent_dim", "packing", "ema_momentum"):
            del config[name]
        serialize = keras.saving.serialize_keras_object
        return {
            **config,
            "mapping": serialize(self.mapping),
            "synthesis": serialize(self.synthesis),
            "discriminator": serialize(self.discriminator),
            "mixing_probability": float(self.mixing_probability),
            "ema_half_life": float(self.ema_half_life),
            "ema_ramp": None if self.ema_ramp is None else float(self.ema_ramp),
        }
