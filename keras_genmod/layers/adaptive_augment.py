"""The augmentation that sets its own strength."""

import math
from typing import Any

import keras
from keras import ops

from keras_genmod import checks
from keras_genmod.engine import SeedGenerator, normal, uniform
from keras_genmod.layers import augmentation_ops


@keras.saving.register_keras_serializable("keras_genmod")
class AdaptiveAugment(keras.layers.Layer):
    """Changes images in [0, 1] with a probability that follows overfitting (ADA).

    Each change happens to an image with probability p, a weight: mirroring, turns by
    90 degrees, shifts; scaling 2^N(0, 0.2^2), turning, stretching 2^N(0, 0.2^2),
    turning again, a shift of N(0, 0.125^2) sides; brightness N(0, 0.1^2), contrast
    2^N(0, 0.5^2), luma flip, hue, saturation 2^N(0, 1) (the last two of RGB images
    alone). Every `interval` calls of `adapt_to`,

        p <- clip(p + sign(E sign D(x) - target) n / num_images, 0, 1)

    for the n real images scored since the last time: a discriminator that is sure of
    them knows them by heart. A GAN with this layer as `augmentation` calls `adapt_to`.

    Args:
        target: Number in [0, 1].
        num_images: Positive int, the real images that p takes from 0 to 1.
        interval: Positive int.
        probability: Number in [0, 1], p at first.
        seed: Int or `None`.
        **kwargs: As in `keras.layers.Layer`.

    Call arguments:
        inputs: Tensor of shape `(batch, height, width, channels)`.
        training: Boolean; where `False`, images are returned as they are.

    Raises:
        ValueError: If an argument is out of its range.

    References:
        Karras et al., Training generative adversarial networks with limited data, 2020,
        arXiv:2006.06676.

    Note:
        Images are read bilinearly and mirrored at their borders; the authors' code
        filters by a wavelet. It lets p grow above 1.

    Example:
    ```python
    model = GAN(generator, discriminator, 64, augmentation=AdaptiveAugment())
    ```
    """

    def __init__(
        self,
        target: float = 0.6,
        num_images: int = 500_000,
        interval: int = 4,
        probability: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(autocast=False, **kwargs)
        self.target = checks.fraction("target", target)
        self.num_images = checks.positive_int("num_images", num_images)
        self.interval = checks.positive_int("interval", interval)
        self._first = float(checks.fraction("probability", probability))
        self.seed = checks.seed("seed", seed)
        self.seed_generator = SeedGenerator(seed)
        self.input_spec = keras.layers.InputSpec(ndim=4)
        self.built = True
        self.probability = self._scalar("probability", self._first)
        self.sum_of_signs = self._scalar("sum_of_signs", 0.0)
        self.num_scores = self._scalar("num_scores", 0.0)
        self.num_calls = self._scalar("num_calls", 0.0)

    def _scalar(self, name, value):
        return self.add_weight(
            shape=(),
            initializer=keras.initializers.Constant(value),
            dtype="float32",
            trainable=False,
            autocast=False,
            name=name,
        )

    def adapt_to(self, scores: Any, packing: int = 1) -> None:
        """Moves p, from the scores of a batch of real images.

        Args:
            scores: Float tensor `(batch, ...)`, above 0 where taken for real.
            packing: Positive int, images that a score is of.
        """
        size = packing * ops.cast(ops.shape(scores)[0], "float32")
        signs = self.sum_of_signs + size * ops.mean(ops.sign(scores))
        number, calls = self.num_scores + size, self.num_calls + 1.0
        due = calls >= self.interval
        step = ops.sign(signs / number - self.target) * number / self.num_images
        moved = ops.clip(self.probability + step, 0.0, 1.0)
        self.probability.assign(ops.where(due, moved, self.probability + 0.0))
        for weight, value in (
            (self.sum_of_signs, signs),
            (self.num_scores, number),
            (self.num_calls, calls),
        ):
            weight.assign(ops.where(due, 0.0, value))

    def call(self, inputs, training=False):
        if not training:
            return inputs
        noise = _Noise(ops.shape(inputs)[0], self.seed_generator)
        p = self.probability + 0.0
        moved = self._moved(inputs, p, noise)
        return self._recoloured(self._warped(moved, p, noise), p, noise)

    def _moved(self, x, p, noise):
        """Mirrors, turns by 90 degrees, shifts by whole pixels: no value changes."""
        x = ops.where(noise.uniform(4) < p, ops.flip(x, axis=2), x)
        turns = [x, ops.flip(x, axis=(1, 2))]
        if x.shape[1] == x.shape[2]:
            quarter = ops.flip(ops.transpose(x, (0, 2, 1, 3)), axis=2)
            turns += [quarter, ops.flip(quarter, axis=(1, 2))]
        which = noise.integer(0, len(turns) - 1)
        turned = x
        for i, other in enumerate(turns[1:], start=1):
            turned = ops.where(ops.reshape(which, (-1, 1, 1, 1)) == i, other, turned)
        x = ops.where(noise.uniform(4) < p, turned, x)
        limit = [size // 8 for size in x.shape[1:3]]
        down, right = (noise.integer(-most, most) for most in limit)
        moved = augmentation_ops.shifted(x, down, right, limit)
        return ops.where(noise.uniform(4) < p, moved, x)

    def _warped(self, x, p, noise):
        """Scales, turns, stretches, turns and shifts."""
        turning = 1.0 - ops.sqrt(1.0 - p)  # so that one of two happens with p
        scale, stretch = (
            ops.where(noise.uniform(1) < p, 2.0 ** (0.2 * noise.normal(1)), 1.0)
            for _ in range(2)
        )
        first, second = (
            ops.where(noise.uniform(1) < turning, noise.angle(1), 0.0) for _ in range(2)
        )
        shifts = noise.uniform(2) < p  # (batch, 1)
        down, right = (
            0.125 * size * noise.normal(2) for size in x.shape[1:3]
        )  # (batch, 1)
        offset = ops.where(shifts, ops.concatenate([down, right], axis=-1), 0.0)
        stretched = _diagonal(scale * stretch, scale / stretch)
        matrix = ops.matmul(_rotation(second), ops.matmul(stretched, _rotation(first)))
        warped = augmentation_ops.affinely_warped(
            ops.cast(x, "float32"), matrix, offset
        )
        # An image to which nothing happens keeps its bits.
        still = ops.logical_and(scale == 1.0, stretch == 1.0)
        still = ops.logical_and(still, ops.logical_and(first == 0.0, second == 0.0))
        still = ops.logical_and(still, ops.logical_not(shifts[:, 0]))
        still = ops.reshape(still, (-1, 1, 1, 1))
        return ops.where(still, x, ops.cast(warped, x.dtype))

    def _recoloured(self, x, p, noise):
        """Changes brightness, contrast, luma, and hue and saturation of RGB images."""
        grey = augmentation_ops.GREY
        x = ops.where(noise.uniform(4) < p, x + 0.1 * noise.normal(4), x)
        factor = 2.0 ** (0.5 * noise.normal(4))
        x = ops.where(noise.uniform(4) < p, grey + factor * (x - grey), x)
        x = ops.where(noise.uniform(4) < p, augmentation_ops.luma_flipped(x), x)
        if x.shape[-1] != 3:
            return x
        turned = augmentation_ops.hue_rotated(x, noise.angle(4))
        x = ops.where(noise.uniform(4) < p, turned, x)
        saturated = augmentation_ops.saturated(x, 2.0 ** noise.normal(4))
        return ops.where(noise.uniform(4) < p, saturated, x)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "target": self.target,
            "num_images": self.num_images,
            "interval": self.interval,
            "probability": self._first,
            "seed": self.seed,
        }


class _Noise:
    """The random numbers of one call, drawn at once: each draw is many operations."""

    def __init__(self, number, seed_generator):
        drawn = uniform((_NUM_UNIFORM, number), seed_generator)
        self._uniform = iter(ops.unstack(drawn, _NUM_UNIFORM))
        drawn = normal((_NUM_NORMAL, number), seed_generator)
        self._normal = iter(ops.unstack(drawn, _NUM_NORMAL))

    def uniform(self, rank):
        """Returns the next number of each image, of shape `(batch, 1, ...)`."""
        return _of_rank(next(self._uniform), rank)

    def normal(self, rank):
        return _of_rank(next(self._normal), rank)

    def angle(self, rank):
        return math.pi * (2.0 * self.uniform(rank) - 1.0)

    def integer(self, low, high):
        drawn = self.uniform(1) * (high - low + 1)
        return low + ops.cast(ops.floor(drawn), "int32")


_NUM_UNIFORM, _NUM_NORMAL = 19, 7  # what an image of three channels takes


def _of_rank(x, rank):
    return x if rank == 1 else ops.reshape(x, (-1, *(1,) * (rank - 1)))


def _rotation(angle):
    rows = [[ops.cos(angle), -ops.sin(angle)], [ops.sin(angle), ops.cos(angle)]]
    return ops.stack([ops.stack(row, axis=-1) for row in rows], axis=-2)


def _diagonal(first, second):
    zero = ops.zeros_like(first)
    rows = [[first, zero], [zero, second]]
    return ops.stack([ops.stack(row, axis=-1) for row in rows], axis=-2)
