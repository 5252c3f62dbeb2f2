"""The vectors that a scene graph starts from."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_genmod import checks
from keras_genmod.layers.selection import selected


@keras.saving.register_keras_serializable("keras_genmod")
class SceneGraphEmbedding(keras.layers.Layer):
    """Learnt vectors of objects and predicates, and of an image that holds them all.

    An object's vector is the sum of those of its attributes. One more object stands for
    the image, and one more relation from each object to it, so that everything in a
    scene is related, also what nothing is said of.

    Args:
        num_attributes: Tuple of positive ints, how many values each attribute of an
            object has: `(3, 6, 2)` for shapes, colours and sizes, `(80,)` for
            categories alone.
        num_predicates: Positive int.
        units: Positive int, the size of vectors.
        **kwargs: As in `keras.layers.Layer`.

    Call arguments:
        inputs: List of int objects `(batch, objects, attributes)`, their mask
            `(batch, objects)`, int relations `(batch, relations, 3)` of subject,
            predicate, object, and their mask `(batch, relations)`.

    Returns:
        List of what `GraphConvolution` takes: vectors `(batch, objects + 1, units)`,
        the image's last; predicates, relations and their mask, for
        `relations + objects` of them.

    Raises:
        ValueError: If an argument is not a positive int, or a tuple of them.

    References:
        Johnson, Gupta and Fei-Fei, Image generation from scene graphs, 2018,
        arXiv:1804.01622.

    Example:
    ```python
    graph = SceneGraphEmbedding((3, 6, 2), 6, units=64)(
        [objects, object_mask, relations, relation_mask]
    )
    vectors, predicates = GraphConvolution(64)(graph)
    ```
    """

    def __init__(
        self,
        num_attributes: Sequence[int],
        num_predicates: int,
        units: int,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.num_attributes = checks.sizes("num_attributes", num_attributes)
        self.num_predicates = checks.positive_int("num_predicates", num_predicates)
        self.units = checks.positive_int("units", units)

    def build(self, input_shape):
        def vectors(number, name):
            return self.add_weight(
                shape=(number, self.units),
                initializer=keras.initializers.RandomNormal(stddev=1.0),
                name=name,
            )

        self.attributes = vectors(sum(self.num_attributes), "attributes")
        self.image = vectors(1, "image")
        self.predicates = vectors(self.num_predicates, "predicates")
        self.in_image = vectors(1, "in_image")

    def call(self, inputs):
        objects, object_mask, relations, relation_mask = inputs
        num_objects, dtype = objects.shape[1], self.compute_dtype
        which = [
            selected(objects[..., i], size, dtype)
            for i, size in enumerate(self.num_attributes)
        ]
        vectors = ops.matmul(ops.concatenate(which, axis=-1), self.attributes)
        vectors *= ops.cast(object_mask, dtype)[..., None]
        rows = ops.zeros_like(vectors[:, :1, :1])  # (batch, 1, 1)
        image = rows + ops.convert_to_tensor(self.image)
        predicates = selected(relations[..., 1], self.num_predicates, dtype)
        predicates = ops.matmul(predicates, self.predicates)
        in_image = ops.zeros_like(vectors) + ops.convert_to_tensor(self.in_image)
        return [
            ops.concatenate([vectors, image], axis=1),
            ops.concatenate([predicates, in_image], axis=1),
            self._with_image(ops.cast(relations, "int32"), num_objects),
            ops.concatenate(
                [ops.cast(relation_mask, "bool"), ops.cast(object_mask, "bool")], axis=1
            ),
        ]

    def _with_image(self, relations, num_objects):
        number = ops.arange(num_objects, dtype="int32")
        to_image = ops.stack(
            [
                number,
                ops.full_like(number, self.num_predicates),
                ops.full_like(number, num_objects),
            ],
            axis=-1,
        )
        to_image = ops.zeros_like(relations[:, :1, :1]) + to_image[None]
        return ops.concatenate([relations, to_image], axis=1)

    def compute_output_spec(self, inputs):
        objects, _, relations, _ = inputs
        batch, num_objects = objects.shape[:2]
        num = relations.shape[1] + num_objects
        spec = keras.KerasTensor
        return [
            spec((batch, num_objects + 1, self.units), self.compute_dtype),
            spec((batch, num, self.units), self.compute_dtype),
            spec((batch, num, 3), "int32"),
            spec((batch, num), "bool"),
        ]

    def get_config(self):
        return {
            **super().get_config(),
            "num_attributes": self.num_attributes,
            "num_predicates": self.num_predicates,
            "units": self.units,
        }
