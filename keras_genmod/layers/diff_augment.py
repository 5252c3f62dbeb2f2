"""The augmentation that gradients pass through."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_genmod import checks
from keras_genmod.engine import SeedGenerator, uniform
from keras_genmod.layers import augmentation_ops

POLICY = ("color", "translation", "cutout")


@keras.saving.register_keras_serializable("keras_genmod")
class DiffAugment(keras.layers.Layer):
    """Changes each image in [0, 1] at random, differentiably, in training alone.

    - "color": brightness by U(-1/4, 1/4), saturation (channels' distance from their
      mean) times U(0, 2), contrast (an image's distance from its mean) times
      U(1/2, 3/2).
    - "translation": whole pixels, up to an eighth of a side, each way; grey comes in.
    - "cutout": a square of half the sides becomes grey, anywhere.

    Given to a GAN as `augmentation`, it shows the discriminator changed real and
    changed generated images, and the generator learns through it: on few images, the
    discriminator then cannot learn them by heart, and the changes do not leak.

    Args:
        policy: Non-empty tuple of some of "color", "translation", "cutout", in the
            order in which they happen; or a string of them with commas between, as in
            the authors' code.
        seed: Int or `None`.
        **kwargs: As in `keras.layers.Layer`.

    Call arguments:
        inputs: Tensor of shape `(batch, height, width, channels)`.
        training: Boolean; where `False`, images are returned as they are.

    Raises:
        ValueError: If an argument is none of these.

    References:
        Zhao et al., Differentiable augmentation for data-efficient GAN training, 2020,
        arXiv:2006.10738.

    Note:
        The paper's images lie in [-1, 1]: its brightness is twice as large, and its
        zeros are grey as here.

    Example:
    ```python
    model = GAN(generator, discriminator, 64, augmentation=DiffAugment())
    ```
    """

    def __init__(
        self,
        policy: Sequence[str] | str = POLICY,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(autocast=False, **kwargs)
        self.policy = _names(policy)
        self.seed = checks.seed("seed", seed)
        self.seed_generator = SeedGenerator(seed)
        self.input_spec = keras.layers.InputSpec(ndim=4)
        self.built = True

    def call(self, inputs, training=False):
        if not training:
            return inputs
        for name in self.policy:
            inputs = getattr(self, f"_{name}")(inputs)
        return inputs

    def _color(self, x):
        x = x + self._uniform(x, -0.25, 0.25)
        x = augmentation_ops.saturated(x, self._uniform(x, 0.0, 2.0))
        return augmentation_ops.contrasted(x, self._uniform(x, 0.5, 1.5))

    def _translation(self, x):
        limit = [int(size / 8 + 0.5) for size in x.shape[1:3]]
        down, right = (self._integer(x, -most, most) for most in limit)
        return augmentation_ops.shifted(x, down, right, limit)

    def _cutout(self, x):
        sides = [int(size / 2 + 0.5) for size in x.shape[1:3]]
        row, column = (  # the middle is anywhere in the image
            self._integer(x, -(side // 2), size - side % 2 - side // 2)
            for size, side in zip(x.shape[1:3], sides, strict=True)
        )
        return augmentation_ops.cut_out(x, row, column, sides)

    def _uniform(self, x, low, high):
        shape = (ops.shape(x)[0], 1, 1, 1)
        drawn = low + (high - low) * uniform(shape, self.seed_generator)
        return ops.cast(drawn, x.dtype)

    def _integer(self, x, low, high):
        drawn = uniform((ops.shape(x)[0],), self.seed_generator)
        return low + ops.cast(ops.floor(drawn * (high - low + 1)), "int32")

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "policy": list(self.policy), "seed": self.seed}


def _names(policy):
    """Returns a policy as a tuple of names."""
    names = policy
    if isinstance(policy, str):
        names = [name.strip() for name in policy.split(",")]
    is_sequence = isinstance(names, (tuple, list)) and len(names) > 0
    if not is_sequence or not all(
        isinstance(name, str) and name in POLICY for name in names
    ):
        raise ValueError(
            f"`policy` must be a non-empty tuple of some of {POLICY}, or a string of "
            f"them with commas between. Received: policy={policy!r}"
        )
    return tuple(names)
