"""Layers that are Keras' own, without copies between layouts."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_genmod.engine import input_gradient
from keras_genmod.layers.group_normalization import GroupNormalization
from keras_genmod.layers.same_conv_2d import SameConv2D
from keras_genmod.layers.same_conv_2d_transpose import SameConv2DTranspose
from tests.autodiff import gradients

IMAGES = np.random.default_rng(1).normal(3.0, 2.0, size=(2, 4, 6, 8)).astype("float32")
PAIRS = {
    "groups": (GroupNormalization, {"groups": 4, "epsilon": 0.1}),
    "instances": (GroupNormalization, {"groups": -1}),
    "plain": (GroupNormalization, {"groups": 2, "scale": False, "center": False}),
    "shifted": (GroupNormalization, {"groups": 2, "scale": False}),
    "scaled": (GroupNormalization, {"groups": 2, "center": False}),
    "other axis": (GroupNormalization, {"groups": 2, "axis": 1}),
    "convolution": (SameConv2D, {"filters": 3, "kernel_size": 3}),
    "active": (
        SameConv2D,
        {"filters": 2, "kernel_size": 5, "use_bias": False, "activation": "relu"},
    ),
    "doubling": (
        SameConv2DTranspose,
        {"filters": 3, "kernel_size": 4, "strides": 2},
    ),
    "uneven": (
        SameConv2DTranspose,
        {
            "filters": 1,
            "kernel_size": (5, 4),
            "strides": (1, 2),
            "use_bias": False,
            "activation": "tanh",
        },
    ),
    "cut on one side": (
        SameConv2DTranspose,
        {"filters": 2, "kernel_size": 3, "strides": 2},
    ),
}


def made(name, dtype="float32", shape=IMAGES.shape):
    """Returns a layer, and Keras' with the same weights."""
    kind, arguments = PAIRS[name]
    own = kind(**arguments, dtype=dtype)
    (base,) = kind.__bases__
    padding = {} if kind is GroupNormalization else {"padding": "same"}
    theirs = base(**arguments, **padding, dtype=dtype)
    for layer in (own, theirs):
        layer.build(shape)
        generator = np.random.default_rng(1)
        layer.set_weights([generator.normal(size=w.shape) for w in layer.weights])
    return own, theirs


def run(layer, x=IMAGES):
    return ops.convert_to_numpy(layer(x))


@pytest.mark.parametrize("name", PAIRS)
def test_outputs_and_gradients_are_those_of_keras(name, rng):
    own, theirs = made(name)
    y = run(own)
    np.testing.assert_allclose(y, run(theirs), rtol=1e-4, atol=1e-4)
    weight = ops.array(rng.normal(size=y.shape), "float32")
    x = keras.Variable(IMAGES)
    found, expected = (
        gradients(
            lambda layer=layer: ops.sum(layer(ops.convert_to_tensor(x)) * weight),
            [x, *layer.trainable_variables],
        )
        for layer in (own, theirs)
    )
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("trainable", [True, False])
def test_gradients_are_differentiated_as_those_of_keras(trainable):
    own, theirs = made("groups")
    for layer in (own, theirs):
        layer.trainable = trainable

    before = keras.Variable(np.linspace(0.5, 2.0, IMAGES.shape[-1]), dtype="float32")

    def penalty(layer):
        def scores(x):
            x = layer(ops.tanh(x / 5) * ops.convert_to_tensor(before))
            return ops.mean(x**3, axis=(1, 2, 3))

        return ops.sum(100 * input_gradient(scores, IMAGES) ** 2)

    found, expected = (
        gradients(
            lambda layer=layer: penalty(layer), [before, *layer.trainable_weights]
        )
        for layer in (own, theirs)
    )
    for one, other in zip(found, expected, strict=True):
        assert np.abs(other).max() > 1e-3
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5)


def test_vectors_are_normalized_too():
    x = IMAGES[:, 0, 0]  # (2, 8)
    own, theirs = made("groups", shape=x.shape)
    np.testing.assert_allclose(run(own, x), run(theirs, x), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["groups", "convolution"])
def test_half_precision_comes_out_and_does_not_overflow(name):
    layer, _ = made(name, "mixed_float16")
    x = 300.0 * IMAGES if name == "groups" else IMAGES  # squares beyond 65,504
    y = layer(ops.cast(x, "float16"))
    assert keras.backend.standardize_dtype(y.dtype) == "float16"
    expected = run(made(name)[0], x)
    found = ops.convert_to_numpy(ops.cast(y, "float32"))
    np.testing.assert_allclose(found, expected, rtol=0.02, atol=0.1)


@pytest.mark.parametrize("kind", [SameConv2D, SameConv2DTranspose, GroupNormalization])
def test_config_makes_the_layer_again(kind):
    arguments = next(a for k, a in PAIRS.values() if k is kind)
    again = kind.from_config(kind(**arguments).get_config())
    for name, value in arguments.items():
        found = getattr(again, name)
        assert found == value or found == (value, value)


@pytest.mark.any_backend
@pytest.mark.parametrize(
    "options", [{"strides": 2}, {"dilation_rate": 2}, {"groups": 2}, {"kernel_size": 2}]
)
def test_a_convolution_of_another_kind_is_refused(options):
    with pytest.raises(ValueError, match="`SameConv2D` must have an odd"):
        SameConv2D(**{"filters": 4, "kernel_size": 3, **options})
