import keras
import numpy as np
import pytest

from keras_genmod import (
    GAN,
    RBM,
    VAE,
    WGAN,
    Autoencoder,
    NormalizingFlow,
    PixelCNN,
    TextGAN,
    networks,
)
from keras_genmod.bijectors import Planar, Squeeze
from keras_genmod.data import Vocabulary
from keras_genmod.latents import analogy, decode, encode, interpolate, traverse
from keras_genmod.layers import CaptionEncoder
from tests.models.small_networks import small_network

IMAGE, LATENT = (4, 4, 1), 3
X = np.random.default_rng(0).random((6, *IMAGE)).astype("float32")
Z = np.random.default_rng(1).normal(size=(2, 5, LATENT)).astype("float32")


def linear_autoencoder():
    encoder = keras.Sequential(
        [keras.Input(IMAGE), keras.layers.Flatten(), keras.layers.Dense(LATENT)]
    )
    decoder = keras.Sequential(
        [keras.Input((LATENT,)), keras.layers.Dense(16), keras.layers.Reshape(IMAGE)]
    )
    return Autoencoder(encoder, decoder)


def gan(num_classes=None):
    return GAN(
        small_network((LATENT,), IMAGE, num_classes=num_classes),
        small_network(IMAGE, (1,), num_classes=num_classes),
        LATENT,
        num_classes=num_classes,
    )


def vae(num_classes=None):
    return VAE(
        small_network(IMAGE, (6,), num_classes=num_classes),
        small_network((LATENT,), IMAGE, num_classes=num_classes),
        LATENT,
        num_classes=num_classes,
    )


def wgan():
    return WGAN(small_network((LATENT,), IMAGE), small_network(IMAGE, (1,)), LATENT)


@pytest.mark.parametrize("make", [linear_autoencoder, vae, gan, wgan])
def test_leading_axes_of_latents_are_those_of_images(make):
    model = make()
    images = decode(model, Z)
    assert images.shape == (2, 5, *IMAGE) and images.dtype == np.float32
    row = keras.ops.convert_to_numpy(model.decode(Z[1]))
    assert np.allclose(images[1], row, atol=1e-6)


def test_a_generator_decodes_what_it_samples_from():
    model = gan()
    images = model.generator.predict(Z[0], verbose=0)
    assert np.allclose(decode(model, Z[0]), images, atol=1e-6)


def test_decoding_is_compiled_once():
    model = gan()
    decode(model, Z)
    calls = dict(model._compiled_calls)
    decode(model, Z + 1)
    assert len(calls) == 1 and model._compiled_calls == calls


@pytest.mark.parametrize("make", [gan, vae])
def test_labels_go_with_the_first_axis(make):
    model = make(num_classes=2)
    images = decode(model, Z, [0, 1])
    for label in (0, 1):
        all_alike = decode(model, Z, label)
        assert np.allclose(images[label], all_alike[label], atol=1e-6)
        assert not np.allclose(images[label], decode(model, Z, 1 - label)[label])


def test_data_are_encoded_with_their_labels():
    model = vae(num_classes=2)
    labels = np.arange(6) % 2
    expected = keras.ops.convert_to_numpy(model.encode(X, labels))
    assert np.array_equal(encode(model, X, labels), expected)
    assert not np.allclose(encode(model, X, 0), expected)


def text_gan():
    vocabulary = Vocabulary(["left", "right"], 2)
    network = networks.caption_encoder(vocabulary.num_tokens, 2, 4, 4)
    return TextGAN(
        small_network((LATENT,), IMAGE, num_classes=4),
        small_network(IMAGE, (1,), num_classes=4),
        LATENT,
        embedding_dim=4,
        caption_encoder=CaptionEncoder(network, vocabulary),
    )


def test_captions_and_their_vectors_go_with_the_first_axis():
    model = text_gan()
    vectors = model.caption_encoder.encode(["left", "right"])
    images = decode(model, Z, vectors)
    for i, caption in enumerate(["left", "right"]):
        row = keras.ops.convert_to_numpy(model.decode(Z[i], caption))
        assert np.allclose(images[i], row, atol=1e-6)
        assert np.allclose(images[i], decode(model, Z, vectors[i])[i], atol=1e-6)
    assert not np.allclose(images, decode(model, Z, vectors[::-1]))
    for captions in (["left", "right"], np.array(["left", "right"])):
        assert np.allclose(images, decode(model, Z, captions), atol=1e-6)
    with pytest.raises(ValueError, match="`condition` must be one for all, or 2"):
        decode(model, Z, vectors[:1])


