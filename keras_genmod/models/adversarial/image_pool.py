"""A history of generated images for the discriminator to look at."""

from typing import Any

import keras
from keras import ops

from keras_genmod.engine import own_of_each_process, uniform


class ImagePool(keras.layers.Layer):
    """Gives a discriminator old images among the new.

    While the pool fills, images go in and come out as they are. After that each image
    is, with probability 1/2, put in the pool and an older one comes out instead; else
    it comes out itself. The images are non-trainable weights: a run resumes with them.

    Args:
        size: Int of at least 0, images in the pool; 0 turns it off.
        image_shape: Shape of one image.
        seed_generator: The `keras.random.SeedGenerator` of the model.

    References:
        Shrivastava et al., Learning from simulated and unsupervised images through
        adversarial training, 2016, arXiv:1612.07828.

    Note:
        The images of one batch are exchanged at once, each with another place in the
        pool; the original goes one by one. Images beyond the pool's size in one batch
        pass unchanged.
    """

    def __init__(
        self,
        size: int,
        image_shape: tuple[int, ...],
        seed_generator: keras.random.SeedGenerator,
        **kwargs: Any,
    ) -> None:
        super().__init__(autocast=False, **kwargs)
        self.size = size
        self.seed_generator = seed_generator
        if size:
            self.images = self.add_weight(
                shape=(size, *image_shape),
                initializer="zeros",
                dtype="float32",
                autocast=False,
                trainable=False,
                name="images",
            )
            self.count = self.add_weight(
                shape=(),
                initializer="zeros",
                dtype="int32",
                trainable=False,
                name="count",
            )
            for variable in (self.images, self.count):
                own_of_each_process(variable)
        self.built = True

    def exchange(self, images: Any) -> Any:
        """Puts images `(batch, ...)` in the pool; returns as many, some of them old."""
        if not self.size:
            return images
        pool, count = (
            ops.convert_to_tensor(self.images),
            ops.convert_to_tensor(self.count),
        )
        batch = ops.shape(images)[0]
        index = ops.arange(batch, dtype="int32")
        noise = uniform((self.size,), self.seed_generator)
        order = ops.cast(ops.argsort(noise), "int32")
        old_place = ops.take(order, ops.mod(index, self.size), axis=0)
        coin = uniform((batch,), self.seed_generator) < 0.5

        fills = count + index < self.size
        swaps = ~fills & coin & (index < self.size) & (old_place < count)
        place = ops.where(fills, count + index, old_place)
        returned = ops.where(
            _column(swaps, images), ops.take(pool, old_place, axis=0), images
        )
        # writes[i, p]: image i goes to place p. No place is written twice.
        places = ops.arange(self.size, dtype="int32")  # int64 under floatx float64
        writes = (fills | swaps)[:, None] & (place[:, None] == places)
        newest = ops.take(images, ops.argmax(ops.cast(writes, "int32"), axis=0), axis=0)
        self.images.assign(
            ops.where(_column(ops.any(writes, axis=0), pool), newest, pool)
        )
        self.count.assign(ops.minimum(count + ops.cast(batch, "int32"), self.size))
        return returned


def _column(mask, images):
    return ops.reshape(mask, (-1, *(1,) * (len(images.shape) - 1)))
