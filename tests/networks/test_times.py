"""Networks of noisy data: their size, what they are told, which skips they have."""

import functools

import keras
import numpy as np
import pytest

from keras_genmod import networks
from keras_genmod.layers import SelfAttention2D


def trained(network):
    """Gives a network weights that are nowhere zero."""
    rng = np.random.default_rng(1)
    network.set_weights(
        [w + 0.1 * rng.normal(size=w.shape) for w in network.get_weights()]
    )
    return network


@functools.cache
def network_of(name):
    if name == "time_mlp":
        return trained(networks.time_mlp(2, (8, 8), num_classes=3))
    return trained(networks.unet((4, 4, 1), 4, (1, 2), 1, (2,), num_classes=3))


DATA = {"unet": (4, 4, 1), "time_mlp": (2,)}
by_network = pytest.mark.parametrize("network", DATA)


def run(network, x, times, labels):
    return keras.ops.convert_to_numpy(network_of(network)([x, times, labels]))


@pytest.mark.any_backend
def test_number_of_weights_is_that_of_ddpm():
    """Its CIFAR-10 network, of which each block is shifted, and not scaled."""
    network = networks.unet((32, 32, 3), 128, (1, 2, 2, 2), 2, (16,), dropout=0.1)
    scales = (4 * 128 + 1) * (5 * 128 + 17 * 256)
    assert network.count_params() - scales == 35_746_307


@pytest.mark.any_backend
def test_attention_stands_where_it_is_asked_for():
    def number(*resolutions):
        network = networks.unet((8, 4, 1), 2, (1, 1), 2, resolutions)
        return sum(isinstance(layer, SelfAttention2D) for layer in network.layers)

    assert number() == 1  # the middle
    assert number(8) == 1 + 2 + 3  # the way down, the way up
    assert number(4, 8) == 1 + 2 * (2 + 3)
    with pytest.raises(ValueError, match=r"must be some of \[8, 4\], the longer sides"):
        number(8, 2)


@pytest.mark.any_backend
def test_default_attention_may_be_no_levels():
    network = networks.unet((28, 28, 1), 2, (1, 1, 1), 1)
    assert sum(isinstance(layer, SelfAttention2D) for layer in network.layers) == 1


@by_network
def test_each_example_has_a_time_of_its_own(network, rng):
    x = np.repeat(rng.normal(size=(1, *DATA[network])), 3, axis=0)
    labels = np.zeros((3, 3), "float32")
    found = run(network, x.astype("float32"), np.float32([0.2, 0.201, 0.2]), labels)
    np.testing.assert_allclose(found[0], found[2], atol=1e-5)
    assert np.abs(found[0] - found[1]).max() > 1e-4


@by_network
def test_no_label_has_an_embedding_of_its_own(network, rng):
    x = np.repeat(rng.normal(size=(1, *DATA[network])), 4, axis=0)
    labels = np.concatenate([np.eye(3), np.zeros((1, 3))]).astype("float32")
    found = run(network, x.astype("float32"), np.full(4, 0.5, "float32"), labels)
    found = found.reshape(4, -1)
    for i in range(4):
        for j in range(i):
            assert np.abs(found[i] - found[j]).max() > 1e-3


def test_unet_sees_details_that_its_lowest_level_cannot():
    """Two images that a mean over 2x2 blocks cannot tell apart."""
    board = np.indices((4, 4)).sum(0)[..., None] % 2 - 0.5
    x = np.stack([board, -board]).astype("float32")
    found = run("unet", x, np.full(2, 0.5, "float32"), np.zeros((2, 3), "float32"))
    assert np.abs(found[0] - found[1]).max() > 1e-2


@pytest.mark.any_backend
def test_variances_are_more_channels():
    unet = networks.unet((4, 4, 3), 2, (1,), 1, outputs_per_channel=2)
    assert unet.output_shape == (None, 4, 4, 6)
    assert networks.time_mlp(3, (4,), outputs_per_dim=2).output_shape == (None, 6)
