"""The network of captions: rows of tokens in, one vector out."""

import keras
from keras import layers, ops

from keras_genmod import checks
from keras_genmod.layers.learned_constant import LearnedConstant
from keras_genmod.networks.inputs import checked_dropout

KINDS = ("gru", "transformer")
_EPSILON = 1e-6  # of layer normalization


def caption_encoder(
    num_tokens: int,
    length: int,
    embedding_dim: int = 128,
    hidden_dim: int = 128,
    kind: str = "gru",
    num_layers: int = 1,
    num_heads: int = 4,
    dropout: float = 0.0,
) -> keras.Model:
    """Makes a network from captions, as tokens, to vectors.

    Each token becomes a vector. "gru" reads them in turn, by gated recurrent layers;
    "transformer" lets each look at all, by blocks of attention and a feed-forward
    network, with learned positions. The mean over a caption's tokens is projected.
    Padding, token 0, changes nothing.

    Args:
        num_tokens: Integer of at least 2, how many tokens there are, 0 included:
            `vocabulary.num_tokens`.
        length: Integer, the tokens of a row: `vocabulary.length`.
        embedding_dim: Integer, the size of the output.
        hidden_dim: Integer, the size of the vectors inside.
        kind: "gru" or "transformer".
        num_layers: Integer, recurrent layers or blocks.
        num_heads: Integer that divides `hidden_dim`, of a transformer's attention.
        dropout: Number in [0, 1), of the tokens' vectors and after each layer.

    Returns:
        `keras.Model` from int32 tokens `(batch, length)`, 0 behind the last one, to
        float32 of shape `(batch, embedding_dim)`.

    Raises:
        ValueError: If an argument is out of its range.

    References:
        - Cho et al., "Learning phrase representations using RNN encoder-decoder", 2014,
          arXiv:1406.1078 (GRU).
        - Vaswani et al., "Attention is all you need", 2017, arXiv:1706.03762.
        - Reed et al., "Learning deep representations of fine-grained visual
          descriptions", 2016, arXiv:1605.05395 (the mean over positions).

    Note:
        - Reed et al. put convolutions and pooling between characters and the recurrent
          layer, which then reads fewer steps.
        - Normalization comes before attention and feed-forward network (pre-norm).

    Example:
        ```python
        network = keras_genmod.networks.caption_encoder(50, 20)
        network(keras.ops.ones((4, 20), "int32")).shape  # (4, 128)
        ```
    """
    num_tokens = checks.integer("num_tokens", num_tokens, 2)
    length = checks.positive_int("length", length)
    embedding_dim = checks.positive_int("embedding_dim", embedding_dim)
    hidden_dim = checks.positive_int("hidden_dim", hidden_dim)
    checks.choice("kind", kind, KINDS)
    num_layers = checks.positive_int("num_layers", num_layers)
    num_heads = checks.positive_int("num_heads", num_heads)
    if kind == "transformer" and hidden_dim % num_heads:
        raise ValueError(
            "`num_heads` must divide `hidden_dim`. "
            f"Received: num_heads={num_heads}, hidden_dim={hidden_dim}"
        )
    dropout = checked_dropout(dropout)

    def dropped(x):
        return layers.Dropout(dropout)(x) if dropout > 0 else x

    tokens = keras.Input((length,), dtype="int32", name="tokens")
    is_token = ops.not_equal(tokens, 0)  # (batch, length)
    start = keras.initializers.RandomNormal(stddev=1.0)
    x = layers.Embedding(num_tokens, hidden_dim, embeddings_initializer=start)(tokens)
    if kind == "transformer":
        x = layers.Add()([x, LearnedConstant((length, hidden_dim))(tokens)])
    x = dropped(x)
    for _ in range(num_layers):
        if kind == "gru":
            # Without a mask, which takes slower paths: padding comes behind all that
            # is read, and the mean leaves it out.
            x = dropped(layers.GRU(hidden_dim, return_sequences=True)(x))
        else:
            x = _block(x, is_token, hidden_dim, num_heads, dropped)
    if kind == "transformer":
        x = layers.LayerNormalization(epsilon=_EPSILON)(x)
    pool = layers.GlobalAveragePooling1D(data_format="channels_last", dtype="float32")
    x = layers.Dense(embedding_dim)(pool(x, mask=is_token))
    x = layers.Activation("linear", dtype="float32")(x)
    return keras.Model(tokens, x, name="caption_encoder")


def _block(x, is_token, hidden_dim, num_heads, dropped):
    mask = ops.expand_dims(is_token, 1)  # (batch, 1, length): of what is looked at
    y = layers.LayerNormalization(epsilon=_EPSILON)(x)
    attention = layers.MultiHeadAttention(num_heads, hidden_dim // num_heads)
    x = layers.Add()([x, dropped(attention(y, y, attention_mask=mask))])
    y = layers.LayerNormalization(epsilon=_EPSILON)(x)
    y = layers.Dense(4 * hidden_dim, activation="gelu")(y)
    return layers.Add()([x, dropped(layers.Dense(hidden_dim)(y))])
