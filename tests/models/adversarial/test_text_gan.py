"""GAN-CLS: wrong captions are wrong, losses are the written ones, strings are taken."""

import inspect

import keras
import numpy as np
import pytest
from keras import ops

from keras_genmod import TextGAN, networks
from keras_genmod.data import Vocabulary
from keras_genmod.engine import SeedGenerator
from keras_genmod.layers import CaptionEncoder
from keras_genmod.models.adversarial.text_gan import wrong_partners
from tests.contracts import slow_elsewhere
from tests.models.small_networks import small_network

VOCABULARY = Vocabulary(["left", "right"], 2)
X = np.array([[1.0, 0.2], [-1.0, 0.7]], "float32")
T = np.array([[0.5, 1.0, -1.0], [2.0, -0.3, 0.4]], "float32")


def make_encoder(dim=3):
    network = networks.caption_encoder(VOCABULARY.num_tokens, 2, dim, 4)
    return CaptionEncoder(network, VOCABULARY)


def make(encoder=None, **kwargs):
    keras.utils.set_random_seed(0)
    return TextGAN(
        small_network((2,), (2,), num_classes=3),
        small_network((2,), (1,), num_classes=3),
        latent_dim=2,
        embedding_dim=3,
        caption_encoder=encoder,
        seed=0,
        **kwargs,
    )


def deaf_to_latents(model):
    """Lets the generator see captions alone, so that losses have one value."""
    kernel = next(w for w in model.generator.weights if len(w.shape) == 2)
    value = ops.convert_to_numpy(kernel.value).copy()
    value[:2] = 0
    kernel.assign(value)
    return model


def scores(model, x, t):
    return ops.convert_to_numpy(model.discriminator([x, t]))[:, 0]


def made(model, t):
    return ops.convert_to_numpy(model.generator([np.zeros((len(t), 2), "f"), t]))


def losses(model, x=X, t=T):
    found = model._discriminator_loss((x, t), None, False)[0]
    other = model._generator_loss((x, t), None, False)[0]
    return [float(ops.convert_to_numpy(loss)) for loss in (found, other)]


def softplus(x):
    return np.logaddexp(0, x).mean()


def test_wrong_captions_are_never_equal_captions():
    rows = np.random.default_rng(0).normal(size=(4, 6))
    texts = np.array([0, 1, 0, 2, 3, 1, 0, 0])
    # The same captions, embedded in other batches: they differ by rounding.
    captions = rows[texts] * (1 + 1e-6 * np.arange(8)[:, None])
    seeds, drawn = SeedGenerator(0), []
    for _ in range(30):
        partners, have_one = wrong_partners(ops.cast(captions, "float32"), seeds)
        assert np.all(ops.convert_to_numpy(have_one))
        drawn.append(ops.convert_to_numpy(partners))
    drawn = np.array(drawn)
    assert np.all(texts[drawn] != texts)
    # Evenly of all that there are: of the first example they are 1, 3, 4 and 5.
    assert set(drawn[:, 0]) == {1, 3, 4, 5} and set(drawn[:, 3]) == set(range(8)) - {3}


def test_a_batch_of_one_caption_has_none_that_is_wrong():
    _, have_one = wrong_partners(ops.ones((3, 2)), SeedGenerator(0))
    assert not np.any(ops.convert_to_numpy(have_one))


@pytest.mark.parametrize("share", [0.5, 0.2])
def test_losses_are_those_of_the_paper(share):
    model = deaf_to_latents(make(matching_weight=share))
    real, wrong = scores(model, X, T), scores(model, X[::-1], T)
    fake = scores(model, made(model, T), T)
    expected = softplus(-real) + share * softplus(wrong) + (1 - share) * softplus(fake)
    between = T.mean(axis=0, keepdims=True)
    between = scores(model, made(model, between), between)
    generator = (softplus(-fake) + 0.5 * softplus(-between)) / 1.5
    np.testing.assert_allclose(losses(model), [expected, generator], rtol=1e-5)
    model.interpolation_weight, model.matching_weight = 0.0, 0.0
    expected = softplus(-real) + softplus(fake)
    np.testing.assert_allclose(losses(model), [expected, softplus(-fake)], rtol=1e-5)


