"""Diffusion told by vectors, and by strings through a caption encoder."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_genmod import DiffusionModel, networks
from keras_genmod.data import Vocabulary
from keras_genmod.layers import CaptionEncoder
from tests.models.small_networks import small_time_network

VOCABULARY = Vocabulary(["left", "right"], 2)
SIDES = np.array([-1.0, 1.0])


def make(**kwargs):
    keras.utils.set_random_seed(0)
    network = networks.caption_encoder(VOCABULARY.num_tokens, 2, 3, 4)
    return DiffusionModel(
        small_time_network((2,), 3, hidden_dim=32),
        (2,),
        embedding_dim=3,
        caption_encoder=CaptionEncoder(network, VOCABULARY),
        seed=0,
        **kwargs,
    )


@pytest.fixture(scope="module")
def model():
    """Points that a caption places on the left or on the right."""
    model = make(drop_rate=0.2)
    captions = ["left", "right"] * 128
    x = np.random.default_rng(0).normal(0, 0.2, (256, 2)) + [[-1, 0], [1, 0]] * 128
    model.compile(keras.optimizers.Adam(0.02))
    y = model.caption_encoder.encode(captions)
    model.fit(x.astype("float32"), y, epochs=25, batch_size=64, verbose=0)
    return model


def first_values(model, *args, **kwargs):
    samples = model.sample(*args, num_steps=10, seed=0, **kwargs)
    return ops.convert_to_numpy(samples)[:, 0]


def test_samples_follow_captions_and_guidance(model):
    captions = ["left", "right"] * 32
    plain = first_values(model, 64, captions)
    guided = first_values(model, 64, captions, guidance=2.0)
    free = first_values(model, 64, captions, guidance=0.0)
    agree = [np.mean(values.reshape(32, 2) * SIDES > 0) for values in (plain, free)]
    assert agree[0] > 0.9 and agree[1] < 0.8
    assert np.mean(guided.reshape(32, 2) * SIDES) > np.mean(
        plain.reshape(32, 2) * SIDES
    )


def test_strings_and_their_embeddings_give_the_same_samples(model):
    vectors = model.caption_encoder.encode(["left", "right"])
    expected = first_values(model, 2, vectors)
    assert abs(expected[0] - expected[1]) > 0.1
    found = first_values(model, 2, ["left", "right"])
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    found = first_values(model, 2, "left")
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-5)
    found = first_values(model, np.array(["left", "right"], object))
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_captions_alone_have_a_sample_each(model):
    expected = first_values(model, 2, ["left", "right"], guidance=2.0)
    found = first_values(model, ["left", "right"], guidance=2.0)
    np.testing.assert_array_equal(found, expected)
    with pytest.raises(ValueError, match="`condition` must be one caption.*2 capt"):
        model.sample(3, ["left", "right"])


def test_a_file_keeps_encoder_and_vocabulary(model, tmp_path):
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(
        first_values(loaded, 2, ["left", "right"]),
        first_values(model, 2, ["left", "right"]),
        atol=1e-5,
    )
    assert not loaded.caption_encoder.trainable_variables
    with pytest.raises(ValueError, match="Unknown: 'up'"):
        loaded.sample(2, "up")


def test_vectors_that_are_not_finite_are_refused_or_give_nan(model):
    x, y = np.zeros((4, 2), "float32"), np.full((4, 3), np.nan, "float32")
    with pytest.raises(ValueError, match="Embeddings must be finite"):
        model.fit(x, y, verbose=0)
    with pytest.raises(ValueError, match=r"Embeddings must have shape \(4, 3\)"):
        model.sample(4, condition=np.zeros((4, 2)))
    assert np.all(np.isnan(ops.convert_to_numpy(model((x, y)))))


@pytest.mark.parametrize(
    "arguments,message",
    [
        ({"num_classes": 3}, "`embedding_dim` must be None with `num_classes`"),
        ({"embedding_dim": 2}, r"`network` must be .*\[x, t, embedding\]"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    network = small_time_network((2,), 3)
    with pytest.raises(ValueError, match=message):
        DiffusionModel(network, (2,), **{"embedding_dim": 3, **arguments})


def test_the_unet_is_told_vectors():
    network = networks.unet((8, 8, 1), 4, (1,), 1, (), embedding_dim=5)
    assert [tuple(x.shape) for x in network.inputs][2] == (None, 5)
    DiffusionModel(network, (8, 8, 1), embedding_dim=5)
    with pytest.raises(ValueError, match="`embedding_dim` must be None with"):
        networks.unet((8, 8, 1), 4, (1,), 1, (), num_classes=2, embedding_dim=5)
