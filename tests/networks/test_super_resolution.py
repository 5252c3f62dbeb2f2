"""SRResNet's sizes and start, and the shuffle that it doubles by."""

import math

import keras
import numpy as np
import pytest
from keras import ops

from keras_genmod import layers, networks


def value(x):
    return np.array(ops.convert_to_numpy(x))


@pytest.mark.parametrize("factor", [1, 2, 3])
def test_shuffle_is_that_of_a_loop(factor, rng):
    x = rng.random((2, 3, 4, 2 * factor**2), dtype="float32")
    expected = np.empty((2, 3 * factor, 4 * factor, 2), "float32")
    for h, w, c, i, j in np.ndindex(3, 4, 2, factor, factor):
        channel = c * factor**2 + i * factor + j
        expected[:, h * factor + i, w * factor + j, c] = x[:, h, w, channel]
    layer = layers.PixelShuffle(factor)
    np.testing.assert_array_equal(value(layer(x)), expected)
    assert layer.compute_output_shape((None, None, 4, 2 * factor**2)) == (
        (None, None, 4 * factor, 2)
    )


@pytest.mark.parametrize("factor", [2, 3])
def test_icnr_starts_as_nearest_neighbours(factor, rng):
    convolution = keras.layers.Conv2D(
        2 * factor**2, 3, padding="same", kernel_initializer=layers.ICNR(factor)
    )
    x = rng.random((1, 4, 5, 3), dtype="float32")
    large = value(layers.PixelShuffle(factor)(convolution(x)))
    small = large[:, ::factor, ::factor]
    assert np.ptp(small) > 0.1
    nearest = small.repeat(factor, axis=1).repeat(factor, axis=2)
    np.testing.assert_allclose(large, nearest, atol=1e-6)


def test_icnr_keeps_its_initializer_in_a_file(tmp_path):
    start = layers.ICNR(2, keras.initializers.Constant(0.5))
    again = keras.initializers.deserialize(keras.initializers.serialize(start))
    assert again.get_config() == start.get_config()
    np.testing.assert_array_equal(value(again((1, 1, 1, 4))), 0.5)


@pytest.mark.parametrize("make", [layers.PixelShuffle, layers.ICNR])
def test_channels_that_are_no_squares_are_refused(make):
    made = make(2)
    with pytest.raises(ValueError, match="`factor` must have a square, 4, .*Received"):
        made.build((None, 4, 4, 6)) if make is layers.PixelShuffle else made((1, 6))


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(0)
    return networks.sr_resnet(3, 4, filters=3, num_blocks=1)


def test_images_of_any_size_become_scale_times_as_large(network, rng):
    for height, width in ((4, 6), (5, 3)):
        x = rng.random((2, height, width, 3), dtype="float32")
        assert value(network(x)).shape == (2, 4 * height, 4 * width, 3)


def test_a_constant_image_has_a_flat_spectrum_at_the_start(network):
    # Away from the border, which pads by zeros.
    x = np.full((1, 24, 24, 3), 0.3, "float32")
    inner = value(network(x, training=False))[0, 40:-40, 40:-40]
    spectrum = np.abs(np.fft.fft2(inner, axes=(0, 1)))
    spectrum[0, 0] = 0.0
    assert inner.std(axis=(0, 1)).max() < 1e-5 and spectrum.max() < 1e-2


@pytest.mark.any_backend
def test_parameters_are_those_of_the_paper():
    weights = networks.sr_resnet().trainable_weights
    assert sum(math.prod(weight.shape) for weight in weights) == 1_550_659
    discriminator = networks.srgan_discriminator((96, 96, 3))
    convolutions = [
        layer.filters
        for layer in discriminator.layers
        if isinstance(layer, keras.layers.Conv2D)
    ]
    assert convolutions == [64, 64, 128, 128, 256, 256, 512, 512]
    norms = [x for x in discriminator.layers if "normalization" in x.name]
    assert len(norms) == 7 and discriminator.output_shape == (None, 1)


@pytest.mark.any_backend
@pytest.mark.parametrize(
    "arguments,name",
    [
        ((0,), "num_channels"),
        ((3, 3), "scale"),
        ((3, 1), "scale"),
        ((3, 4, 0), "filters"),
        ((3, 4, 2, -1), "num_blocks"),
        ((3, 4, 2, 1, "instance"), "normalization"),
    ],
)
def test_bad_argument_is_named(arguments, name):
    with pytest.raises(ValueError, match=f"`{name}` must .*Received: "):
        networks.sr_resnet(*arguments)
