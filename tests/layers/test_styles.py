"""Layers of style-based generators against loops and NumPy."""

import keras
import numpy as np
import pytest
import scipy.signal
from keras import ops

from keras_genmod.layers import (
    AdaptiveInstanceNormalization,
    Blur,
    ConditionalBatchNormalization,
    ModulatedConv2D,
    NoiseInjection,
    ProjectionHead,
)

RNG = np.random.default_rng(0)
IMAGES = RNG.standard_normal((3, 5, 6, 4)).astype("float32")
LATENTS = RNG.standard_normal((3, 7)).astype("float32")


def value(x):
    return np.asarray(ops.convert_to_numpy(x))


def with_random_weights(layer, *shapes):
    rng = np.random.default_rng(1)
    layer.build(list(shapes))
    for weight in layer.trainable_variables:
        weight.assign(rng.standard_normal(weight.shape))
    return layer


def convolved(x, kernel):
    """Returns NumPy's convolution of one image, of the same size."""
    pad = kernel.shape[0] // 2
    x = np.pad(x, ((pad, pad), (pad, pad), (0, 0)))
    height, width = x.shape[0] - 2 * pad, x.shape[1] - 2 * pad
    return np.array(
        [
            [
                np.tensordot(x[i : i + 2 * pad + 1, j : j + 2 * pad + 1], kernel, 3)
                for j in range(width)
            ]
            for i in range(height)
        ]
    )


@pytest.mark.every_backend
@pytest.mark.parametrize("size,demodulate", [(3, True), (1, False)])
def test_modulated_convolution_equals_a_loop_over_images(size, demodulate):
    layer = ModulatedConv2D(2, size, demodulate)
    with_random_weights(layer, (None, 5, 6, 4), (None, 7))
    found = value(layer([IMAGES, LATENTS]))
    kernel, bias = value(layer.kernel), value(layer.bias)
    styles = value(layer.style(LATENTS))
    for x, style, outputs in zip(IMAGES, styles, found, strict=True):
        own = style[:, None] * kernel
        if demodulate:
            own = own / np.sqrt((own**2).sum(axis=(0, 1, 2)) + 1e-8)
        else:
            own = own / np.sqrt(size * size * 4)
        np.testing.assert_allclose(outputs, convolved(x, own) + bias, atol=1e-4)
    order = np.array([2, 0, 1])
    moved = value(layer([IMAGES[order], LATENTS[order]]))
    np.testing.assert_allclose(moved, found[order], atol=1e-5)


def test_styles_start_at_one_and_demodulated_outputs_with_unit_variance(rng):
    layer = ModulatedConv2D(8, 3, use_bias=False)
    layer.build([(None, 16, 16, 12), (None, 7)])
    np.testing.assert_array_equal(value(layer.style(0 * LATENTS)), 1.0)
    white = rng.standard_normal((8, 16, 16, 12)).astype("float32")
    latents = 3 * rng.standard_normal((8, 7)).astype("float32")
    outputs = value(layer([white, latents]))[:, 1:-1, 1:-1]
    np.testing.assert_allclose(outputs.var(), 1.0, atol=0.05)


def test_adaptive_normalization_equals_numpy():
    layer = with_random_weights(
        AdaptiveInstanceNormalization(), (None, 5, 6, 4), (None, 7)
    )
    gain, bias = np.split(value(layer.style(LATENTS))[:, None, None], 2, axis=-1)
    mean, std = IMAGES.mean(axis=(1, 2), keepdims=True), IMAGES.std(axis=(1, 2))
    expected = (1 + gain) * (IMAGES - mean) / std[:, None, None] + bias
    found = value(layer([IMAGES, LATENTS]))
    np.testing.assert_allclose(found, expected, atol=1e-4)
    alone = value(layer([IMAGES[:1], LATENTS[:1]]))
    np.testing.assert_allclose(alone, found[:1], atol=1e-5)


@pytest.mark.parametrize("per_channel", [False, True])
def test_noise_has_its_strength_is_new_in_training_and_fixed_after(per_channel):
    layer = NoiseInjection(per_channel, seed=0)
    x = np.zeros((4, 16, 16, 3), "float32")
    assert not np.any(value(layer(x, training=True)))  # at first
    layer.strength.assign([1.0, 2.0, 3.0] if per_channel else 2.0)
    first, second = (value(layer(x, training=True)) for _ in range(2))
    assert np.any(first != second) and np.any(first[0] != first[1])
    ratio = [1.0, 2.0, 3.0] if per_channel else [2.0] * 3
    scaled = first / ratio
    np.testing.assert_allclose(scaled, scaled[..., :1].repeat(3, -1), atol=1e-5)
    np.testing.assert_allclose(scaled.std(), 1.0, atol=0.1)
    fixed = value(layer(x))
    np.testing.assert_array_equal(value(layer(x)), fixed)
    np.testing.assert_array_equal(fixed[0], fixed[3])