def test_equal_captions_leave_the_plain_game():
    model, same = deaf_to_latents(make()), T[[0, 0]]
    real, fake = scores(model, X, same), scores(model, made(model, same), same)
    expected = [softplus(-real) + softplus(fake), softplus(-fake)]
    np.testing.assert_allclose(losses(model, t=same), expected, rtol=1e-5)


@slow_elsewhere
@pytest.mark.parametrize("loss", ["minimax", "least_squares", "hinge"])
def test_other_losses_weigh_wrong_pairs_alike(loss):
    model = deaf_to_latents(make(loss=loss, interpolation_weight=None))
    real, wrong = scores(model, X, T), scores(model, X[::-1], T)
    fake = scores(model, made(model, T), T)
    written = {
        "minimax": lambda r, f: softplus(-r) + softplus(f),
        "least_squares": lambda r, f: ((r - 1) ** 2).mean() / 2 + (f**2).mean() / 2,
        "hinge": lambda r, f: np.maximum(0, 1 - r).mean() + np.maximum(0, 1 + f).mean(),
    }[loss]
    expected = 0.5 * written(real, wrong) + 0.5 * written(real, fake)
    np.testing.assert_allclose(losses(model)[0], expected, rtol=1e-5)


@pytest.fixture(scope="module")
def trained():
    """A model of points that a caption places on the left or on the right."""
    model = make(make_encoder())
    captions = ["left", "right"] * 16
    t = model.caption_encoder.encode(captions)
    x = np.array([[-1, 0], [1, 0]] * 16) + np.random.default_rng(0).normal(
        0, 0.1, (32, 2)
    )
    model.compile(keras.optimizers.Adam(0.01, beta_1=0.5))
    model.fit(x.astype("float32"), t, epochs=100, batch_size=16, verbose=0)
    return model


@slow_elsewhere
def test_the_discriminator_knows_which_caption_belongs_to_which_image(trained):
    t = trained.caption_encoder.encode(["left", "right"])
    x = np.array([[-1, 0], [1, 0]], "float32")
    assert np.all(scores(trained, x, t) > scores(trained, x, t[::-1]) + 0.5)


@slow_elsewhere
def test_samples_follow_their_captions(trained):
    samples = trained.sample(32, ["left", "right"] * 16, seed=0)
    samples = ops.convert_to_numpy(samples)[:, 0]
    assert samples[::2].mean() < -0.5 and samples[1::2].mean() > 0.5


def test_strings_and_their_embeddings_give_the_same_samples(trained):
    words, arrays = ["left", "right right"], trained.caption_encoder.encode
    expected = ops.convert_to_numpy(trained.sample(2, arrays(words), seed=1))
    for captions in (words, tuple(words), np.array(words), np.array(words, object)):
        found = ops.convert_to_numpy(trained.sample(2, captions, seed=1))
        np.testing.assert_array_equal(found, expected)
    one = ops.convert_to_numpy(trained.sample(2, "left", seed=1))
    # Of another number of captions at a time, which XLA may round otherwise.
    np.testing.assert_allclose(one[0], expected[0], 1e-5)


def test_captions_alone_have_a_sample_each(trained):
    words = ["left", "right right"]
    expected = ops.convert_to_numpy(trained.sample(2, words, seed=1, truncation=2.0))
    for captions in (words, tuple(words), np.array(words), np.array(words, object)):
        for call in ({"num_samples": captions}, {}):
            args = () if call else (captions,)
            found = trained.sample(*args, **call, seed=1, truncation=2.0)
            np.testing.assert_array_equal(ops.convert_to_numpy(found), expected)
    for one in ("left", np.array("left")):
        assert trained.sample(one).shape == (1, 2)
    # What it takes beside is as well known as before.
    assert "truncation" in inspect.signature(trained.sample).parameters


@pytest.mark.parametrize(
    "captions",
    [
        ["left", None],
        [b"left", b"right"],
        b"left",
        np.array([b"left", b"right"]),
        np.array(["left", 3], object),
        ["left", ["right", "left"]],
    ],
)
def test_what_are_no_captions_is_said_by_the_encoder(trained, captions):
    for call in ((captions,), (2, captions)):
        with pytest.raises(ValueError, match="`captions` must be strings"):
            trained.sample(*call)


