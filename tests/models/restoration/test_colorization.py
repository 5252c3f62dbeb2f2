"""Bins of colours, their soft encoding, weights of rare ones, annealed means."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_genmod import Colorization, networks
from keras_genmod.colors import lab_to_rgb, rgb_to_lab
from keras_genmod.models.restoration.color_bins import bin_centres, soft_encoding
from tests.models.small_networks import small_network

RNG = np.random.default_rng(0)
IMAGES = RNG.random((3, 4, 4, 3), dtype="float32")
SIZE = 40.0
CENTRES = bin_centres(SIZE)
BINS = len(CENTRES)


def value(x):
    return np.array(ops.convert_to_numpy(x))


@pytest.mark.any_backend
def test_bins_are_those_of_a_screen(rng):
    centres = bin_centres(10.0)
    assert Colorization.num_bins() == len(centres) == 261
    colours = rng.random((20_000, 3), dtype="float32")
    ab = value(rgb_to_lab(colours))[:, 1:]
    known = {tuple(row) for row in centres}
    assert len(known) == len(centres)
    assert {tuple(row) for row in np.round(ab / 10) * 10} <= known
    assert np.abs(ab[:, None] - centres).max(-1).min(1).max() <= 5.001


def test_soft_encoding_is_that_of_one_colour_after_another(rng):
    ab = rng.uniform(-60, 60, (7, 2)).astype("float32")
    found = value(soft_encoding(ops.array(ab), ops.array(CENTRES), 5, 30.0))
    for row, point in zip(found, ab, strict=True):
        distances = np.linalg.norm(CENTRES - point, axis=1)
        nearest = np.argsort(distances)[:5]
        weights = np.exp(-(distances[nearest] ** 2) / (2 * 30.0**2))
        expected = np.zeros(BINS)
        expected[nearest] = weights / weights.sum()
        np.testing.assert_allclose(row, expected, atol=1e-5)


def test_a_centre_is_one_hot_where_the_deviation_is_small():
    found = value(soft_encoding(ops.array(CENTRES), ops.array(CENTRES), 5, 1.0))
    np.testing.assert_allclose(found, np.eye(BINS), atol=1e-6)


def constant(logits, size=4):
    """Returns a network that gives each place the same logits."""
    network = keras.Sequential(
        [keras.Input((size, size, 1)), keras.layers.Conv2D(len(logits), 1)]
    )
    network.set_weights([np.zeros((1, 1, 1, len(logits))), logits])
    return network


@pytest.fixture(scope="module")
def model():
    logits = np.random.default_rng(1).normal(size=BINS).astype("float32")
    model = Colorization(constant(logits), SIZE, 3, 20.0)
    model.compile("sgd")
    return model


def test_loss_is_the_weighted_cross_entropy(model, rng):
    weights = rng.random(BINS).astype("float32")
    model.bin_weights.assign(weights)
    logits = value(model.network.layers[0].bias)
    log_p = logits - np.log(np.exp(logits).sum())
    ab = rgb_to_lab(IMAGES)[..., 1:]
    z = value(soft_encoding(ab, ops.array(CENTRES), 3, 20.0))
    expected = np.mean(weights[z.argmax(-1)] * -(z @ log_p))
    assert model.evaluate(IMAGES, verbose=0) == pytest.approx(expected, rel=1e-4)


def test_rebalanced_weights_have_mean_one_and_are_those_of_the_paper(model):
    frequencies = model.rebalance(IMAGES, uniform=0.25)
    z = value(soft_encoding(rgb_to_lab(IMAGES)[..., 1:], ops.array(CENTRES), 3, 20.0))
    expected = z.reshape(-1, BINS).mean(0)
    np.testing.assert_allclose(frequencies, expected, atol=1e-6)
    weights = value(model.bin_weights)
    assert (frequencies * weights).sum() == pytest.approx(1.0, rel=1e-5)
    ratio = 1 / (0.75 * expected + 0.25 / BINS)
    np.testing.assert_allclose(weights / weights[0], ratio / ratio[0], rtol=1e-4)
    model.rebalance(IMAGES, uniform=1.0)
    np.testing.assert_allclose(value(model.bin_weights), 1.0, rtol=1e-5)


@pytest.mark.parametrize("temperature", [1.0, 0.38, 1e-3, 1e-37, 1e38])
def test_colours_are_the_annealed_mean(model, temperature):
    made = value(model.colorize(IMAGES, temperature))
    logits = value(model.network.layers[0].bias).astype("float64") / temperature
    p = np.exp(logits - logits.max())
    ab = (p / p.sum()) @ CENTRES
    lightness = value(rgb_to_lab(IMAGES))[..., :1]
    lab = np.concatenate([lightness, np.broadcast_to(ab, (*made.shape[:3], 2))], -1)
    np.testing.assert_allclose(made, value(lab_to_rgb(lab)), atol=1e-4)


def test_large_logits_at_a_low_temperature_have_the_likeliest_colour(model):
    logits = 1e3 * value(model.network.layers[0].bias)
    sure = Colorization(constant(logits), SIZE, 3, 20.0)
    made = value(sure.colorize(IMAGES, 1e-37))  # whose quotients are infinite
    np.testing.assert_allclose(made, value(sure.colorize(IMAGES, 1.0)), atol=1e-4)


def test_grey_images_are_those_of_equal_channels_and_depend_on_themselves(model):
    grey = IMAGES[..., :1]
    made = value(model.colorize(grey))
    same = value(model.colorize(np.repeat(grey, 3, axis=-1)))
    np.testing.assert_allclose(made, same, atol=1e-6)
    np.testing.assert_allclose(value(model.colorize(grey[1:2])), made[1:2], atol=1e-6)


def test_a_place_of_several_pixels_has_their_mean_colour():
    network = small_network((4, 4, 1), (2, 2, BINS))
    model = Colorization(network, SIZE, 1)
    ab = value(rgb_to_lab(IMAGES))[..., 1:].reshape(3, 2, 2, 2, 2, 2).mean((2, 4))
    nearest = np.square(ab[..., None, :] - CENTRES).sum(-1).argmin(-1)
    np.testing.assert_array_equal(value(model._encoded(IMAGES)).argmax(-1), nearest)
    assert value(model.colorize(IMAGES)).shape == (3, 4, 4, 3)


def test_network_of_the_paper_has_its_shape():
    network = networks.colorization_network((8, 16), 7, filters=1)
    assert network.output_shape == (None, 2, 4, 7)
    convolutions = [
        (x.filters, x.strides[0], x.dilation_rate[0])
        for x in network.layers
        if type(x) is keras.layers.Conv2D
    ]
    plain, dilated = (8, 1, 1), (8, 1, 2)
    first = [(1, 1, 1), (1, 2, 1), (2, 1, 1), (2, 2, 1), (4, 1, 1), (4, 1, 1)]
    deep = [(4, 2, 1), *[plain] * 3, *[dilated] * 6, *[plain] * 3]
    assert convolutions == [*first, *deep, (4, 1, 1), (4, 1, 1), (7, 1, 1)]


@pytest.mark.parametrize(
    "call,message",
    [
        (lambda m: m.colorize(IMAGES[:, :2]), "`images` must have shape"),
        (lambda m: m.colorize(IMAGES[..., :2]), "`images` must have 1 channel or 3"),
        (lambda m: m.colorize(IMAGES, 0.0), "`temperature` must be"),
        (lambda m: m.colorize(2 * IMAGES), r"`images` must lie in \[0, 1\]"),
        (lambda m: m.colorize(IMAGES, 1e-50), "`temperature` must be from 1.2e-38"),
        (lambda m: m.colorize(IMAGES, 1e-40), "`temperature` must be from 1.2e-38"),
        (lambda m: m.colorize(IMAGES, 1e39), "`temperature` must be .*Rec.*=1e.39"),
        (lambda m: m.rebalance(IMAGES, 0.0), "`uniform` must be above 0"),
        (lambda m: m.rebalance(IMAGES, 1e-50), "`uniform` must be larger"),
        (lambda m: m.num_bins(0.5), "`bin_size` must be at least 1"),
        (lambda m: Colorization(m.network, SIZE, 3, 1e-30), "`deviation .*=1.*e-60"),
        (lambda m: Colorization(m.network, SIZE, 3, 1e200), "`deviation .*=inf"),
        (lambda m: Colorization(small_network((4, 4, 1), (3, 3, 261))), "`network` mu"),
        (lambda m: Colorization(small_network((4, 4, 3), (4, 4, 261))), "`network` mu"),
        (lambda m: Colorization(small_network((4, 4, 1), (4, 4, 9))), "logits of 261"),
    ],
)
def test_bad_arguments_are_named(model, call, message):
    with pytest.raises(ValueError, match=message):
        call(model)
