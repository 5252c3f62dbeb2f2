"""The networks of Pix2Pix and CycleGAN against the papers' layer lists."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_genmod.engine import input_gradient
from keras_genmod.layers import PersistentDropout, ReflectionPadding2D
from keras_genmod.networks import (
    patchgan_discriminator,
    resnet_generator,
    unet_generator,
)


def of_type(network, *types):
    return [layer for layer in network.layers if isinstance(layer, types)]


def receptive_field(network):
    field = 1
    for layer in reversed(of_type(network, layers.Conv2D)):
        field = (field - 1) * layer.strides[0] + layer.kernel_size[0]
    return field


@pytest.mark.parametrize(
    "num_layers,field", [(1, 16), (2, 34), (3, 70), (4, 142), (5, 286)]
)
def test_patch_size(num_layers, field):
    network = patchgan_discriminator((128, 128, 1), 2, num_layers)
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


def array_of(tensor):
    return np.array(ops.convert_to_numpy(tensor))


def num_parameters(network):
    return sum(int(np.prod(weight.shape)) for weight in network.trainable_variables)


def footprint(network, x, row, column):
    """Returns the rows and the columns that one score's gradient touches."""
    score = input_gradient(lambda x: network(x)[:, row, column], ops.array(x))
    touched = np.any(array_of(score)[0] != 0, axis=-1)
    return np.flatnonzero(touched.any(axis=1)), np.flatnonzero(touched.any(axis=0))


@pytest.mark.parametrize("num_layers,field,side", [(1, 16, 32), (2, 34, 64)])
def test_a_score_sees_its_patch_and_no_more(num_layers, field, side):
    check_footprint(num_layers, field, side)


@pytest.mark.every_backend
def test_the_middle_score_of_256_pixels_sees_70_by_70():
    rows = check_footprint(3, 70, 256)
    assert rows[0] == 8 * 15 - (1 + 2 + 4 + 8 + 8) and len(rows) == 70


def check_footprint(num_layers, field, side):
    # Normalization by instance would let each score see all of the image.
    network = patchgan_discriminator((side, side, 1), 1, num_layers, None)
    middle = (side // 2**num_layers - 2) // 2
    x = np.random.default_rng(0).random((1, side, side, 1), dtype="float32")
    rows, columns = footprint(network, x, middle, middle)
    np.testing.assert_array_equal(rows, np.arange(rows[0], rows[0] + field))
    np.testing.assert_array_equal(columns, rows)
    return rows


@pytest.mark.any_backend
def test_parameters_are_as_many_as_in_the_paper_code():
    assert num_parameters(patchgan_discriminator((256, 256, 6))) == 2_768_705
    assert num_parameters(unet_generator((256, 256, 3))) == 54_413_955


@pytest.mark.parametrize(
    "normalization,kind",
    [
        ("instance", layers.GroupNormalization),
        ("batch", layers.BatchNormalization),
        (None, ()),
    ],
)
def test_patchgan_normalizes_as_asked(normalization, kind):
    network = patchgan_discriminator((12, 12, 1), 2, 2, normalization)
    norms = of_type(network, layers.GroupNormalization, layers.BatchNormalization)
    assert len(norms) == (0 if kind == () else 2)
    assert all(isinstance(norm, kind) for norm in norms)
    biased = [layer.use_bias for layer in of_type(network, layers.Conv2D)]
    assert biased == [True, *[normalization is None] * 2, True]


def test_unet_layer_list():
    network = unet_generator((64, 64, 3), filters=1)
    down, up = (of_type(network, k) for k in (layers.Conv2D, layers.Conv2DTranspose))
    down = [layer for layer in down if layer not in up]
    assert [layer.filters for layer in down] == [1, 2, 4, 8, 8, 8]
    assert [layer.filters for layer in up] == [8, 8, 4, 2, 1, 3]
    assert [layer.input.shape[-1] for layer in up] == [8, 16, 16, 8, 4, 2]
    assert down[-1].output.shape[1:] == (1, 1, 8)
    norms = [norm.groups for norm in of_type(network, layers.GroupNormalization)]
    assert norms == [2, 4, 8, 8] + [8, 8, 4, 2, 1]  # not the first, nor the bottleneck
    assert [d.rate for d in of_type(network, PersistentDropout)] == [0.5] * 3


@pytest.mark.parametrize(
    "shape,depth", [((256, 256, 3), 8), ((512, 256, 1), 8), ((12, 40, 1), 2)]
)
def test_unet_halves_as_often_as_sides_allow(shape, depth):
    network = unet_generator(shape, filters=1, output_channels=2)
    ups = of_type(network, layers.Conv2DTranspose)
    assert len(ups) == depth
    assert network.output_shape == (None, *shape[:2], 2)


@pytest.mark.parametrize(
    "shape,arguments,message",
    [
        ((15, 16, 1), {}, "even height and width.*pad or crop"),
        ((24, 32, 1), {"num_downsamplings": 4}, r"24 and .*32.*2 \*\* .* = 16.*most 3"),
        ((15, 16, 1), {"num_downsamplings": 1}, "height 15 and width 16 .*even sides"),
    ],
)
def test_sides_that_do_not_halve_are_an_error(shape, arguments, message):
    with pytest.raises(ValueError, match=rf"`image_shape` must .*{message}.*Received"):
        unet_generator(shape, filters=1, **arguments)


def without_skips(network):
    """Cuts the encoder's maps out of the decoder, the bottleneck's path stays."""
    for layer in of_type(network, layers.Conv2DTranspose)[1:]:
        kernel = array_of(layer.kernel)  # (4, 4, out, in), the skip's channels last
        kernel[..., kernel.shape[-1] // 2 :] = 0
        layer.kernel.assign(kernel)
    return network


def test_bottleneck_carries_the_image_in_a_batch_of_one():
    # A normalized map of 1x1 is its offset, whatever the image.
    keras.utils.set_random_seed(0)
    network = without_skips(unet_generator((8, 8, 1), filters=2, dropout=0.0))
    network.set_weights([10 * weight for weight in network.get_weights()])
    x = np.random.default_rng(0).random((2, 8, 8, 1), dtype="float32")
    one, other = (array_of(network(x[i : i + 1])) for i in range(2))
    assert np.abs(one - other).max() > 0.01


def test_unet_with_an_encoder_of_zeros_decodes_zeros():
    network = unet_generator((8, 8, 1), filters=2, dropout=0.0)
    for layer in of_type(network, layers.Conv2D):
        if not isinstance(layer, layers.Conv2DTranspose):
            layer.kernel.assign(0 * layer.kernel)
    x = np.random.default_rng(0).random((2, 8, 8, 1), dtype="float32")
    outputs = array_of(network(x))
    np.testing.assert_allclose(outputs, 0.5, atol=1e-6)  # tanh(0), rescaled
