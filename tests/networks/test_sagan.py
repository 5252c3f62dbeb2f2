"""SAGAN: counts by the layers of the authors' code, attention, norms."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_genmod import layers, networks
from tests.contracts import slow_elsewhere


def count(network):
    return sum(int(np.prod(v.shape)) for v in network.trainable_variables)


def kernels(*sizes):
    """Returns the parameters of convolutions `(side, inputs, outputs)`."""
    return sum(side**2 * before * after + after for side, before, after in sizes)


def attention(channels):
    """Kernels to C / 8 twice, to C / 2 and back, and the gate."""
    return 2 * channels * (channels // 8) + 2 * channels * (channels // 2) + 1


@slow_elsewhere
@pytest.mark.parametrize("num_classes", [None, 5])
def test_networks_have_the_parameters_of_their_layers(num_classes):
    f, c = 8, num_classes or 1  # 32x32: maps of f, 2 f and 4 f channels
    size = {"num_classes": num_classes, "attention_side": 16}
    generator = networks.sagan_generator(6, (32, 32, 3), f, **size)
    expected = 6 * 16 * 4 * f + 16 * 4 * f + attention(2 * f)
    for before, after in ((4 * f, 4 * f), (4 * f, 2 * f), (2 * f, f)):
        expected += kernels((3, before, after), (3, after, after), (1, before, after))
        expected += 2 * c * before + 2 * c * after
    expected += 2 * f + kernels((3, f, 3))
    assert count(generator) == expected
    discriminator = networks.sagan_discriminator((32, 32, 3), f, **size)
    expected = kernels((3, 3, f), (3, f, f), (1, 3, f)) + attention(f)
    for before, after in ((f, 2 * f), (2 * f, 4 * f)):
        expected += kernels((3, before, after))
        expected += kernels((3, after, after), (1, before, after))
    expected += kernels((3, 4 * f, 4 * f), (3, 4 * f, 4 * f)) + 4 * f + 1
    expected += 0 if num_classes is None else num_classes * 4 * f
    assert count(discriminator) == expected


def test_the_map_of_the_side_asked_for_attends_to_itself():
    for side in (8, 16):
        for network in (
            networks.sagan_generator(4, (32, 32, 1), 2, attention_side=side),
            networks.sagan_discriminator((32, 32, 1), 2, attention_side=side),
        ):
            (found,) = [
                x for x in network.layers if isinstance(x, layers.SelfAttention2D)
            ]
            assert found.input.shape[1:3] == (side, side)


def test_every_kernel_has_spectral_norm_one():
    generator = networks.sagan_generator(4, (16, 16, 1), 2, attention_side=8)
    discriminator = networks.sagan_discriminator((16, 16, 1), 2, attention_side=8)
    for network in (generator, discriminator):
        each = network._flatten_layers()
        wrapped = [x for x in each if isinstance(x, layers.SpectralNormalization)]
        own = [
            x
            for x in network._flatten_layers()
            if isinstance(x, (keras.layers.Dense, keras.layers.Conv2D))
        ]
        assert {id(x.layer) for x in wrapped} == {id(x) for x in own}


@slow_elsewhere
def test_images_and_scores_have_their_shapes_and_ranges():
    z = np.random.default_rng(0).standard_normal((3, 4)).astype("float32")
    one_hot = np.eye(3, dtype="float32")
    size = {"num_classes": 3, "attention_side": 8}
    images = networks.sagan_generator(4, (16, 16, 2), 2, **size)([z, one_hot])
    assert images.shape == (3, 16, 16, 2)
    found = ops.convert_to_numpy(images)
    assert 0 <= found.min() < found.max() <= 1
    score = networks.sagan_discriminator((16, 16, 2), 2, **size)([found, one_hot])
    assert score.shape == (3, 1)


@pytest.mark.parametrize(
    "function,arguments,name",
    [
        (networks.sagan_generator, (4, (28, 28, 1)), "image_shape"),
        (networks.sagan_generator, (4, (32, 16, 1)), "image_shape"),
        (networks.sagan_generator, (4, (4, 4, 1)), "image_shape"),
        (networks.sagan_generator, (4, (32, 32, 1), 0), "filters"),
        (networks.sagan_generator, (4, (32, 32, 1), 2, None, 64), "attention_side"),
        (networks.sagan_discriminator, ((32, 32, 1), 2, None, 32), "attention_side"),
    ],
)
def test_bad_argument_is_named(function, arguments, name):
    with pytest.raises(ValueError, match=f"`{name}` must .*Received: "):
        function(*arguments)
