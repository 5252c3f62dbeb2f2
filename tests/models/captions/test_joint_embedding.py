"""The symmetric ranking loss against a loop, and what it learns."""

import keras
import numpy as np
import pytest

from keras_genmod import JointEmbedding, networks
from keras_genmod.data import Vocabulary
from keras_genmod.layers import CaptionEncoder
from tests.models.small_networks import small_network

CAPTIONS = ["red dot", "blue dot", "red", "blue blue"]
VOCABULARY = Vocabulary.from_captions(CAPTIONS)
TOKENS = VOCABULARY.encode(CAPTIONS)
IMAGES = np.random.default_rng(0).random((4, 5)).astype("float32")


def make(**kwargs):
    network = networks.caption_encoder(VOCABULARY.num_tokens, 2, 4, 6)
    encoder = CaptionEncoder(network, VOCABULARY)
    return JointEmbedding(small_network((5,), (4,)), encoder, seed=0, **kwargs)


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    return make(margin=0.7)


def loss_of(model, images, tokens):
    outputs = model((images, tokens))
    loss = model.compute_loss(x=(images, tokens), y_pred=outputs, training=False)
    return float(keras.ops.convert_to_numpy(loss)), outputs


def ranking_loss(v, t, tokens, margin):
    """The loss as it is written."""
    v, t = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (v, t))
    losses = []
    for i in range(len(v)):
        others = [j for j in range(len(v)) if np.any(tokens[j] != tokens[i])]
        of_captions = [max(0, margin - v[i] @ t[i] + v[i] @ t[j]) for j in others]
        of_images = [max(0, margin - v[i] @ t[i] + v[j] @ t[i]) for j in others]
        losses.append(np.mean(of_captions) + np.mean(of_images) if others else 0)
    return np.mean(losses)


@pytest.mark.parametrize("rows", [[0, 1, 2, 3], [0, 1, 0, 3], [2, 2, 2, 2]])
def test_loss_is_the_written_one_and_equal_captions_are_no_mistakes(model, rows):
    tokens = TOKENS[rows]
    loss, outputs = loss_of(model, IMAGES, tokens)
    v, t = (keras.ops.convert_to_numpy(outputs[k]) for k in ("images", "captions"))
    np.testing.assert_allclose(loss, ranking_loss(v, t, tokens, 0.7), atol=1e-5)
    assert (loss > 0.1) == (rows != [2, 2, 2, 2])


def test_embeddings_have_the_length_of_their_dimension(model):
    for x in (model.encode_images(IMAGES), model.encode_captions(CAPTIONS)):
        x = keras.ops.convert_to_numpy(x)
        np.testing.assert_allclose(np.sum(x**2, axis=1), 4, rtol=1e-4)


def test_strings_in_any_shape_and_batches_of_any_size_are_encoded_alike(model):
    whole = model.encode_captions(CAPTIONS)
    (other,) = keras.tree.flatten(model((IMAGES, TOKENS))["captions"])
    np.testing.assert_allclose(whole, keras.ops.convert_to_numpy(other), atol=1e-6)
    pairs = model.encode_captions([CAPTIONS[:2], CAPTIONS[2:]], batch_size=3)
    np.testing.assert_allclose(pairs.reshape(4, 4), whole, atol=1e-6)
    np.testing.assert_allclose(model.encode_captions("blue dot"), whole[1], atol=1e-6)
    with pytest.raises(ValueError, match="Unknown: 'green'"):
        model.encode_captions(["green dot"])


def test_margin_may_change_and_the_loss_follows(model):
    losses = []
    for margin in (0.7, 1.7):  # the other one is past all differences
        model.margin = margin
        losses.append(loss_of(model, IMAGES, TOKENS)[0])
    model.margin = 0.7
    assert losses[1] - losses[0] > 1


def test_training_finds_which_caption_belongs_to_which_image():
    keras.utils.set_random_seed(1)
    model = make()
    model.compile(keras.optimizers.Adam(0.03))
    stream = {"batch_size": 8, "verbose": 0}
    images, tokens = np.repeat(IMAGES, 4, axis=0), np.repeat(TOKENS, 4, axis=0)
    history = model.fit(images, tokens, epochs=30, **stream).history
    assert history["accuracy"][-1] == 1 and history["loss"][-1] < 0.05
    v = keras.ops.convert_to_numpy(model.encode_images(IMAGES))
    scores = v @ model.encode_captions(CAPTIONS).T
    np.testing.assert_array_equal(scores.argmax(axis=0), np.arange(4))
    np.testing.assert_array_equal(scores.argmax(axis=1), np.arange(4))


@pytest.mark.parametrize("tokens", [[[0, 1]] * 4, [[9, 0]] * 4, [[-1, 0]] * 4])
def test_rows_of_no_caption_in_a_stream_give_nan(model, tokens):
    assert np.isnan(loss_of(model, IMAGES, np.array(tokens, "int32"))[0])


@pytest.mark.parametrize(
    "tokens,message",
    [
        (None, "JointEmbedding learns from captions: it needs their tokens"),
        (TOKENS[:, :1], r"`captions` must have shape \(batch, 2\)"),
        (TOKENS[:3], r"`captions` must have shape \(4, 2\)"),
        (TOKENS + 0.5, "`captions` must hold the tokens 1 to 3"),
        (TOKENS + 3, "`captions` must hold the tokens 1 to 3"),
        (TOKENS[:, ::-1], "`captions` must hold the tokens .* 0 behind"),
        (0 * TOKENS, "`captions` must have a token each.*row 0"),
    ],
)
def test_what_is_no_caption_is_refused(model, tokens, message):
    model.compile("adam")
    with pytest.raises(ValueError, match=message):
        model.fit(IMAGES, tokens, verbose=0)


def test_parts_that_do_not_fit_are_refused(model):
    with pytest.raises(ValueError, match="`image_encoder` must end in the size"):
        JointEmbedding(small_network((5,), (3,)), model.caption_encoder)
    with pytest.raises(ValueError, match="`caption_encoder` must be a `layers.Capt"):
        JointEmbedding(small_network((5,), (4,)), model.caption_encoder.network)
    with pytest.raises(ValueError, match="`margin` must be at most 2"):
        JointEmbedding(small_network((5,), (4,)), model.caption_encoder, 3.0)
    other = Vocabulary(["red"], 7)
    with pytest.raises(ValueError, match=r"from tokens \(None, 7\)"):
        CaptionEncoder(model.caption_encoder.network, other)
