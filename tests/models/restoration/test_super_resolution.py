"""SRResNet's and SRGAN's losses in closed form; images apart from their batch."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_genmod import SRGAN, SuperResolution, layers, networks
from keras_genmod.losses import PerceptualLoss
from tests.models.small_networks import small_network

RNG = np.random.default_rng(0)
SMALL = RNG.random((3, 2, 2, 1), dtype="float32")
LARGE = RNG.random((3, 4, 4, 1), dtype="float32")


def value(x):
    return np.array(ops.convert_to_numpy(x))


def nearest(factor=2, channels=1):
    """Returns nearest neighbours as a network: a kernel that copies each pixel."""
    network = keras.Sequential(
        [
            keras.Input((None, None, channels)),
            keras.layers.Conv2D(factor**2 * channels, 1),
            layers.PixelShuffle(factor),
        ]
    )
    kernel = np.eye(channels).repeat(factor**2, axis=1)[None, None]
    network.layers[0].set_weights([kernel, np.zeros(factor**2 * channels)])
    return network


def mean_score():
    """Returns a discriminator that scores an image by its sum over 4."""
    network = keras.Sequential(
        [keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(1)]
    )
    network.set_weights([np.full((16, 1), 0.25), np.zeros(1)])
    return network


def full(value_, side, count=2):
    return np.full((count, side, side, 1), value_, "float32")


def test_loss_is_the_mean_squared_error_on_plus_and_minus_one():
    model = SuperResolution(nearest(), (2, 2, 1))
    model.compile("sgd")
    # Of 0.25 and 0.75: (2 (0.75 - 0.25))^2 = 1, whatever the number of pixels.
    logs = model.evaluate(full(0.25, 2), full(0.75, 4), verbose=0)
    assert logs == pytest.approx(1.0)
    repeated = SMALL.repeat(2, axis=1).repeat(2, axis=2)
    loss = model.evaluate(SMALL, LARGE, verbose=0)
    assert loss == pytest.approx(4 * np.square(repeated - LARGE).mean(), rel=1e-5)


@pytest.fixture(scope="module")
def trained():
    keras.utils.set_random_seed(0)
    network = networks.sr_resnet(1, 2, filters=2, num_blocks=1)
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.moving_mean.assign([0.3, -0.2])
            layer.moving_variance.assign([2.0, 0.5])
    return SuperResolution(network, (2, 2, 1))


def test_upscaling_depends_on_the_image_alone(trained, rng):
    images = rng.random((3, 5, 4, 1), dtype="float32")
    together = value(trained.upscale(images))
    assert together.shape == (3, 10, 8, 1)
    one = value(trained.upscale(images[1:2]))
    np.testing.assert_allclose(one, together[1:2], atol=1e-6)
    np.testing.assert_array_equal(together, value(trained.upscale(images)))


def test_upscaled_images_lie_in_the_public_range():
    network = nearest()
    network.layers[0].bias.assign(np.full(4, 0.5))
    made = value(SuperResolution(network, (2, 2, 1)).upscale(full(0.75, 3)))
    np.testing.assert_array_equal(made, full(1.0, 6))


@pytest.fixture(scope="module")
def srgan():
    features = keras.Sequential(
        [keras.Input((4, 4, 1)), keras.layers.Conv2D(2, 1, name="features")]
    )
    features.layers[0].set_weights([np.array([[[[3.0, 4.0]]]]), np.ones(2)])
    perceptual = PerceptualLoss(features, "features", unit_length=False)
    model = SRGAN(
        nearest(), mean_score(), (2, 2, 1), perceptual, 0.5, 0.1, 0.01, seed=0
    )
    model.compile()
    return model


def test_losses_of_the_game_are_those_of_the_paper(srgan):
    small, large = full(0.25, 2), full(0.75, 4)
    logs = srgan.evaluate(small, large, verbose=0, return_dict=True)

    def softplus(x):
        return np.log1p(np.exp(x))

    # Scores are the sums over 4 of 16 pixels: 1 of made images, 3 of large ones.
    assert logs["discriminator_loss"] == pytest.approx(softplus(-3) + softplus(1))
    assert logs["reconstruction"] == pytest.approx(1.0)
    assert logs["perceptual"] == pytest.approx((3**2 + 4**2) / 2 * 0.25)
    assert logs["adversarial"] == pytest.approx(softplus(-1))
    total = 0.5 * 1.0 + 0.1 * 3.125 + 0.01 * softplus(-1)
    assert logs["generator_loss"] == pytest.approx(total)


def test_weights_of_the_terms_may_change(srgan):
    before = srgan.evaluate(SMALL, LARGE, verbose=0, return_dict=True)
    srgan.adversarial_weight = 1.01
    after = srgan.evaluate(SMALL, LARGE, verbose=0, return_dict=True)
    srgan.adversarial_weight = 0.01
    difference = after["generator_loss"] - before["generator_loss"]
    assert difference == pytest.approx(before["adversarial"], rel=1e-5)
    rate = float(value(srgan.optimizer["generator"].learning_rate))
    assert rate == pytest.approx(1e-4)


def test_a_stream_with_pixels_beyond_the_range_gives_nan(srgan):
    for bad in ((2 * SMALL, LARGE), (SMALL, LARGE - 1)):
        logs = srgan.evaluate(iter([(SMALL, LARGE), bad]), steps=2, verbose=0)
        assert np.isnan(logs[0])


def test_one_bad_pair_in_a_stream_gives_nan():
    model = SuperResolution(nearest(), (2, 2, 1))
    model.compile("sgd")
    bad = LARGE.copy()
    bad[1, 0, 0] = 1.5
    assert np.isnan(model.evaluate(iter([(SMALL, LARGE), (SMALL, bad)]), steps=2))


def test_pairs_are_needed(trained):
    trained.compile("sgd")
    with pytest.raises(ValueError, match="trains on pairs of images"):
        trained.fit(SMALL)
    with pytest.raises(ValueError, match="as many large images as small"):
        trained.check_condition(LARGE[:2], 3)
    with pytest.raises(ValueError, match=r"`large images` must have shape \(batch, 4"):
        trained.fit(SMALL, LARGE[:, :3], verbose=0)
    with pytest.raises(ValueError, match=r"`images` must lie in \[0, 1\]"):
        trained.upscale(255 * SMALL)


@pytest.mark.parametrize(
    "output,message",
    [
        ((2, 2, 1), "`generator` must make images of a multiple"),
        ((3, 3, 1), "`generator` must make images of a multiple"),
        ((4, 4, 2), "`generator` must make images of a multiple"),
        ((4,), "`generator` must make images of a multiple"),
    ],
)
def test_a_generator_that_does_not_enlarge_is_refused(output, message):
    with pytest.raises(ValueError, match=message):
        SuperResolution(small_network((2, 2, 1), output), (2, 2, 1))


def test_networks_that_do_not_fit_are_refused():
    generator = nearest()
    with pytest.raises(ValueError, match="`image_shape` must be a shape that"):
        SuperResolution(generator, (2, 2, 3))
    with pytest.raises(ValueError, match="`discriminator` must take images of shape"):
        SRGAN(generator, small_network((2, 2, 1), (1,)), (2, 2, 1))
    colours = keras.Sequential([keras.Input((4, 4, 3)), keras.layers.Conv2D(1, 1)])
    perceptual = PerceptualLoss(colours, colours.layers[0].name)
    with pytest.raises(ValueError, match="`perceptual` must take images of 1 channels"):
        SRGAN(generator, mean_score(), (2, 2, 1), perceptual)
    small = keras.Sequential([keras.Input((2, 2, 1)), keras.layers.Conv2D(1, 1)])
    perceptual = PerceptualLoss(small, small.layers[0].name)
    with pytest.raises(ValueError, match="`perceptual` must take images of 4 x 4"):
        SRGAN(generator, mean_score(), (2, 2, 1), perceptual)
