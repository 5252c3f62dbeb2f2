"""Convolution of the vectors on the objects and relations of a graph."""

from typing import Any

import keras
from keras import ops

from keras_genmod import checks
from keras_genmod.layers.selection import selected


@keras.saving.register_keras_serializable("keras_genmod")
class GraphConvolution(keras.layers.Layer):
    """One step along the relations of a graph, whose objects change places freely.

    For each relation r from object s to object o, (a_s, p', a_o) = g(v_s, p_r, v_o);
    each object then becomes v'_i = h(mean of its a), over all relations that begin or
    end in it. g and h are networks of two dense layers with ReLU. An object without
    relations becomes h(0).

    Args:
        units: Positive int, the size of the new vectors of objects and predicates.
        hidden_units: Positive int, the size of the hidden layers and of each a.
        **kwargs: As in `keras.layers.Layer`.

    Call arguments:
        inputs: List of the vectors of objects `(batch, objects, dim)`, those of
            predicates `(batch, relations, predicate_dim)`, int relations
            `(batch, relations, 3)` with subject, predicate (not looked at) and object,
            and the mask `(batch, relations)` of those that there are. Padded relations
            and objects change nothing.

    Returns:
        List of the new vectors of objects `(batch, objects, units)` and of predicates
        `(batch, relations, units)`.

    Raises:
        ValueError: If an argument is not a positive int.

    References:
        Johnson, Gupta and Fei-Fei, Image generation from scene graphs, 2018,
        arXiv:1804.01622.

    Example:
    ```python
    vectors, predicates = GraphConvolution(128)(
        [vectors, predicates, relations, relation_mask]
    )
    ```
    """

    def __init__(self, units: int, hidden_units: int = 512, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = checks.positive_int("units", units)
        self.hidden_units = checks.positive_int("hidden_units", hidden_units)

    def build(self, input_shape):
        objects, predicates = input_shape[:2]
        hidden = self.hidden_units
        triple = 2 * objects[-1] + predicates[-1]
        self.edge_hidden = self._dense(hidden, triple)
        self.edge = self._dense(2 * hidden + self.units, hidden)
        self.node_hidden = self._dense(hidden, hidden)
        self.node = self._dense(self.units, hidden)

    def _dense(self, units, input_dim):
        layer = keras.layers.Dense(
            units,
            activation="relu",
            kernel_initializer="he_normal",
            dtype=self.dtype_policy,
        )
        layer.build((None, input_dim))
        return layer

    def call(self, inputs):
        vectors, predicates, relations, mask = inputs
        num_objects = vectors.shape[1]
        # (batch, relations, objects): which object a relation begins and ends in
        subject = selected(relations[..., 0], num_objects, self.compute_dtype)
        object_ = selected(relations[..., 2], num_objects, self.compute_dtype)
        triples = ops.concatenate(
            [ops.matmul(subject, vectors), predicates, ops.matmul(object_, vectors)],
            axis=-1,
        )
        edges = self.edge(self.edge_hidden(triples))
        hidden = self.hidden_units
        of_subject, rest = edges[..., :hidden], edges[..., hidden:]
        new_predicates, of_object = rest[..., : self.units], rest[..., self.units :]
        mask = ops.cast(mask, self.compute_dtype)[..., None]
        subject, object_ = subject * mask, object_ * mask
        total = ops.matmul(ops.swapaxes(subject, 1, 2), of_subject)
        total += ops.matmul(ops.swapaxes(object_, 1, 2), of_object)
        count = ops.sum(subject + object_, axis=1)[..., None]  # (batch, objects, 1)
        return [
            self.node(self.node_hidden(total / ops.maximum(count, 1.0))),
            new_predicates,
        ]

    def compute_output_shape(self, input_shape):
        return [(*shape[:2], self.units) for shape in input_shape[:2]]

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "hidden_units": self.hidden_units,
        }
