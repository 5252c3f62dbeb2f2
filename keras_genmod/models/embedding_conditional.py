"""Models that take embeddings as conditions, beside class labels."""

from typing import Any

import numpy as np
from keras import ops

from keras_genmod import checks
from keras_genmod.models import condition_checks
from keras_genmod.models.generative_model import GenerativeModel


class EmbeddingConditional(GenerativeModel):
    """A model whose condition is a class label or a vector, or that has none.

    With `num_classes` conditions are labels, as in every model; where a subclass sets
    `embedding_dim` they are vectors of that size, such as another network's
    embeddings, float `(batch, embedding_dim)`.
    """

    #: Length of the vectors that are conditions; `None` where conditions are not.
    embedding_dim: int | None = None

    @property
    def is_conditional(self) -> bool:
        return self.num_classes is not None or self.embedding_dim is not None

    @property
    def condition_shape(self) -> Any:
        return () if self.embedding_dim is None else (self.embedding_dim,)

    def data_and_condition(self, inputs: Any) -> Any:
        data, condition = super().data_and_condition(inputs)
        if self.embedding_dim is not None:
            condition = ops.cast(condition, "float32")
            # As for labels that are no class: the loss gets NaN with the data, too.
            unknown = ops.logical_not(ops.all(ops.isfinite(condition), axis=-1))
            data = self._nan_where(unknown, data)
        return data, condition

    def check_condition(self, condition: Any, num_examples: int) -> Any:
        """Returns labels or embeddings; raises a `ValueError` unless one an example."""
        if self.embedding_dim is None:
            return super().check_condition(condition, num_examples)
        return condition_checks.embeddings(
            condition, num_examples, self.embedding_dim, type(self).__name__
        )

    def standardize_condition(self, condition: Any, num_examples: int) -> Any:
        """Returns checked labels or embeddings, one an example, or `None`."""
        if self.embedding_dim is None:
            return super().standardize_condition(condition, num_examples)
        if condition is not None:
            condition = ops.convert_to_numpy(condition)
            if condition.ndim == 1:
                condition = np.tile(condition, (num_examples, 1))
        return ops.cast(self.check_condition(condition, num_examples), "float32")

    def _check_static(self, x, condition=None):
        super()._check_static(x, condition)
        if self.embedding_dim is not None:
            checks.static_shape("y", condition, (self.embedding_dim,))
