"""Networks of captions: padding changes nothing, order does."""

import functools

import keras
import numpy as np
import pytest

from keras_genmod import networks
from tests.contracts import torch_param

KINDS = ["gru", torch_param("transformer")]
TOKENS = np.array([[1, 2, 3, 0, 0], [3, 2, 1, 0, 0], [4, 1, 2, 3, 4]], "int32")


@functools.cache
def make(kind, length=5):
    return networks.caption_encoder(5, length, 3, 4, kind, num_layers=2, num_heads=2)


def run(network, tokens):
    return keras.ops.convert_to_numpy(network(tokens))


@pytest.mark.parametrize("kind", KINDS)
def test_padding_of_any_length_changes_nothing(kind):
    network, longer = make(kind), make(kind, 8)
    weights = network.get_weights()
    for i, (short, long) in enumerate(zip(weights, longer.get_weights(), strict=True)):
        if short.shape != long.shape:  # the positions of a transformer
            weights[i] = np.concatenate([short, long[5:]])
    longer.set_weights(weights)
    padded = np.pad(TOKENS, [(0, 0), (0, 3)])
    np.testing.assert_allclose(run(longer, padded), run(network, TOKENS), atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_captions_are_told_apart_by_tokens_and_by_their_order(kind):
    outputs = run(make(kind), TOKENS)
    assert outputs.shape == (3, 3)
    for i, j in ((0, 1), (0, 2), (1, 2)):
        assert np.abs(outputs[i] - outputs[j]).max() > 1e-3


@pytest.mark.parametrize("kind", KINDS)
def test_the_mean_over_tokens_is_of_the_tokens_there_are(kind):
    # Of one token the mean is what the last hidden layer says of it.
    network = make(kind)
    (pool,) = (x for x in network.layers if "pooling" in x.name)
    hidden, *_ = keras.tree.flatten(pool.input)  # beside its mask
    inside = keras.Model(network.inputs, [hidden, pool.output])
    hidden, mean = inside([TOKENS])
    hidden, mean = (keras.ops.convert_to_numpy(x) for x in (hidden, mean))
    np.testing.assert_allclose(mean[0], hidden[0, :3].mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(mean[2], hidden[2].mean(axis=0), atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_file_keeps_the_outputs(kind, tmp_path):
    make(kind).save(tmp_path / "network.keras")
    loaded = keras.saving.load_model(tmp_path / "network.keras")
    np.testing.assert_allclose(run(loaded, TOKENS), run(make(kind), TOKENS), atol=1e-6)


@pytest.mark.parametrize(
    "arguments,name",
    [
        ((1, 5), "num_tokens"),
        ((5, 0), "length"),
        ((5, 5, 0), "embedding_dim"),
        ((5, 5, 3, 0), "hidden_dim"),
        ((5, 5, 3, 4, "lstm"), "kind"),
        ((5, 5, 3, 4, "gru", 0), "num_layers"),
        ((5, 5, 3, 4, "transformer", 1, 3), "num_heads"),
        ((5, 5, 3, 4, "gru", 1, 2, 1.0), "dropout"),
    ],
)
def test_bad_argument_is_named(arguments, name):
    with pytest.raises(ValueError, match=f"`{name}` must .*Received: "):
        networks.caption_encoder(*arguments)
