"""Models whose conditions are scene graphs, and which draw their layouts."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_genmod import checks
from keras_genmod.engine import Seeds, call_network, compiled
from keras_genmod.layers import BoxCrop, BoxPaint
from keras_genmod.models.adversarial import graph_checks
from keras_genmod.models.adversarial.adversarial_model import AdversarialModel

_GRAPH = ("objects", "object_mask", "relations", "relation_mask")


class LayoutModel(AdversarialModel):
    """The part of `SceneGraphGAN` from graphs to layouts and images.

    Args:
        graph_network: As in `SceneGraphGAN`.
        generator: As in `SceneGraphGAN`.
        num_attributes: Tuple of ints.
        num_predicates: Int.
        sizes: Numbers of objects and relations, sizes of vectors and masks.
        **kwargs: As in `AdversarialModel`; `num_classes` is refused.
    """

    def __init__(
        self,
        graph_network: keras.Model,
        generator: keras.Model,
        num_attributes: Sequence[int],
        num_predicates: int,
        sizes: tuple[int, int, int, int],
        **kwargs: Any,
    ) -> None:
        image_shape = generator.output_shape[1:]
        super().__init__(data_shape=image_shape, num_classes=None, **kwargs)
        self.num_attributes, self.num_predicates = num_attributes, num_predicates
        self.graph_network, self.generator = graph_network, generator
        self.max_objects, self.max_relations, vector_dim, mask_size = sizes
        self.noise_dim = generator.input_shape[-1] - vector_dim
        self._paint = BoxPaint(image_shape[:2])
        self._crop_mask = BoxCrop(mask_size)
        self._paint.built = self._crop_mask.built = True

    @property
    def condition_shape(self) -> dict[str, tuple[int, ...]]:
        num, size = self.max_objects, self.data_shape[:2]
        return {
            "objects": (num, len(self.num_attributes)),
            "object_mask": (num,),
            "relations": (self.max_relations, 3),
            "relation_mask": (self.max_relations,),
            "boxes": (num, 4),
            "masks": (num, *size),
        }

    def sampled_shapes(self, condition: Any) -> dict:
        """Returns the shapes of a graph, and of boxes or masks that are given."""
        given = condition if isinstance(condition, dict) else {}
        shapes = self.condition_shape
        return {k: v for k, v in shapes.items() if k in _GRAPH or k in given}

    def standardize_condition(self, condition: Any, num_examples: int) -> Any:
        graph_checks.check_padded(
            "condition", condition, self.max_objects, self.max_relations
        )
        return super().standardize_condition(condition, num_examples)

    def check_arrays(self, arrays: dict[str, np.ndarray]) -> None:
        """Raises a `ValueError` unless all graphs are such of the model's objects."""
        if "masks" in arrays and "boxes" not in arrays:
            raise ValueError(
                "`masks` must come with `boxes`, which say where they lie. "
                f"Received: {', '.join(arrays)}"
            )
        graph_checks.check_graphs(arrays, self.num_attributes, self.num_predicates)

    def check_examples(self, x: Any) -> None:
        super().check_examples(x)
        checks.unit_range("x", x)

    def data_and_condition(self, inputs: Any) -> Any:
        x, graph = super().data_and_condition(inputs)
        known = graph_checks.is_graph(graph, self.num_attributes, self.num_predicates)
        return self._nan_where(ops.logical_not(known), x), graph

    # From graphs to images.

    def call(self, inputs, training=False):
        """Returns a dict of the boxes and painted masks that graphs have."""
        _, graph = self.data_and_condition(inputs)
        _, boxes, logits = self._read(graph, training)
        masks = self._paint([ops.sigmoid(logits), boxes])
        real = weights_of(graph)
        return {
            "boxes": boxes * real[..., None],
            "masks": masks * real[..., None, None],
        }

    def _read(self, graph, training):
        """Returns vectors, boxes and logits of masks."""
        found = call_network(
            self.graph_network, {name: graph[name] for name in _GRAPH}, training
        )
        left, top, width, height = ops.unstack(ops.sigmoid(found["boxes"]), axis=-1)
        left, top = left * (1 - width), top * (1 - height)
        boxes = ops.stack([left, top, left + width, top + height], axis=-1)
        return found["vectors"], boxes, found["masks"]

    def _cut_masks(self, graph):
        """Returns what boxes show of the true masks, `(batch, O, size, size)`."""
        masks = ops.cast(graph["masks"], "float32")
        size = self._crop_mask.size
        flat = ops.reshape(masks, (-1, *self.data_shape[:2], 1))
        boxes = ops.reshape(graph["boxes"], (-1, 1, 4))
        cut = self._crop_mask([flat, boxes])
        return ops.reshape(cut, (-1, self.max_objects, size, size))

    def _layout(self, graph, vectors, masks, boxes):
        """Returns sum_i v_i mask_i `(batch, height, width, dim)`, and painted masks."""
        painted = self._paint([masks, boxes]) * weights_of(graph)[..., None, None]
        height, width = self.data_shape[:2]
        flat = ops.reshape(painted, (-1, self.max_objects, height * width))
        layout = ops.matmul(ops.swapaxes(flat, 1, 2), vectors)
        return ops.reshape(layout, (-1, height, width, vectors.shape[-1])), painted

    def _drawn(self, layout, seed, training):
        shape = (ops.shape(layout)[0], *self.data_shape[:2], self.noise_dim)
        noise = keras.random.normal(shape, dtype="float32", seed=seed)
        layout = ops.concatenate([layout, noise], axis=-1)
        return call_network(self.generator, layout, training)

    # Samples.

    def sample(
        self, num_samples: Any, condition: Any = None, seed: int | None = None
    ) -> Any:
        """Draws images of graphs, in one call that is compiled once for a number.

        Args:
            num_samples: Positive int; or the graphs themselves, for an image of each.
            condition: Graphs, a dict of arrays as `data.scene_graphs` makes them,
                `(num_samples, ...)`, or without this axis one for all. It may have
                `boxes`, or boxes and `masks`, as in training: images then have this
                layout in place of the model's own.
            seed: Int for repeatable samples; `None` draws new ones each call.

        Returns:
            Float32 tensor of shape `(num_samples, *data_shape)` in [0, 1].

        Raises:
            ValueError: If an argument is out of range, a graph is not of the model's
                objects and relations, or `masks` come without `boxes`.
        """
        if isinstance(num_samples, (dict, list, tuple)) and condition is None:
            num_samples, condition = _number(num_samples), num_samples
        return super().sample(num_samples, condition, seed)

    @compiled()
    def _sample(self, state, condition, *, num_samples):
        layout = self._found_layout(condition)["layout"]
        return self._drawn(layout, Seeds(state), False)

    def layout(self, graphs: Any) -> dict[str, Any]:
        """Returns where the model puts the objects of graphs.

        Args:
            graphs: As `sample` takes them.

        Returns:
            Dict of float32 tensors: `boxes` `(n, O, 4)`, `masks`
            `(n, O, height, width)` in [0, 1], which pixels show an object, and
            `layout` `(n, height, width, dim)`, what the generator takes beside noise.
            `sample({**graphs, "boxes": boxes})` draws with boxes that were changed.

        Raises:
            ValueError: If these are no such graphs.
        """
        condition = self.standardize_condition(graphs, _number(graphs))
        return self._compiled_layout(condition)

    @compiled()
    def _compiled_layout(self, condition):
        return self._found_layout(condition)

    def _found_layout(self, graph):
        vectors, boxes, logits = self._read(graph, False)
        masks, boxes = ops.sigmoid(logits), graph.get("boxes", boxes)
        if "masks" in graph:
            masks = self._cut_masks({**graph, "boxes": boxes})
        layout, painted = self._layout(graph, vectors, masks, boxes)
        boxes = boxes * weights_of(graph)[..., None]
        return {"boxes": boxes, "masks": painted, "layout": layout}

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["num_classes"]
        return {
            **config,
            "graph_network": keras.saving.serialize_keras_object(self.graph_network),
            "generator": keras.saving.serialize_keras_object(self.generator),
            "num_attributes": self.num_attributes,
            "num_predicates": self.num_predicates,
        }


def _number(graphs):
    """Returns how many graphs a dict of arrays holds; 1 if it has no batch."""
    objects: Any = graphs.get("objects", ()) if isinstance(graphs, dict) else ()
    return len(objects) if np.ndim(objects) == 3 else 1


def weights_of(graph: Any) -> Any:
    """Returns 1 for real objects and 0 for padded ones, float32 `(batch, O)`."""
    return ops.cast(graph["object_mask"], "float32")
