"""The networks of Pix2Pix and CycleGAN against the papers' layer lists."""

import pytest
from keras import layers

from keras_genmod.layers import ReflectionPadding2D
from keras_genmod.networks import patchgan_discriminator, resnet_generator


def of_type(network, *types):
    return [layer for layer in network.layers if isinstance(layer, types)]


def receptive_field(network):
    field = 1
    for layer in reversed(of_type(network, layers.Conv2D)):
        field = (field - 1) * layer.strides[0] + layer.kernel_size[0]
    return field


@pytest.mark.parametrize("num_layers,field", [(1, 16), (2, 34), (3, 70)])
def test_patch_size(num_layers, field):
    network = patchgan_discriminator((24, 24, 1), 2, num_layers)
    assert receptive_field(network) == field


def test_patchgan_widths():
    network = patchgan_discriminator((256, 256, 1), filters=2)
    widths = [layer.filters for layer in of_type(network, layers.Conv2D)]
    assert widths == [2, 4, 8, 16, 1]
    assert network.output_shape == (None, 30, 30, 1)


def test_patchgan_normalizes_all_but_first_and_last():
    network = patchgan_discriminator((24, 24, 1), filters=2)
    norms = of_type(network, layers.GroupNormalization)
    assert [norm.groups for norm in norms] == [4, 8, 16]


@pytest.mark.parametrize("num_blocks", [0, 2])
def test_resnet_layer_list(num_blocks):
    network = resnet_generator((8, 8, 3), filters=2, num_blocks=num_blocks)
    maps = of_type(network, layers.Conv2D, layers.Conv2DTranspose)
    widths = [layer.filters for layer in maps]
    assert widths == [2, 4, 8] + [8, 8] * num_blocks + [4, 2, 3]
    paddings = [layer.padding for layer in of_type(network, ReflectionPadding2D)]
    assert paddings == [3] + [1, 1] * num_blocks + [3]


def test_resnet_normalization_is_by_instance():
    network = resnet_generator((8, 8, 3), filters=2, num_blocks=1)
    norms = of_type(network, layers.GroupNormalization)
    assert [norm.groups for norm in norms] == [2, 4, 8, 8, 8, 4, 2]


def test_resnet_without_downsampling_keeps_odd_sizes():
    network = resnet_generator((5, 7, 3), 2, num_blocks=1, num_downsamplings=0)
    assert network.output_shape == (None, 5, 7, 3)
