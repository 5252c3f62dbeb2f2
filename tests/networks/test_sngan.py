"""SNGAN: counts of the paper's networks, blocks, projections, conditional norms."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_genmod import layers, networks
from keras_genmod.engine import input_gradient
from keras_genmod.networks.residual_blocks import (
    doubled,
    downward_block,
    halved,
    upward_block,
)


def count(network):
    return sum(int(np.prod(v.shape)) for v in network.trainable_variables)


@pytest.mark.parametrize("num_classes", [None, 10])
def test_networks_have_the_papers_parameters(num_classes):
    generator = networks.sngan_generator(128, (32, 32, 3), num_classes=num_classes)
    # A gain and a bias a class in six normalizations, where there was one of each
    extra = 0 if num_classes is None else 6 * 2 * 256 * (num_classes - 1)
    assert count(generator) == 4_276_739 + extra
    discriminator = networks.sngan_discriminator((32, 32, 3), num_classes=num_classes)
    extra = 0 if num_classes is None else num_classes * 128
    assert count(discriminator) == 1_053_824 + 1 + extra  # 128 weights and a bias


def test_block_without_residual_is_the_identity(rng):
    # Where neither channels nor sides change, the shortcut is x itself.
    inputs = keras.Input((4, 4, 3))
    block = keras.Model(inputs, downward_block(inputs, 3, halves=False))
    convolutions = [x for x in block.layers if hasattr(x, "normalized_kernel")]
    assert len(convolutions) == 2
    convolutions[-1].layer.kernel.assign(np.zeros((3, 3, 3, 3)))
    x = rng.standard_normal((2, 4, 4, 3)).astype("float32")
    np.testing.assert_array_equal(ops.convert_to_numpy(block(x)), x)


@pytest.mark.parametrize("up", [False, True])
def test_shortcut_is_that_of_the_paper(up, rng):
    # There the shortcut is resized first on the way up, and last on the way down.
    inputs = keras.Input((4, 4, 3))
    if up:
        outputs = upward_block(inputs, 5, spectral=True)
    else:
        outputs = downward_block(inputs, 5, halves=True)
    block = keras.Model(inputs, outputs)
    convolutions = [x for x in block.layers if hasattr(x, "normalized_kernel")]
    *_, last, shortcut = sorted(convolutions, key=lambda x: -x.layer.kernel_size[0])
    last.layer.kernel.assign(np.zeros(last.layer.kernel.shape))
    shortcut.layer.bias.assign(np.arange(5.0))
    x = rng.standard_normal((2, 4, 4, 3)).astype("float32")
    expected = shortcut(doubled(x)) if up else halved(shortcut(x))
    np.testing.assert_allclose(
        ops.convert_to_numpy(block(x)), ops.convert_to_numpy(expected), atol=1e-5
    )


@pytest.mark.parametrize("training", [False, True])
def test_conditional_normalization_starts_as_a_plain_one(training, rng):
    x = 3 * rng.standard_normal((8, 2, 2, 4)).astype("float32") + 1
    plain = keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5)
    expected = ops.convert_to_numpy(plain(x, training=training))
    for label in range(3):
        layer = layers.ConditionalBatchNormalization()
        one_hot = np.eye(3, dtype="float32")[[label] * 8]
        found = ops.convert_to_numpy(layer([x, one_hot], training=training))
        np.testing.assert_allclose(found, expected, atol=1e-5)
        assert len(layer.trainable_variables) == 2
        for name in ("moving_mean", "moving_variance"):
            found, average = (getattr(x, name) for x in (layer.normalization, plain))
            np.testing.assert_allclose(found.numpy(), average.numpy(), rtol=1e-5)


def test_arguments_of_a_conditional_normalization_have_names():
    # Else the number of classes, which the condition brings, would be the momentum.
    with pytest.raises(TypeError, match="positional"):
        layers.ConditionalBatchNormalization(3)


def test_gain_and_bias_are_those_of_the_class(rng):
    layer = layers.ConditionalBatchNormalization()
    layer.build([(None, 2, 2, 4), (None, 3)])
    gain, bias = rng.standard_normal((2, 3, 4)).astype("float32")
    layer.gain.kernel.assign(gain)
    layer.bias.kernel.assign(bias)
    x = rng.standard_normal((6, 2, 2, 4)).astype("float32")
    labels = np.array([0, 2, 1, 1, 0, 2])
    one_hot = np.eye(3, dtype="float32")[labels]
    found = ops.convert_to_numpy(layer([x, one_hot], training=True))
    centred = x - x.mean(axis=(0, 1, 2))
    plain = centred / np.sqrt(x.var(axis=(0, 1, 2)) + 1e-5)
    expected = (1 + gain[labels, None, None]) * plain + bias[labels, None, None]
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


def test_spectral_gains_have_norm_one():
    layer = layers.ConditionalBatchNormalization(spectral=True)
    layer.build([(None, 2, 2, 4), (None, 3)])
    for projection in (layer.gain, layer.bias):
        kernel = ops.convert_to_numpy(projection.normalized_kernel())
        np.testing.assert_allclose(np.linalg.norm(kernel, 2), 1.0, rtol=1e-2)


def test_projection_adds_the_inner_product_with_the_class(rng):
    head = layers.ProjectionHead()
    head.build([(None, 5), (None, 3)])
    features = rng.standard_normal((4, 5)).astype("float32")
    score, embedding = (
        ops.convert_to_numpy(layer.normalized_kernel())
        for layer in (head.score, head.embedding)
    )
    labels = np.array([2, 0, 1, 2])
    found = head([features, np.eye(3, dtype="float32")[labels]])
    expected = features @ score[:, 0] + (features * embedding[labels]).sum(axis=1)
    found = ops.convert_to_numpy(found)[:, 0]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_gradient_of_the_projection_is_the_row_of_the_class(rng):
    head = layers.ProjectionHead()
    head.build([(None, 5), (None, 3)])
    features = ops.array(rng.standard_normal((4, 5)).astype("float32"))
    one_hot = ops.array(np.eye(3, dtype="float32")[[2, 0, 1, 2]])

    def projection(x):
        return head([x, one_hot]) - head.score(x)

    found = ops.convert_to_numpy(input_gradient(projection, features))
    embedding = ops.convert_to_numpy(head.embedding.normalized_kernel())
    np.testing.assert_allclose(found, embedding[[2, 0, 1, 2]], atol=1e-6)


def test_pixels_are_summed_and_not_averaged():
    network = networks.sngan_discriminator((8, 8, 1), filters=2)
    *_, last, total, head = network.operations
    both = keras.Model(network.input, [last.output, total.output])
    maps, pooled = both(np.full((1, 8, 8, 1), 0.7, "float32"))
    expected = ops.convert_to_numpy(maps).sum(axis=(1, 2))
    np.testing.assert_allclose(ops.convert_to_numpy(pooled), expected, rtol=1e-5)
    assert isinstance(head, layers.SpectralNormalization)
