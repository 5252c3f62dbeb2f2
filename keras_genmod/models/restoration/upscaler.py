"""What models that enlarge images have in common."""

from typing import Any

import keras
from keras import ops

from keras_genmod import checks
from keras_genmod.engine import call_network, clip, compiled
from keras_genmod.models import network_checks
from keras_genmod.models.image_pairs import ImagePairs
from keras_genmod.models.valid_data import in_range


class Upscaler(ImagePairs):
    """Base of models that make large images of small ones.

    Args:
        generator: Built Keras model from small to large images; those of `None` sizes
            take images of any size.
        image_shape: Shape `(height, width, channels)` of the small images that train.
        **kwargs: `seed`, `name`, `dtype` as in `GenerativeModel`.

    Raises:
        ValueError: If the generator does not enlarge such images.
    """

    no_samples = (
        "draws nothing from noise alone: it makes images of images by `upscale`."
    )

    def __init__(self, generator: keras.Model, image_shape: Any, **kwargs: Any) -> None:
        image_shape = checks.sizes("image_shape", image_shape, rank=3)
        large_shape = _large_shape(generator, image_shape)
        network_checks.warn_unless_unit_range("generator", generator)
        super().__init__(image_shape, large_shape, **kwargs)
        self.generator = generator

    def call(self, inputs, training=False):
        """Returns the enlarged images of the small ones in `(small, large)`."""
        small, _ = self._images(self._check_inputs(inputs))
        return call_network(self.generator, small, training)

    @staticmethod
    def _squared_errors(made, large):
        """Returns mean squared errors of images on [-1, 1], `(batch,)`."""
        return ops.mean(ops.square(2.0 * (made - large)), axis=(1, 2, 3))

    @staticmethod
    def _valid(small, large):
        """Returns which examples have pixels in [0, 1] alone, `(batch,)`."""
        return ops.logical_and(in_range(small, 0.0, 1.0), in_range(large, 0.0, 1.0))

    def _check_static(self, x, condition=None):
        super()._check_static(x)
        if condition is not None:
            checks.static_shape("large images", condition, self.condition_shape)

    def check_condition(self, condition: Any, num_examples: int) -> None:
        if condition is None:
            raise ValueError(
                f"{type(self).__name__} trains on pairs of images: give `fit(small, "
                "large)`; `keras_genmod.data.resize` makes the small ones. Received "
                "the images of one side."
            )
        checks.shape("large images", condition, self.condition_shape)
        if len(condition) != num_examples:
            raise ValueError(
                f"{type(self).__name__} trains on pairs, as many large images as small "
                f"ones, in the same order. Received: {num_examples} small and "
                f"{len(condition)} large images"
            )
        checks.unit_range("large images", condition)

    def upscale(self, images: Any) -> Any:
        """Returns enlarged images, each what it alone would become.

        Args:
            images: Images `(batch, height, width, channels)` in [0, 1], of any height
                and width that the generator takes.

        Returns:
            Float32 tensor `(batch, scale height, scale width, channels)` in [0, 1].

        Raises:
            ValueError: If `images` are no such images.
        """
        checks.shape("images", images, self.generator.input_shape[1:])
        checks.unit_range("images", images)
        return self._upscale(images)

    @compiled()
    def _upscale(self, images):
        made = call_network(self.generator, ops.cast(images, "float32"), False)
        return clip(made, 0.0, 1.0)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "generator": keras.saving.serialize_keras_object(self.generator),
            "image_shape": self.data_shape,
        }


def _large_shape(generator, image_shape):
    """Returns the shape of what a generator makes of images of one shape."""
    found, _ = network_checks.shapes("generator", generator)
    fits = len(found) == 3 and all(
        size in (None, expected)
        for size, expected in zip(found, image_shape, strict=True)
    )
    if not fits:
        raise ValueError(
            f"`image_shape` must be a shape that `generator` takes, {found}. "
            f"Received: image_shape={image_shape}"
        )
    made = tuple(generator.compute_output_shape((1, *image_shape)))[1:]
    grows = len(made) == 3 and all(
        size is not None and size % small == 0 and size > small
        for size, small in zip(made[:2], image_shape[:2], strict=False)
    )
    if not grows or made[2] != image_shape[2]:
        raise ValueError(
            "`generator` must make images of a multiple of the height and width, and "
            f"of as many channels. Received a network from {image_shape} to {made}"
        )
    return made