class Told:
    """Adds arrays to what it is given: `decode` and `encode` are one another's way."""

    is_conditional = True
    condition_shape = {"shifts": (LATENT,), "scale": ()}

    def decode(self, z, condition):
        return z * condition["scale"][:, None] + condition["shifts"]

    encode = decode


@pytest.mark.any_backend
def test_dicts_of_arrays_go_with_the_first_axis():
    shifts = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    told = {"shifts": shifts, "scale": 2.0}
    assert np.allclose(decode(Told(), Z, told), 2 * Z + shifts[:, None])
    each = {"shifts": shifts[1], "scale": [2.0, 3.0]}
    scaled = Z * np.array([2.0, 3.0])[:, None, None]
    assert np.allclose(decode(Told(), Z, each), scaled + shifts[1])
    found = encode(Told(), Z[0], {"shifts": Z[1], "scale": np.arange(5)})
    assert np.allclose(found, Z[0] * np.arange(5)[:, None] + Z[1])
    with pytest.raises(ValueError, match="`condition` must be one for all, or 2"):
        decode(Told(), Z, {**told, "scale": [1.0, 2.0, 3.0]})


def test_a_linear_decoder_keeps_the_arithmetic():
    model = linear_autoencoder()
    z = encode(model, X)
    path = decode(model, interpolate(z[:3], z[3:], 5))
    ends = decode(model, z)
    assert np.allclose(path, interpolate_images(ends[:3], ends[3:], 5), atol=1e-5)
    found = analogy([z[:2], z[2:3]], [z[3:]])
    expected = ends[:2].mean(0) + ends[2] - ends[3:].mean(0)
    assert np.allclose(decode(model, found.latent)[0], expected, atol=1e-5)
    # A sweep moves the image along one column of the decoder's kernel.
    sweep = decode(model, traverse(z[:1], [1], [0.0, 2.0]))[0, 0]
    kernel = keras.ops.convert_to_numpy(model.decoder.layers[0].kernel)
    assert np.allclose((sweep[1] - sweep[0]).ravel(), 2 * kernel[1], atol=1e-5)


def interpolate_images(start, stop, num_steps):
    t = np.linspace(0, 1, num_steps).reshape(-1, 1, 1, 1)
    return (1 - t) * start[:, None] + t * stop[:, None]


def test_a_flow_encodes_and_decodes():
    model = NormalizingFlow(Planar(2))
    points = np.random.default_rng(0).normal(size=(3, 2)).astype("float32")
    assert np.allclose(decode(model, encode(model, points)), points, atol=1e-4)
    model = NormalizingFlow(Squeeze(IMAGE))  # whose latents have a shape of their own
    z = encode(model, X)
    assert z.shape == (6, 16)
    assert np.allclose(decode(model, z.reshape(2, 3, 16)).reshape(X.shape), X)


@pytest.mark.any_backend
@pytest.mark.parametrize(
    ("model", "function", "message"),
    [
        (lambda: PixelCNN(IMAGE, num_levels=2), decode, "a decoder .* PixelCNN"),
        (lambda: RBM(16, 3), decode, "a decoder .* RBM"),
        (lambda: RBM(16, 3), encode, "an encoder.* RBM"),
        (gan, encode, "an encoder.* GAN"),
        (lambda: keras.Sequential(), decode, "a decoder .* Sequential"),
    ],
)
def test_models_without_the_way_are_named(model, function, message):
    with pytest.raises(ValueError, match=f"`model` must have `.*`, that is, {message}"):
        function(model(), Z)


@pytest.mark.any_backend
@pytest.mark.parametrize(
    ("make", "arguments", "message"),
    [
        (gan, (Z[0, 0],), "`z` must have the shape"),
        (gan, (Z[..., :2],), r"`z` must have shape \(batch, 3\)"),
        (linear_autoencoder, (Z[..., :2],), r"`latents` must have shape \(batch, 3\)"),
        (gan, (Z, [0, 1]), "`condition` must be None: this GAN is not conditional"),
        (lambda: gan(2), (Z,), "needs class labels"),
        (lambda: gan(2), (Z, [0, 1, 0]), "`condition` must be one for all, or 2"),
        (lambda: gan(2), (Z, 2), "Labels must lie in 0 to 1"),
    ],
)
def test_other_arguments_are_refused(make, arguments, message):
    with pytest.raises(ValueError, match=message):
        decode(make(), *arguments)
