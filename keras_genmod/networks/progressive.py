"""The networks of progressive GANs, which grow by a level at a time.

Classes, where their neighbours are functions: which layers run depends on the level.
"""

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import layers, ops

from keras_genmod import checks
from keras_genmod.engine import halved
from keras_genmod.layers.equalized_conv_2d import EqualizedConv2D
from keras_genmod.layers.equalized_dense import EqualizedDense
from keras_genmod.layers.minibatch_standard_deviation import MinibatchStandardDeviation
from keras_genmod.layers.pixel_normalization import PixelNormalization
from keras_genmod.layers.resolutions import doubled

_SMALLEST = 4  # pixels a side, of the first level


class _Progressive(keras.Model):
    """What generator and critic share: levels, their sides and widths."""

    def __init__(
        self,
        image_shape: Sequence[int],
        filters_base: int,
        max_filters: int,
        **kwargs: Any,
    ) -> None:
        # The fade stays float32; each layer casts for itself.
        super().__init__(autocast=False, **kwargs)
        self.image_shape = checks.sizes("image_shape", image_shape, rank=3)
        self.filters_base = checks.positive_int("filters_base", filters_base)
        self.max_filters = checks.positive_int("max_filters", max_filters)
        self.num_levels = _num_levels(self.image_shape)

    def width(self, level: int) -> int:
        """Returns the channels of a level's features."""
        return max(1, min(self.filters_base // 2 ** (level + 1), self.max_filters))

    def sides(self, level: int) -> tuple[int, int]:
        """Returns height and width of a level's images."""
        factor = 2 ** (self.num_levels - 1 - level)
        return self.image_shape[0] // factor, self.image_shape[1] // factor

    def _convolution(self, from_channels, to_channels, level, size=3, gain=None):
        gain = math.sqrt(2.0) if gain is None else gain
        layer = EqualizedConv2D(to_channels, size, gain=gain)
        layer.build((None, *self.sides(level), from_channels))
        return layer

    def _level(self, level):
        return self.num_levels - 1 if level is None else level

    def get_config(self):
        config = super().get_config()
        config.pop("trainable", None)
        config.pop("dtype", None)
        return {
            "image_shape": self.image_shape,
            "filters_base": self.filters_base,
            "max_filters": self.max_filters,
            "name": self.name,
        }


@keras.saving.register_keras_serializable("keras_genmod")
class ProgressiveGenerator(_Progressive):
    """Maps latents to images of any level: 4x4, 8x8, ... up to the whole size.

    Latents are normalized to unit mean square; a dense layer and a convolution make
    features of 4x4; each further level doubles them and has two convolutions. After
    each layer come LeakyReLU(0.2) and pixel normalization. While level l fades in, the
    image is

        fade rgb_l(h_l) + (1 - fade) up(rgb_(l-1)(h_(l-1))),

    with h_l the features, rgb_l a linear 1x1 convolution, and up by repetition.

    Args:
        image_shape: Tuple `(height, width, channels)`, the whole size: sides that halve
            until the shorter one is 4.
        latent_dim: Positive int; 512 in the paper.
        filters_base: Positive int: level l has `filters_base / 2 ** (l + 1)` channels;
        max_filters: Positive int, and at most these. 8192 and 512 in the paper.
        **kwargs: `name` as in `keras.Model`.

    Call arguments:
        z: Latents `(batch, latent_dim)`.
        training: Ignored.
        level: Int from 0 to `num_levels - 1`; `None` for the last.
        fade: Number or tensor `()` in [0, 1]; 1 where the level is whole.

    Returns:
        Float32 images `(batch, height, width, channels)` of the level, about [-1, 1]
        and not bounded.

    Raises:
        ValueError: If an argument is out of its range, or sides do not halve to 4.

    References:
        Karras et al., Progressive growing of GANs, 2018, arXiv:1710.10196.

    Example:
    ```python
    generator = ProgressiveGenerator((32, 32, 3), latent_dim=64, filters_base=256)
    generator(keras.ops.ones((4, 64)), level=1, fade=0.5).shape  # (4, 8, 8, 3)
    ```
    """

    def __init__(
        self,
        image_shape: tuple[int, ...],
        latent_dim: int = 512,
        filters_base: int = 8192,
        max_filters: int = 512,
        **kwargs: Any,
    ) -> None:
        super().__init__(image_shape, filters_base, max_filters, **kwargs)
        self.latent_dim = checks.positive_int("latent_dim", latent_dim)
        self.normalization = PixelNormalization()
        self.normalization.build((None, self.latent_dim))
        self.activation = layers.LeakyReLU(0.2)
        height, width = self.sides(0)
        # The code's gain of sqrt(2) / 4, for a map of 4x4
        self.dense = EqualizedDense(height * width * self.width(0), math.sqrt(2.0) / 4)
        self.dense.build((None, self.latent_dim))
        self.convolutions = [self._convolution(self.width(0), self.width(0), 0)]
        for level in range(1, self.num_levels):
            before, now = self.width(level - 1), self.width(level)
            self.convolutions.append(self._convolution(before, now, level))
            self.convolutions.append(self._convolution(now, now, level))
        self.to_rgb = [
            self._convolution(self.width(level), image_shape[-1], level, 1, gain=1.0)
            for level in range(self.num_levels)
        ]
        self.built = True

    @property
    def input_shape(self):
        return (None, self.latent_dim)

    @property
    def output_shape(self):
        return (None, *self.image_shape)

    def call(self, z, training=False, level=None, fade=1.0):
        level = self._level(level)
        x = self.dense(self.normalization(z))
        x = ops.reshape(x, (-1, *self.sides(0), self.width(0)))
        x = self.normalization(self.activation(x))
        x = self._convolved(x, self.convolutions[:1])
        before = x
        for i in range(level):
            before = x
            x = self._convolved(doubled(x), self.convolutions[2 * i + 1 : 2 * i + 3])
        image = ops.cast(self.to_rgb[level](x), "float32")
        if level == 0:
            return image
        coarse = doubled(ops.cast(self.to_rgb[level - 1](before), "float32"))
        return fade * image + (1.0 - fade) * coarse

    def _convolved(self, x, convolutions):
        for convolution in convolutions:
            x = self.normalization(self.activation(convolution(x)))
        return x

    def get_config(self):
        return {**super().get_config(), "latent_dim": self.latent_dim}


@keras.saving.register_keras_serializable("keras_genmod")
class ProgressiveCritic(_Progressive):
    """Scores images of any level, the mirror of `ProgressiveGenerator`.

    A 1x1 convolution makes features of the image; each level has two convolutions and
    halves them by averages. Features of 4x4 get a map of how much the batch varies
    (`MinibatchStandardDeviation`), a convolution and two dense layers. After each layer
    but the last comes LeakyReLU(0.2); nothing is normalized. While level l fades in,
    the features that enter level l - 1 are

        fade block_l(rgb_l(x)) + (1 - fade) rgb_(l-1)(down(x)).

    Args:
        image_shape: As for the generator.
        filters_base: As for the generator.
        max_filters: As for the generator.
        group_size: Int of at least 2, of the map of how much the batch varies.
        **kwargs: `name` as in `keras.Model`.

    Call arguments:
        x: Images `(batch, height, width, channels)` of the level, about [-1, 1].
        training: Ignored.
        level: Int from 0 to `num_levels - 1`; `None` for the last.
        fade: Number or tensor `()` in [0, 1]; 1 where the level is whole.

    Returns:
        Float32 scores `(batch, 1)`.

    Raises:
        ValueError: If an argument is out of its range, or sides do not halve to 4.

    References:
        Karras et al., Progressive growing of GANs, 2018, arXiv:1710.10196.

    Example:
    ```python
    critic = ProgressiveCritic((32, 32, 3), filters_base=256)
    critic(keras.ops.ones((4, 8, 8, 3)), level=1, fade=0.5).shape  # (4, 1)
    ```
    """

    def __init__(
        self,
        image_shape: tuple[int, ...],
        filters_base: int = 8192,
        max_filters: int = 512,
        group_size: int = 4,
        **kwargs: Any,
    ) -> None:
        super().__init__(image_shape, filters_base, max_filters, **kwargs)
        self.deviation = MinibatchStandardDeviation(group_size)
        self.activation = layers.LeakyReLU(0.2)
        first, (height, width) = self.width(0), self.sides(0)
        self.deviation.build((None, height, width, first))
        self.from_rgb = [
            self._convolution(image_shape[-1], self.width(level), level, 1)
            for level in range(self.num_levels)
        ]
        self.convolutions = [self._convolution(first + 1, first, 0)]
        for level in range(1, self.num_levels):
            now, after = self.width(level), self.width(level - 1)
            self.convolutions.append(self._convolution(now, now, level))
            self.convolutions.append(self._convolution(now, after, level))
        last = min(self.filters_base, self.max_filters)
        self.dense = EqualizedDense(last)
        self.dense.build((None, height * width * first))
        self.score = EqualizedDense(1, gain=1.0)
        self.score.build((None, last))
        self.built = True

    @property
    def input_shape(self):
        return (None, *self.image_shape)

    @property
    def output_shape(self):
        return (None, 1)

    def call(self, x, training=False, level=None, fade=1.0):
        level = self._level(level)
        features = self.activation(self.from_rgb[level](x))
        for i in range(level, 0, -1):
            for convolution in self.convolutions[2 * i - 1 : 2 * i + 1]:
                features = self.activation(convolution(features))
            features = halved(features)
            if i == level:
                coarse = self.activation(self.from_rgb[level - 1](halved(x)))
                features, coarse = (ops.cast(y, "float32") for y in (features, coarse))
                features = fade * features + (1.0 - fade) * coarse
        features = self.activation(self.convolutions[0](self.deviation(features)))
        features = ops.reshape(features, (-1, math.prod(features.shape[1:])))
        return ops.cast(self.score(self.activation(self.dense(features))), "float32")

    def get_config(self):
        return {**super().get_config(), "group_size": self.deviation.group_size}


def _num_levels(image_shape):
    """Returns how many sizes there are from 4 pixels a side on."""
    shorter = min(image_shape[:2])
    halvings = int(math.log2(shorter / _SMALLEST)) if shorter >= _SMALLEST else -1
    factor = 2 ** max(halvings, 0)
    if shorter != _SMALLEST * factor or any(s % factor for s in image_shape[:2]):
        raise ValueError(
            "`image_shape` must have sides that halve until the shorter one is "
            f"{_SMALLEST}: 4, 8, 16, 32, ...; resize or crop the images. "
            f"Received: image_shape={image_shape}"
        )
    return halvings + 1
