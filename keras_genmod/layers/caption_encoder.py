"""A network of captions with the vocabulary that it reads."""

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_genmod import checks
from keras_genmod.engine.compiled import compiled

_EPSILON = 1e-12


@keras.saving.register_keras_serializable("keras_genmod")
class CaptionEncoder(keras.layers.Layer):
    """Captions to embeddings: a network of tokens, and the vocabulary that it reads.

    An embedding t is scaled to |t|^2 = embedding_dim, so that its values are about 1,
    and the mean of the products of two embeddings is the cosine between them.

    Args:
        network: Built Keras model from int tokens `(batch, length)` to vectors
            `(batch, embedding_dim)`, such as `networks.caption_encoder`.
        vocabulary: `data.Vocabulary` of rows of this length.
        **kwargs: `name`, `dtype`, `trainable` as in `keras.layers.Layer`.

    Call arguments:
        tokens: Int tensor `(batch, length)`.

    Returns:
        Float32 tensor `(batch, embedding_dim)`.

    Raises:
        ValueError: If the network is not built, or does not take such rows.

    References:
        Reed et al., Learning deep representations of fine-grained visual descriptions,
        2016, arXiv:1605.05395.

    Example:
    ```python
    vocabulary = data.Vocabulary.from_captions(captions)
    network = networks.caption_encoder(vocabulary.num_tokens, vocabulary.length)
    encoder = CaptionEncoder(network, vocabulary)
    encoder.encode(["a small red circle"]).shape  # (1, 128)
    ```
    """

    def __init__(self, network: keras.Model, vocabulary: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        needed = ("encode", "length", "num_tokens")
        if not all(hasattr(vocabulary, name) for name in needed):
            raise ValueError(
                "`vocabulary` must be a `data.Vocabulary`, or have its `encode`, "
                f"`length` and `num_tokens`. Received: vocabulary={vocabulary!r}"
            )
        expected = (None, vocabulary.length)
        is_built = isinstance(network, keras.Layer) and network.built
        shapes = [getattr(network, f"{x}_shape", None) for x in ("input", "output")]
        found: Any = shapes[1]
        is_vector = isinstance(found, tuple) and len(found) == 2
        if not is_built or shapes[0] != expected or not is_vector:
            raise ValueError(
                f"`network` must be a built Keras model from tokens {expected}, which "
                "the vocabulary gives, to vectors (batch, embedding_dim). "
                f"Received: network={network!r} of shapes {shapes}"
            )
        self.network: Any = network
        self.vocabulary = vocabulary
        self.embedding_dim = found[1]
        self.built = True

    def call(self, tokens, training=None):
        return self._embedded(tokens, training)

    def _embedded(self, tokens, training=None):
        x = ops.cast(self.network(tokens, training=training), "float32")
        return on_sphere(x)

    def encode(self, captions: Any, batch_size: int = 256) -> np.ndarray:
        """Returns the embeddings of captions, float32 `(*shape, embedding_dim)`.

        Args:
            captions: One string, or strings in lists or arrays of a `shape`, such as
                `(num, captions of each)`.
            batch_size: Positive int, captions at a time.

        Raises:
            ValueError: If a caption is none of the vocabulary: unknown words are named.
        """
        batch_size = checks.positive_int("batch_size", batch_size)
        tokens = self.vocabulary.encode(captions)
        rows = tokens.reshape(-1, tokens.shape[-1])
        size = min(batch_size, 2 ** max(len(rows) - 1, 0).bit_length())
        found = [np.zeros((0, self.embedding_dim), "float32")]
        for start in range(0, len(rows), size):
            # One size of batch, so that the network is traced once.
            chosen = np.minimum(np.arange(start, start + size), len(rows) - 1)
            found.append(checks.as_numpy(self._encode(rows[chosen])))
        embeddings = np.concatenate(found)[: len(rows)]
        return embeddings.reshape(*tokens.shape[:-1], self.embedding_dim)

    @compiled()
    def _encode(self, tokens):
        return self._embedded(tokens)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.embedding_dim)

    def get_config(self):
        serialize = keras.saving.serialize_keras_object
        return {
            **super().get_config(),
            "network": serialize(self.network),
            "vocabulary": serialize(self.vocabulary),
        }

    @classmethod
    def from_config(cls, config):
        parts = ("network", "vocabulary")
        found = {
            name: keras.saving.deserialize_keras_object(config[name]) for name in parts
        }
        return cls(**{**config, **found})


def on_sphere(x):
    """Returns vectors `(batch, dim)` scaled to the length sqrt(dim)."""
    mean_square = ops.mean(ops.square(x), axis=-1, keepdims=True)
    return x * ops.rsqrt(mean_square + _EPSILON)