def test_captions_are_as_many_as_samples(trained):
    for captions, received in (
        (["left", "right"], "2 captions"),
        (["left"], "1 captions"),
        ([["left", "right"]] * 3, r"shape \(3, 2\)"),
    ):
        message = f"`condition` must be one caption for all, or a list of 3.*{received}"
        with pytest.raises(ValueError, match=message):
            trained.sample(3, captions)
    with pytest.raises(ValueError, match="`condition` must be one caption .*shape"):
        trained.sample([["left", "right"]] * 3)


def test_training_takes_embeddings_of_captions(trained):
    words, rows = ["left", "right"], VOCABULARY.encode(["left", "right right"])
    message = r"must be embeddings \(batch, 3\): `caption_encoder.encode\(captions\)`"
    wide = np.ones((2, 3), "int32")  # tokens, of the length of embeddings
    for y in (
        words,
        tuple(words),
        np.array(words),
        np.array(words, object),
        rows,
        wide,
    ):
        for method in (trained.fit, trained.evaluate, trained.train_on_batch):
            with pytest.raises(ValueError, match=message):
                method(X, y)
        with pytest.raises(ValueError, match=message):
            trained.fit(X, T, validation_data=(X, y), verbose=0)
        with pytest.raises(ValueError, match=message):
            trained.fit((X, y), verbose=0)
    with pytest.raises(ValueError, match=message):
        make().fit(X, rows)
    make().check_condition(wide, 2)  # of whatever else makes such vectors


def test_a_file_keeps_the_vocabulary(trained, tmp_path):
    trained.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.caption_encoder.vocabulary.tokens == ("left", "right")
    for model in (trained, loaded):
        with pytest.raises(ValueError, match="Unknown: 'up'"):
            model.sample(2, "up")
    found = ops.convert_to_numpy(loaded.sample(2, ["left", "right"], seed=1))
    expected = ops.convert_to_numpy(trained.sample(2, ["left", "right"], seed=1))
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_the_encoder_is_a_copy_that_does_not_train():
    encoder = make_encoder()
    model = make(encoder)
    assert encoder.trainable_variables and not model.caption_encoder.trainable_variables
    np.testing.assert_allclose(
        model.caption_encoder.encode(["left"]), encoder.encode(["left"]), atol=1e-6
    )


def test_conditions_that_do_not_fit_are_refused(trained):
    silent = make()
    with pytest.raises(ValueError, match="`condition` must not be strings.*`caption_e"):
        silent.sample(2, ["left", "right"])
    with pytest.raises(ValueError, match="`condition` must not be strings.*`caption_e"):
        silent.sample(["left", "right"])
    with pytest.raises(ValueError, match=r"Embeddings must have shape \(3, 3\)"):
        trained.sample(3, T)
    with pytest.raises(ValueError, match="TextGAN is conditional on vectors"):
        trained.sample(3)
    with pytest.raises(ValueError, match="must be finite"):
        trained.fit(X, np.where(T == 2.0, np.nan, T), verbose=0)


@pytest.mark.parametrize(
    "arguments,message",
    [
        ({"embedding_dim": 4}, r"`generator` must take the list \[x, embedding\]"),
        ({"latent_dim": 3}, r"`generator` must map shape \(3,\)"),
        (
            {"discriminator": small_network((2,), (1,))},
            r"`discriminator` must take the list \[x, embedding\]",
        ),
        (
            {"caption_encoder": VOCABULARY},
            "`caption_encoder` must be a `layers.Caption",
        ),
        ({"caption_encoder": make_encoder(5)}, "`embedding_dim` must be the size .* 5"),
        ({"matching_weight": 1.5}, r"`matching_weight` must be a number in \[0, 1\]"),
        ({"interpolation_weight": -1}, "`interpolation_weight` must be"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    good = {
        "generator": small_network((2,), (2,), num_classes=3),
        "discriminator": small_network((2,), (1,), num_classes=3),
        "latent_dim": 2,
        "embedding_dim": 3,
    }
    with pytest.raises(ValueError, match=message):
        TextGAN(**{**good, **arguments})
