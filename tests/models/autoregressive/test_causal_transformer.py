"""CausalTransformer: what sees what, against attention written in NumPy."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_genmod import CausalTransformer
from keras_genmod.models.autoregressive.causal_transformer import attention
from tests.models.autoregressive.cases import make


def numpy(x):
    return ops.convert_to_numpy(x)


@pytest.mark.parametrize("image_shape,num_levels", [((3, 4, 1), 2), ((2, 3, 3), 5)])
def test_logits_depend_on_all_earlier_values_and_no_others(image_shape, num_levels):
    # Tokens are looked up, so they are changed one by one instead of differentiated.
    model = make(CausalTransformer, image_shape, num_levels=num_levels)
    size = int(np.prod(image_shape))
    rng = np.random.default_rng(0)
    tokens = rng.integers(0, num_levels, size=size)
    changed = np.repeat(tokens[None], size + 1, axis=0)
    changed[range(size), range(size)] = (tokens + 1) % num_levels
    images = changed.reshape(-1, *image_shape) / (num_levels - 1)
    logits = numpy(model(images.astype("float32"))).reshape(size + 1, size, -1)
    # found[i, j]: whether the logits of value i change with value j.
    found = np.abs(logits[:size] - logits[size]).max(axis=-1).T > 1e-5
    np.testing.assert_array_equal(found, np.tri(size, k=-1, dtype=bool))


def test_attention_equals_numpy():
    rng = np.random.default_rng(0)
    query, key, value = rng.normal(size=(3, 2, 1, 4, 5)).astype("float32")
    mask = np.tri(4, dtype=bool)
    scores = np.where(mask, query @ key.swapaxes(-1, -2) / 5**0.5, -np.inf)
    weights = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
    arguments = (query, key.swapaxes(-1, -2), value, mask)
    found = attention(*map(ops.convert_to_tensor, arguments))
    np.testing.assert_allclose(numpy(found), weights @ value, rtol=1e-4, atol=1e-5)


def test_scores_of_half_precision_do_not_overflow():
    # 64 products of 40 * 40 pass 65,504, the largest float16; scaled they do not.
    query = ops.full((1, 1, 1, 64), 40.0, "float16")
    key = ops.full((1, 1, 64, 2), 40.0, "float16")
    value = ops.convert_to_tensor(np.array([[[[1.0], [3.0]]]], "float16"))
    mask = np.array([[True, True]])
    found = ops.cast(attention(query, key, value, mask), "float32")
    np.testing.assert_array_equal(numpy(found), [[[[2.0]]]])


def test_blocks_add_to_what_they_get():
    # A block whose last layers are zero changes nothing: embeddings reach the head.
    model = make(CausalTransformer, (1, 3, 1), num_levels=3)
    for _, _, out, _, _, down in model.blocks:
        for layer in (out, down):
            layer.set_weights([np.zeros_like(w) for w in layer.get_weights()])
    image = np.array([0.5, 1.0, 0.0], "float32").reshape(1, 1, 3, 1)
    embedded = numpy(model.tokens)[[3, 1, 2]] + numpy(model.positions)
    expected = numpy(model.head(model.last(embedded)))
    np.testing.assert_allclose(numpy(model(image))[0, 0], expected, rtol=1e-4)


def test_tokens_of_many_levels_come_back():
    model = CausalTransformer((2, 2, 1), num_levels=1024, model_dim=4, num_heads=1)
    tokens = np.arange(1024).reshape(-1, 2, 2, 1)
    np.testing.assert_array_equal(
        numpy(model.levels_of((tokens / 1023).astype("float32"))), tokens
    )


def test_it_learns_to_copy_a_token():
    # Each grid holds one of four tokens in all places: 2 bits, all in the first token.
    keras.utils.set_random_seed(0)
    model = CausalTransformer((2, 3, 1), 4, model_dim=16, num_heads=2, num_blocks=1)
    model.compile(keras.optimizers.Adam(0.02))
    grids = np.repeat(np.arange(4), 16).reshape(-1, 1, 1, 1) * np.ones((1, 2, 3, 1))
    grids = (grids / 3).astype("float32")
    model.fit(grids, epochs=30, batch_size=64, verbose=0)
    assert numpy(model.log_prob(grids)).mean() > -np.log(4) - 0.1


@pytest.mark.parametrize(
    "arguments,name",
    [
        ({"model_dim": 6, "num_heads": 4}, "model_dim"),
        ({"num_heads": 0}, "num_heads"),
        ({"num_blocks": 0}, "num_blocks"),
        ({"num_levels": 1}, "num_levels"),
        ({"image_shape": (2, 2)}, "image_shape"),
    ],
)
def test_bad_argument_is_named(arguments, name):
    with pytest.raises(ValueError, match=f"`{name}` must be .*Received: "):
        CausalTransformer(**{"image_shape": (2, 2, 1), **arguments})
