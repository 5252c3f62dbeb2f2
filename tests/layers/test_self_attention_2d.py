"""Attention: the formula, the identity at first, no sense of place."""

import keras
import numpy as np
import pytest

from keras_genmod.layers import SelfAttention2D

GENERATOR = np.random.default_rng(0)
IMAGES = GENERATOR.normal(size=(2, 4, 6, 8)).astype("float32")
FORMS = {
    "diffusion": {"groups": 4, "num_heads": 2},
    "sagan": {"gated": True, "key_dim": 1, "value_dim": 4, "pool_size": 2},
}


def trained(**arguments):
    layer = SelfAttention2D(**arguments)
    layer.build(IMAGES.shape)
    generator = np.random.default_rng(1)
    layer.set_weights([0.4 * generator.normal(size=w.shape) for w in layer.weights])
    return layer


def run(layer, x=IMAGES):
    return keras.ops.convert_to_numpy(layer(x))


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def linear(layer, x):
    kernel, bias = map(keras.ops.convert_to_numpy, (layer.kernel, layer.bias))
    return x @ kernel + bias


@pytest.mark.parametrize("form", FORMS)
def test_new_layer_is_the_identity(form):
    np.testing.assert_array_equal(run(SelfAttention2D(**FORMS[form])), IMAGES)


def test_two_heads_equal_numpy():
    layer = trained(num_heads=2)
    x = IMAGES.reshape(2, 24, 8).astype("float64")
    q, k, v = (linear(part, x) for part in (layer.query, layer.key, layer.value))
    heads = []
    for head in (slice(0, 4), slice(4, 8)):
        logits = q[..., head] @ k[..., head].swapaxes(1, 2) / 2  # sqrt of 4 features
        heads.append(softmax(logits) @ v[..., head])
    expected = x + linear(layer.projection, np.concatenate(heads, axis=-1))
    np.testing.assert_allclose(run(layer).reshape(2, 24, 8), expected, atol=1e-4)


def test_form_of_sagan_equals_numpy():
    layer = trained(**FORMS["sagan"])
    x = IMAGES.astype("float64")
    q = linear(layer.query, x).reshape(2, 24, 1)
    k, v = (
        linear(part, x).reshape(2, 2, 2, 3, 2, -1).max((2, 4)).reshape(2, 6, -1)
        for part in (layer.key, layer.value)
    )
    found = softmax(q @ k.swapaxes(1, 2)) @ v
    found = linear(layer.projection, found).reshape(x.shape)
    gate = keras.ops.convert_to_numpy(layer.gate)
    np.testing.assert_allclose(run(layer), x + gate * found, atol=1e-4)


def test_pixels_may_change_places(rng):
    layer, order = trained(**FORMS["diffusion"]), rng.permutation(24)

    def moved(x):
        return x.reshape(2, 24, 8)[:, order].reshape(x.shape)

    np.testing.assert_allclose(run(layer, moved(IMAGES)), moved(run(layer)), atol=1e-4)


def test_each_pixel_sees_every_other():
    layer, changed = trained(num_heads=1), IMAGES.copy()
    changed[:, 0, 0] += 1
    assert np.all(np.abs(run(layer, changed) - run(layer)).max(-1) > 0)


def test_half_precision_softmax_stays_finite():
    layer = SelfAttention2D(gated=True, dtype="mixed_float16")
    layer.build(IMAGES.shape)
    layer.gate.assign(1.0)
    outputs = run(layer, 20 * IMAGES)
    assert outputs.dtype == np.float16 and np.all(np.isfinite(outputs))


def test_config_round_trip():
    layer = SelfAttention2D(2, 3, 4, 2, 4, True, True, "orthogonal", name="attention")
    config = keras.saving.serialize_keras_object(layer)
    assert keras.saving.deserialize_keras_object(config).get_config() == (
        layer.get_config()
    )


@pytest.mark.parametrize("sides", [(2, 2), (4, 3), (3, None)])
def test_blocks_larger_than_the_maps_are_an_error(sides):
    wrong = "`pool_size` must be at most .*Received: pool_size=4"
    with pytest.raises(ValueError, match=wrong):
        SelfAttention2D(pool_size=4)(keras.Input((*sides, 8)))


@pytest.mark.parametrize("name", ["groups", "num_heads"])
def test_parts_that_do_not_divide_the_channels_are_an_error(name):
    with pytest.raises(ValueError, match=f"`{name}` must divide the 8 channels"):
        SelfAttention2D(**{name: 3})(IMAGES)
