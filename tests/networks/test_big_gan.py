"""BigGAN: counts of the authors' networks, split latents, attention, norms."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_genmod import GAN, layers, networks
from tests.contracts import slow_elsewhere


def small_generator(**kwargs):
    return networks.big_gan_generator(
        6, (16, 16, 1), 3, filters=2, embedding_dim=4, **kwargs
    )


def value(x):
    return ops.convert_to_numpy(x)


def count(network):
    return sum(int(np.prod(v.shape)) for v in network.trainable_variables)


def test_small_networks_have_the_parameters_of_their_layers():
    # 32x32 by hand: kernels and biases of convolutions, gains and biases of c classes
    ch, c = 8, 5
    width, condition = 4 * ch, 16 + 4
    linear = 4 * 16 * width + 16 * width
    conv3, conv1 = 9 * width**2 + width, width**2 + width
    block = 2 * conv3 + conv1 + 4 * condition * width
    last = 2 * width + 9 * width * 3 + 3
    generator = networks.big_gan_generator(16, (32, 32, 3), c, ch, embedding_dim=16)
    assert count(generator) == c * 16 + linear + 3 * block + last
    first = 9 * 3 * width + width + conv3 + 3 * width + width
    head = width + 1 + c * width
    discriminator = networks.big_gan_discriminator((32, 32, 3), c, ch)
    assert count(discriminator) == first + 6 * conv3 + conv1 + head


@pytest.mark.slow
def test_large_networks_have_the_parameters_of_the_authors_code():
    size = {"filters": 96, "attention_side": 64}
    generator = networks.big_gan_generator(120, (128, 128, 3), 1000, **size)
    assert count(generator) == 70_433_988
    discriminator = networks.big_gan_discriminator((128, 128, 3), 1000, **size)
    assert count(discriminator) == 87_982_370


def test_each_part_of_the_latents_reaches_the_image_by_its_own_way(rng):
    generator = small_generator()
    one_hot = np.eye(3, dtype="float32")[[0]]
    base = rng.standard_normal((1, 6)).astype("float32")
    image = value(generator([base, one_hot]))
    for part in range(3):
        changed = base.copy()
        changed[:, 2 * part : 2 * part + 2] += 1.0
        assert np.abs(value(generator([changed, one_hot])) - image).max() > 1e-6
    other = value(generator([base, np.eye(3, dtype="float32")[[1]]]))
    assert np.abs(other - image).max() > 1e-6
    # Only the first part goes into the layer that starts the image.
    start = next(
        layer
        for layer in generator.layers
        if isinstance(layer, layers.SpectralNormalization)
    )
    assert start.layer.kernel.shape[0] == 2


def test_attention_starts_as_nothing_and_has_spectral_norm_one(rng):
    keras.utils.set_random_seed(0)
    generator = small_generator(attention_side=8)
    (attention,) = [
        layer for layer in generator.layers if isinstance(layer, layers.SelfAttention2D)
    ]
    x = rng.standard_normal((2, 8, 8, attention.input.shape[-1])).astype("float32")
    np.testing.assert_array_equal(value(attention(x)), x)
    for part in (attention.query, attention.key, attention.value, attention.projection):
        kernel = value(part.normalized_kernel())
        np.testing.assert_allclose(np.linalg.norm(kernel, 2), 1.0, rtol=1e-2)
        assert len(part.trainable_variables) == 1
    network = networks.big_gan_discriminator((16, 16, 1), 3, 2, attention_side=8)
    assert sum(isinstance(x, layers.SelfAttention2D) for x in network.layers) == 1


def test_every_kernel_but_the_embedding_and_outer_norm_is_normalized():
    generator = small_generator()
    plain = [
        layer.name
        for layer in generator._flatten_layers()
        if isinstance(layer, (keras.layers.Dense, keras.layers.Conv2D))
        and not any(
            layer is getattr(wrapper, "layer", None)
            for wrapper in generator._flatten_layers()
            if isinstance(wrapper, layers.SpectralNormalization)
        )
    ]
    assert plain == ["embedding"]


def kernels(network):
    """Returns the matrices `(all inputs, outputs)` of all layers, by their path."""
    found = {w.path: value(w.value) for w in network.trainable_variables}
    found = {path: w for path, w in found.items() if path.endswith("kernel")}
    return {path: w.reshape(-1, w.shape[-1]) for path, w in found.items()}


def is_orthogonal(matrix):
    short = matrix if matrix.shape[0] < matrix.shape[1] else matrix.T
    return np.allclose(short @ short.T, np.eye(len(short)), atol=1e-4)


@pytest.mark.parametrize(
    "network,number",
    [
        # A shortcut in the first two blocks, projection and embedding, attention
        (
            lambda: networks.big_gan_discriminator((16, 16, 1), 3, 2, 8),
            4 * 2 + 2 + 2 + 4,
        ),
        # Start, blocks with four gains and biases and a shortcut, attention, colours
        (lambda: small_generator(attention_side=8), 1 + 1 + 2 * (2 + 4 + 1) + 4 + 1),
    ],
)
def test_every_kernel_starts_orthogonal(network, number):
    found = kernels(network())
    assert len(found) == number
    assert [path for path, matrix in found.items() if not is_orthogonal(matrix)] == []


def test_discriminator_of_sngan_starts_by_glorot():
    keras.utils.set_random_seed(0)
    found = kernels(networks.sngan_discriminator((8, 8, 3), 32, 10))
    for path, matrix in found.items():
        assert not is_orthogonal(matrix) or 1 in matrix.shape, path
    # Of 3x3 in a block, whose gain is sqrt(2)
    block = [matrix for matrix in found.values() if matrix.shape == (9 * 32, 32)]
    assert len(block) == 7
    limit = np.sqrt(2 * 6 / (9 * 32 + 9 * 32))
    for matrix in block:
        assert 0.99 * limit < np.abs(matrix).max() <= limit


@slow_elsewhere
def test_they_train_together_and_stay_in_range(rng):
    keras.utils.set_random_seed(0)
    model = GAN(
        networks.big_gan_generator(4, (8, 8, 1), 3, filters=1, embedding_dim=2),
        networks.big_gan_discriminator((8, 8, 1), 3, filters=1),
        latent_dim=4,
        loss="hinge",
        num_classes=3,
        ema_momentum=0.9,
        seed=0,
    )
    model.compile()
    images = rng.random((8, 8, 8, 1), dtype="float32")
    logs = model.fit(images, np.arange(8) % 3, batch_size=8, verbose=0).history
    assert np.all(np.isfinite(list(logs.values())))
    samples = value(model.sample(4, condition=1, truncation=0.5, seed=0))
    assert samples.min() >= 0 and samples.max() <= 1
    # The norm is that of the averaged kernel: averages of vectors u are no vectors u.
    for layer in model.averaged_generator._flatten_layers():
        if isinstance(layer, layers.SpectralNormalization):
            kernel = value(layer.normalized_kernel())
            singular = np.linalg.svd(kernel.reshape(-1, kernel.shape[-1]))[1]
            assert singular[0] == pytest.approx(1.0, abs=0.02), layer.name


@pytest.mark.parametrize(
    "arguments,name",
    [
        ((128, (28, 28, 1), 10), "image_shape"),
        ((128, (32, 16, 1), 10), "image_shape"),
        ((126, (32, 32, 1), 10), "latent_dim"),
        ((128, (32, 32, 1), 0), "num_classes"),
        ((128, (32, 32, 1), 10, 64, 128, 32), "attention_side"),
    ],
)
def test_bad_argument_is_named(arguments, name):
    with pytest.raises(ValueError, match=f"`{name}` must .*Received: "):
        networks.big_gan_generator(*arguments)
