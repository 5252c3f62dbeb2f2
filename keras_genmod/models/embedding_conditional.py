"""Models that take embeddings as conditions, beside class labels."""

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_genmod import checks
from keras_genmod.models import condition_checks
from keras_genmod.models.generative_model import GenerativeModel


class EmbeddingConditional(GenerativeModel):
    """A model whose condition is a class label or a vector, or that has none.

    With `num_classes` conditions are labels, as in every model; where a subclass sets
    `embedding_dim` they are vectors of that size, such as another network's
    embeddings, float `(batch, embedding_dim)`. Where it has a `caption_encoder`, too,
    `sample` and the like take strings, which that one embeds.
    """

    #: Length of the vectors that are conditions; `None` where conditions are not.
    embedding_dim: int | None = None

    #: Layer whose `encode` makes embeddings of strings, where a subclass has one. No
    #: value here: on torch it would hide the layer.
    caption_encoder: Any

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
        """Returns checked labels or embeddings, one an example, or `None`.

        Args:
            condition: Labels or embeddings, one an example or one for all; or captions,
                for a model with a `caption_encoder`.
            num_examples: Int.

        Raises:
            ValueError: If the model takes no such conditions, or does not know a word.
        """
        if _is_text(condition):
            condition = self._embedded_text(condition)
        if self.embedding_dim is None:
            return super().standardize_condition(condition, num_examples)
        if condition is not None:
            condition = ops.convert_to_numpy(condition)
            if condition.ndim == 1:
                condition = np.tile(condition, (num_examples, 1))
        return ops.cast(self.check_condition(condition, num_examples), "float32")

    def _take_embeddings(self, embedding_dim, caption_encoder=None):
        """Sets what conditions are; raises a `ValueError` if it is out of range."""
        if embedding_dim is not None:
            embedding_dim = checks.positive_int("embedding_dim", embedding_dim)
            if self.num_classes is not None:
                raise ValueError(
                    "`embedding_dim` must be None with `num_classes`: a model has one "
                    f"kind of condition. Received: embedding_dim={embedding_dim}, "
                    f"num_classes={self.num_classes}"
                )
        self.embedding_dim = embedding_dim
        self.caption_encoder = frozen_copy(caption_encoder, embedding_dim)

    def _embedding_config(self):
        encoder = self.caption_encoder
        if encoder is not None:
            encoder = keras.saving.serialize_keras_object(encoder)
        return {"embedding_dim": self.embedding_dim, "caption_encoder": encoder}

    def _embedded_text(self, captions):
        encoder = getattr(self, "caption_encoder", None)
        if encoder is None:
            way_out = (
                "give `caption_encoder` when the model is made, or embeddings"
                if self.embedding_dim is not None
                else f"{type(self).__name__} takes no captions"
            )
            raise ValueError(
                "`condition` must not be strings without a caption encoder: "
                f"{way_out}. Received: condition={captions!r:.80}"
            )
        return encoder.encode(captions)

    def one_hot(self, labels: Any) -> Any:
        """Returns what networks take: one-hot labels, or embeddings as they are."""
        if self.embedding_dim is None:
            return super().one_hot(labels)
        return ops.cast(labels, "float32")

    def _check_static(self, x, condition=None):
        super()._check_static(x, condition)
        if self.embedding_dim is not None:
            checks.static_shape("y", condition, (self.embedding_dim,))


def _is_text(condition):
    if isinstance(condition, (list, tuple)):
        condition = np.asarray(condition)
    return isinstance(condition, str) or (
        isinstance(condition, np.ndarray) and condition.dtype.kind == "U"
    )


def frozen_copy(caption_encoder: Any, embedding_dim: int | None) -> Any:
    """Returns a copy of a layer that embeds captions, which trains no more; or `None`.

    Raises:
        ValueError: If it is no such layer, or its embeddings have another size.
    """
    if caption_encoder is None:
        return None
    is_layer = isinstance(caption_encoder, keras.Layer) and caption_encoder.built
    if not is_layer or not callable(getattr(caption_encoder, "encode", None)):
        raise ValueError(
            "`caption_encoder` must be a `layers.CaptionEncoder`, or another built "
            "Keras layer with a method `encode(captions)`, or None. "
            f"Received: caption_encoder={caption_encoder!r}"
        )
    found = getattr(caption_encoder, "embedding_dim", embedding_dim)
    if found != embedding_dim:
        raise ValueError(
            "`embedding_dim` must be the size of what `caption_encoder` makes of a "
            f"caption, {found}. Received: embedding_dim={embedding_dim}"
        )
    copy = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(caption_encoder)
    )
    copy.set_weights(caption_encoder.get_weights())
    copy.trainable = False
    return copy
