"""Models that take embeddings as conditions, beside class labels."""

import functools
from collections.abc import Callable
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
    `sample` and the like take strings, which that one embeds: `sample(2, captions)`, or
    `sample(captions)` for a sample of each.
    """

    #: Length of the vectors that are conditions; `None` where conditions are not.
    embedding_dim: int | None = None

    #: Layer whose `encode` makes embeddings of strings, where a subclass has one. No
    #: value here: on torch it would hide the layer.
    caption_encoder: Any

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        # A `sample` of this class would hide the arguments of a subclass's own.
        if not hasattr(cls.sample, "takes_captions"):
            cls.sample = _counting_captions(cls.sample)  # type: ignore[method-assign]

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
        if self._has_words(condition):
            raise self._without_embeddings("condition", condition)
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
            condition = self._embedded_text(condition, num_examples)
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

    def _standardize(self, given):
        self._refuse_words(given["x"], given.get("y"))
        return super()._standardize(given)

    def _standardize_validation(self, data):
        is_pair = isinstance(data, (tuple, list)) and len(data) > 1
        self._refuse_words(*data[:2] if is_pair else (data, None))
        return super()._standardize_validation(data)

    def _refuse_words(self, x, y):
        if y is None and isinstance(x, (tuple, list)) and len(x) == 2:
            y = x[1]
        # Later lists are refused: words would be told to become an array of words.
        if isinstance(y, (tuple, list)) and self._has_words(y):
            raise self._without_embeddings("y", y)

    def _has_words(self, condition):
        """Whether it holds captions or tokens, where their embeddings are due."""
        if self.embedding_dim is None or not hasattr(self, "caption_encoder"):
            return False
        shape = tuple(getattr(condition, "shape", ()))
        are_whole = len(shape) == 2 and "int" in str(condition.dtype)
        fits = shape[1:] == (self.embedding_dim,) and self.caption_encoder is None
        return _is_text(condition) or (are_whole and not fits)

    def _without_embeddings(self, name, received):
        text = f"{received!r:.80}"
        if not _is_text(received):
            text = f"ints of shape {tuple(received.shape)}"
        return ValueError(
            f"`{name}` must be embeddings (batch, {self.embedding_dim}): "
            "`caption_encoder.encode(captions)` makes them of strings; of tokens it is "
            f"`caption_encoder(tokens)`. Received: {name}={text}"
        )

    def _embedded_text(self, captions, num_examples):
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
        embeddings = encoder.encode(captions)
        shape = tuple(embeddings.shape[:-1])
        if shape not in ((), (num_examples,)):
            raise ValueError(
                "`condition` must be one caption for all, or a list of "
                f"{num_examples}, one an example. Received: "
                + (f"{shape[0]} captions" if len(shape) == 1 else f"shape {shape}")
            )
        return embeddings

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
    """Whether strings are in it, also where they are not what an encoder takes."""
    if isinstance(condition, (list, tuple)):
        return any(map(_is_text, condition))
    if isinstance(condition, np.ndarray) and condition.dtype.kind == "O":
        return any(map(_is_text, condition.ravel().tolist()))
    if isinstance(condition, np.ndarray):
        return condition.dtype.kind in "UST"
    return isinstance(condition, (str, bytes))


def _counting_captions(sample: Callable) -> Callable:
    """Returns a method `sample` that takes captions in place of their number, too."""

    @functools.wraps(sample)
    def with_captions(self, num_samples, condition=None, *args, **kwargs):
        if condition is None and _is_text(num_samples):
            condition = num_samples
            are_many = isinstance(condition, (list, tuple)) or np.ndim(condition) > 0
            num_samples = len(condition) if are_many else 1
        return sample(self, num_samples, condition, *args, **kwargs)

    with_captions.takes_captions = True  # type: ignore[attr-defined]
    return with_captions


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
