"""DCGAN's guidelines hold in the layers, for every image size."""

import numpy as np
import pytest
from keras import layers, ops

from keras_genmod.networks import (
    dcgan_discriminator,
    dcgan_generator,
    patchgan_discriminator,
)
from tests.autodiff import gradients

SIZES = {(8, 8): 2, (16, 16): 4, (28, 28): 7, (32, 32): 4, (64, 64): 4, (28, 20): 7}
POOLING = (layers.MaxPooling2D, layers.AveragePooling2D, layers.UpSampling2D)


def of_type(network, *types):
    return [layer for layer in network.layers if isinstance(layer, types)]


@pytest.mark.parametrize("size", SIZES)
def test_sizes_and_smallest_maps(size):
    generator = dcgan_generator(3, (*size, 1), filters=2)
    discriminator = dcgan_discriminator((*size, 1), filters=2)
    assert generator.output_shape == (None, *size, 1)
    assert discriminator.output_shape == (None, 1)
    assert of_type(generator, layers.Reshape)[0].target_shape[0] == SIZES[size]


@pytest.fixture(scope="module")
def generator():
    return dcgan_generator(3, (16, 16, 1), filters=8)


@pytest.fixture(scope="module")
def discriminator():
    return dcgan_discriminator((16, 16, 1), filters=8)


def test_resampling_is_by_strided_convolutions(generator, discriminator):
    assert not of_type(generator, *POOLING) + of_type(discriminator, *POOLING)
    doublings = of_type(generator, layers.Conv2DTranspose)
    halvings = of_type(discriminator, layers.Conv2D)
    assert {layer.strides for layer in doublings + halvings} == {(2, 2)}


def test_only_projection_and_score_are_dense(generator, discriminator):
    for network, name in [(generator, "projection"), (discriminator, "score")]:
        assert [layer.name for layer in of_type(network, layers.Dense)] == [name]


def test_generator_normalizes_all_but_its_output(generator):
    maps = of_type(generator, layers.Dense, layers.Conv2DTranspose)
    assert len(of_type(generator, layers.BatchNormalization)) == len(maps) - 1
    assert generator.layers[-2] is maps[-1]


def test_discriminator_normalizes_neither_input_layer_nor_score(discriminator):
    convolutions = of_type(discriminator, layers.Conv2D)
    assert len(of_type(discriminator, layers.BatchNormalization)) == (
        len(convolutions) - 1
    )
    first = discriminator.layers.index(convolutions[0])
    assert isinstance(discriminator.layers[first + 1], layers.LeakyReLU)


def test_activations(generator, discriminator):
    assert len(of_type(generator, layers.ReLU)) == 2
    assert of_type(generator, layers.Conv2DTranspose)[-1].activation.__name__ == "tanh"
    slopes = [
        layer.negative_slope for layer in of_type(discriminator, layers.LeakyReLU)
    ]
    np.testing.assert_allclose(slopes, [0.2, 0.2])


def test_weights_start_small(generator, discriminator):
    for network in (generator, discriminator):
        kernels = [w for w in network.trainable_variables if w.path.endswith("kernel")]
        values = [ops.convert_to_numpy(w.value).ravel() for w in kernels]
        assert abs(np.concatenate(values).std() - 0.02) < 0.002


@pytest.mark.parametrize("normalization", ["layer", None])
def test_critic_treats_examples_apart(normalization):
    critic = dcgan_discriminator((8, 8, 1), 2, normalization=normalization)
    x = np.random.default_rng(0).random((4, 8, 8, 1), dtype="float32")
    together = ops.convert_to_numpy(critic(x, training=True))
    alone = ops.convert_to_numpy(critic(x[:1], training=True))
    np.testing.assert_allclose(together[:1], alone, atol=1e-6)


def test_layer_normalization_is_over_the_whole_map():
    critic = dcgan_discriminator((8, 8, 1), 2, normalization="layer")
    assert [n.groups for n in of_type(critic, layers.GroupNormalization)] == [1]


@pytest.mark.parametrize(
    "discriminator",
    [
        lambda: dcgan_discriminator((8, 8, 1), 2, normalization="layer"),
        lambda: dcgan_discriminator((12, 12, 3), 2),
        lambda: patchgan_discriminator((8, 8, 1), 2, num_layers=1),
    ],
)
def test_one_example_has_a_gradient(discriminator):
    # Of a single small image, on a CPU and one thread, torch could not say it.
    network = discriminator()
    x = np.ones((1, *network.input_shape[1:]), "float32")
    found = gradients(lambda: ops.sum(network(x)), network.trainable_variables)
    assert all(np.all(np.isfinite(part)) for part in found)