@pytest.mark.every_backend
@pytest.mark.parametrize("change", [{}, {"up": 2}, {"down": 2}])
@pytest.mark.parametrize("taps", [(1, 3, 3, 1), (1, 2, 1), (2, 1)])
def test_the_two_ways_of_a_blur_are_one(taps, change):
    layer = Blur(taps, **change)
    x = ops.convert_to_tensor(IMAGES)
    found = value(layer._multiplied(x))
    np.testing.assert_allclose(found, value(layer._convolved(x)), atol=1e-6)
    assert found.shape == layer.compute_output_shape(IMAGES.shape)
    np.testing.assert_allclose(value(layer(x)), found, atol=1e-6)


@pytest.mark.parametrize("taps", [(1, 3, 3, 1), (1, 2, 1)])
def test_blur_equals_scipy(taps):
    side = np.array(taps) / sum(taps)
    found = value(Blur(taps)(IMAGES))
    before = len(taps) // 2
    for image, outputs in zip(IMAGES, found, strict=True):
        for channel in range(4):
            full = scipy.signal.convolve2d(
                image[..., channel], np.outer(side, side), "full"
            )
            rows, columns = (slice(len(taps) - 1 - before, None),) * 2
            expected = full[rows, columns][:5, :6]
            np.testing.assert_allclose(outputs[..., channel], expected, atol=1e-5)


def test_doubled_and_halved_constants_keep_their_value_inside():
    ones = np.ones((1, 6, 8, 2), "float32")
    doubled, halved = value(Blur(up=2)(ones)), value(Blur(down=2)(ones))
    assert doubled.shape == (1, 12, 16, 2) and halved.shape == (1, 3, 4, 2)
    np.testing.assert_allclose(doubled[:, 2:-2, 2:-2], 1.0, rtol=1e-5)
    np.testing.assert_allclose(halved[:, 1:-1, 1:-1], 1.0, rtol=1e-5)
    # By hand: (1, 3, 3, 1) / 4 between zeros weighs neighbours 3/4 and 1/4.
    step = np.zeros((1, 4, 4, 1), "float32")
    step[:, 2] = 1.0
    column = value(Blur(up=2)(step))[0, :, 4, 0]
    np.testing.assert_allclose(column, [0, 0, 0, 0.25, 0.75, 0.75, 0.25, 0], atol=1e-6)
    for layer, shape in ((Blur(up=2), (12, 16)), (Blur((1, 2, 1), down=2), (3, 4))):
        assert layer.compute_output_shape((None, 6, 8, 2)) == (None, *shape, 2)
        assert value(layer(ones)).shape == (1, *shape, 2)


def test_two_equal_taps_repeat_and_average(rng):
    x = rng.random((1, 4, 6, 2), dtype="float32")
    doubled = value(Blur((1, 1), up=2)(x))
    np.testing.assert_allclose(doubled, x.repeat(2, 1).repeat(2, 2), rtol=1e-6)
    halved = value(Blur((1, 1), down=2)(x))
    blocks = x.reshape(1, 2, 2, 3, 2, 2)
    np.testing.assert_allclose(halved, blocks.mean((2, 4)), rtol=1e-5)


@pytest.mark.parametrize(
    "arguments,name",
    [
        (((1,), 2, 1), "taps"),
        (((1,), 1, 2), "taps"),
        (((1, 0, 1),), "taps"),
        (((),), "taps"),
        (((1, 3, 3, 1), 3), "up"),
        (((1, 3, 3, 1), 1, 0), "down"),
        (((1, 3, 3, 1), 2, 2), "down"),
    ],
)
def test_bad_argument_of_a_blur_is_named(arguments, name):
    with pytest.raises(ValueError, match=f"`{name}` must .*Received: "):
        Blur(*arguments)


@pytest.mark.parametrize(
    "make",
    [
        lambda: ModulatedConv2D(2, 3),
        AdaptiveInstanceNormalization,
        ConditionalBatchNormalization,
        ProjectionHead,
    ],
)
def test_layers_of_two_inputs_take_a_list_of_two(make):
    images = LATENTS if make is ProjectionHead else IMAGES
    built = make()
    built([images, LATENTS])
    wrong = "`inputs` must be a list of .* and .*Received: inputs of shape"
    for layer in (make(), built):
        for inputs in (images, LATENTS[:2], [images], [images, LATENTS, LATENTS]):
            with pytest.raises(ValueError, match=wrong):
                layer(inputs)
    with pytest.raises(ValueError, match=wrong):
        make()(keras.Input(images.shape[1:]))


@pytest.mark.parametrize(
    "layer",
    [
        ModulatedConv2D(3, 1, False, False, name="a"),
        AdaptiveInstanceNormalization(1e-5),
        NoiseInjection(True, 3),
        Blur((1, 2, 1), 2, 1),
        ProjectionHead("orthogonal"),
    ],
)
def test_config_round_trip(layer):
    config = keras.saving.serialize_keras_object(layer)
    again = keras.saving.deserialize_keras_object(config)
    assert again.get_config() == layer.get_config()


def test_half_precision_follows_the_policy():
    layer = ModulatedConv2D(2, 3, dtype="mixed_bfloat16")
    outputs = layer([IMAGES, LATENTS])
    assert keras.backend.standardize_dtype(outputs.dtype) == "bfloat16"
