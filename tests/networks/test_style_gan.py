"""StyleGAN2's networks: styles reach every layer, noise, start, counts."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_genmod import GAN, layers, networks
from tests.contracts import slow_elsewhere

SHAPE = (16, 16, 3)


def value(x):
    return ops.convert_to_numpy(x)


def count(network):
    return sum(int(np.prod(v.shape)) for v in network.trainable_variables)


@pytest.fixture(scope="module")
def generator():
    keras.utils.set_random_seed(0)
    return networks.style_gan_generator(5, SHAPE, 8, 64, 6, 2)


def test_generator_has_the_parameters_of_its_layers(generator):
    widths = [8, 8, 4]  # 64 / 4 and 64 / 8 and 64 / 16, at most 8

    def styled(inputs, outputs):  # kernel, bias, affine of the style, noise
        return 9 * inputs * outputs + outputs + 7 * inputs + 1

    def colours(inputs):
        return 3 * inputs + 3 + 7 * inputs

    expected = (5 * 6 + 6) + (6 * 6 + 6) + 16 * 8 + styled(8, 8) + colours(8)
    for before, after in zip(widths, widths[1:], strict=False):
        expected += styled(before, after) + styled(after, after) + colours(after)
    assert count(generator) == expected


def test_discriminator_has_the_parameters_of_its_layers():
    discriminator = networks.style_gan_discriminator(SHAPE, 8, 64)
    expected = 3 * 4 + 4
    for before, after in ((4, 8), (8, 8)):
        expected += 9 * before**2 + before + 9 * before * after + after
        expected += before * after
    expected += 9 * 9 * 8 + 8 + (16 * 8) * 8 + 8 + 8 + 1
    assert count(discriminator) == expected
    assert discriminator.output_shape == (None, 1)


def test_mapping_ignores_the_length_of_latents(generator, rng):
    z = rng.standard_normal((4, 5)).astype("float32")
    first, second = (value(generator(scale * z)) for scale in (1.0, 7.0))
    np.testing.assert_allclose(first, second, atol=1e-4)
    assert np.abs(first[0] - first[1]).max() > 1e-4


def test_every_modulated_layer_takes_the_styles(generator):
    styles = generator.get_layer("styles").output
    modulated = [x for x in generator.layers if isinstance(x, layers.ModulatedConv2D)]
    assert len(modulated) == 5 + 3
    assert all(layer.input[1] is styles for layer in modulated)
    assert [x.demodulate for x in modulated].count(False) == 3


def test_activations_neither_vanish_nor_explode_at_first(generator, rng):
    noisy = [x for x in generator.layers if isinstance(x, layers.NoiseInjection)]
    maps = keras.Model(generator.input, [layer.output for layer in noisy])
    z = rng.standard_normal((64, 5)).astype("float32")
    for features in maps(z):
        # Borders see zeros; doubled maps are smooth, and vary less.
        assert 0.05 < value(features)[:, 1:-1, 1:-1].std() < 2.0


def test_noise_changes_images_in_training_alone(generator, rng):
    noise = next(x for x in generator.layers if isinstance(x, layers.NoiseInjection))
    z = rng.standard_normal((2, 5)).astype("float32")
    noise.strength.assign(1.0)
    first, second = (value(generator(z, training=True)) for _ in range(2))
    assert np.abs(first - second).max() > 1e-4
    np.testing.assert_array_equal(value(generator(z)), value(generator(z)))
    noise.strength.assign(0.0)


@slow_elsewhere
def test_classes_reach_both_networks_and_they_train(tmp_path, rng):
    keras.utils.set_random_seed(0)
    shape = (8, 8, 1)
    model = GAN(
        networks.style_gan_generator(3, shape, 2, 8, 3, 1, num_classes=2),
        networks.style_gan_discriminator(shape, 2, 8, num_classes=2),
        latent_dim=3,
        num_classes=2,
        r1_weight=0.01,
        ema_momentum=0.9,
        seed=0,
    )
    images = rng.random((4, *shape), dtype="float32")
    model.compile()
    logs = model.fit(images, np.array([0, 1, 0, 1]), batch_size=4, verbose=0).history
    assert np.all(np.isfinite(list(logs.values())))
    samples = [value(model.sample(2, condition=y, seed=0)) for y in (0, 1)]
    assert np.abs(samples[0] - samples[1]).max() > 1e-5
    assert min(s.min() for s in samples) >= 0 and max(s.max() for s in samples) <= 1
    scores = [value(model((images, np.full(4, y)))) for y in (0, 1)]
    assert np.abs(scores[0] - scores[1]).max() > 1e-6
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    again = value(loaded.sample(2, condition=1, seed=0))
    np.testing.assert_allclose(again, samples[1], atol=1e-6)


@pytest.mark.parametrize("initializer", ["ones", "normal"])
def test_constant_is_one_map_for_all(initializer):
    layer = layers.LearnedConstant((2, 3), initializer)
    found = value(layer(np.zeros((4, 7))))
    assert found.shape == (4, 2, 3) and len(np.unique(found, axis=0)) == 1
    assert np.all(found == 1.0) == (initializer == "ones")


@pytest.mark.parametrize(
    "function,arguments,name",
    [
        (networks.style_gan_generator, (2, (28, 28, 1)), "image_shape"),
        (networks.style_gan_generator, (2, (12, 12, 1)), "image_shape"),
        (networks.style_gan_generator, (2, (8, 8, 1), 0), "filters"),
        (networks.style_gan_generator, (2, (8, 8, 1), 2, 8, 2, 0), "num_mappings"),
        (networks.style_gan_discriminator, ((8, 8, 1), 2, 8, 1), "group_size"),
        (networks.style_gan_mapping, (2, 0), "style_dim"),
        (networks.style_gan_mapping, (2, 2, 0), "num_layers"),
        (networks.style_gan_synthesis, ((9, 9, 1), 2), "image_shape"),
        (networks.style_gan_synthesis, ((8, 8, 1), 2, 8, 2, "batch"), "styled_by"),
    ],
)
def test_bad_argument_is_named(function, arguments, name):
    with pytest.raises(ValueError, match=f"`{name}` must .*Received: "):
        function(*arguments)


# The mapping and the synthesis apart, and StyleGAN before its second version.


def styles_of(synthesis, kind):
    """Returns the styled layers, and which style each one takes."""
    styled = [x for x in synthesis.layers if isinstance(x, kind)]
    operation = styled[0].input[1]._keras_history.operation
    places = {id(tensor): i for i, tensor in enumerate(operation.output)}
    return styled, [places[id(layer.input[1])] for layer in styled]


def test_two_styles_a_resolution_coarse_ones_first():
    synthesis = networks.style_gan_synthesis(SHAPE, 4, 64, 3)
    assert synthesis.input_shape == (None, 6, 3)
    styled, places = styles_of(synthesis, layers.ModulatedConv2D)
    found = [
        (x.input[0].shape[1], x.demodulate, i)
        for x, i in zip(styled, places, strict=True)
    ]
    # Colours share the style of the convolution that follows.
    expected = [(4, True, 0), (4, False, 1), (8, True, 1), (8, True, 2)]
    expected += [(8, False, 3), (16, True, 3), (16, True, 4), (16, False, 5)]
    assert sorted(found) == sorted(expected)
    kind = layers.AdaptiveInstanceNormalization
    synthesis = networks.style_gan_synthesis(SHAPE, 4, 64, 3, "instance_normalization")
    styled, places = styles_of(synthesis, kind)
    found = [(x.input[0].shape[1], i) for x, i in zip(styled, places, strict=True)]
    assert sorted(found) == [(4, 0), (4, 1), (8, 2), (8, 3), (16, 4), (16, 5)]


def test_maps_of_style_gan_have_the_moments_of_their_style(rng):
    keras.utils.set_random_seed(0)
    synthesis = networks.style_gan_synthesis(
        (8, 8, 2), 4, 64, 3, "instance_normalization"
    )
    kind = layers.AdaptiveInstanceNormalization
    styled = [x for x in synthesis.layers if isinstance(x, kind)]
    styles = rng.standard_normal((2, 4, 3)).astype("float32")
    maps = keras.Model(synthesis.input, [x.output for x in styled])(styles)
    # The first map is one constant, which noise of no strength leaves flat.
    for i, (layer, found) in enumerate(zip(styled[1:], maps[1:], strict=True), 1):
        gain, bias = np.split(value(layer.style(styles[:, i])), 2, axis=-1)
        found = value(found)
        np.testing.assert_allclose(found.mean((1, 2)), bias, atol=1e-3)
        np.testing.assert_allclose(found.std((1, 2)), np.abs(1 + gain), rtol=1e-3)


def test_both_parts_are_the_whole_generator(generator, rng):
    mapping = networks.style_gan_mapping(5, 6, 2)
    synthesis = networks.style_gan_synthesis(SHAPE, 8, 64, 6)
    assert count(mapping) + count(synthesis) == count(generator)
    mapping.set_weights(generator.get_weights()[: len(mapping.weights)])
    synthesis.set_weights(generator.get_weights()[len(mapping.weights) :])
    z = rng.standard_normal((2, 5)).astype("float32")
    styles = np.repeat(value(mapping(z))[:, None], 6, axis=1)
    np.testing.assert_allclose(value(synthesis(styles)), value(generator(z)), atol=1e-5)


def test_style_gan_has_the_parameters_of_its_layers():
    synthesis = networks.style_gan_synthesis(SHAPE, 8, 64, 6, "instance_normalization")

    def styled(channels):  # noise of each channel, the style's gain and bias
        return channels + 7 * 2 * channels

    expected = 16 * 8 + styled(8) + (9 * 8 * 8 + 8) + styled(8)
    for before, after in ((8, 8), (8, 4)):
        expected += 9 * before * after + after + styled(after)
        expected += 9 * after * after + after + styled(after)
    assert count(synthesis) == expected + 4 * 3 + 3
