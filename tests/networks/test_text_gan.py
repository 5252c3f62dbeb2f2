"""The networks of GAN-CLS: every weight counts, images and captions do."""

import functools

import keras
import numpy as np
import pytest
from keras import ops

from keras_genmod import networks
from tests.contracts import torch_param

IMAGE = (8, 12, 3)
MAKERS = {
    "generator": lambda **k: networks.text_gan_generator(3, 5, IMAGE, 4, 6, **k),
    "discriminator": lambda **k: networks.text_gan_discriminator(IMAGE, 5, 4, 6, **k),
}


@functools.cache
def make(name):
    keras.utils.set_random_seed(0)
    return MAKERS[name]()


def inputs_of(network, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.random((2, *t.shape[1:]), dtype="float32") for t in network.inputs]


def run(network, inputs, **kwargs):
    return ops.convert_to_numpy(network(inputs, **kwargs))


def test_shapes_and_ranges():
    images = run(make("generator"), inputs_of(make("generator")))
    assert images.shape == (2, *IMAGE) and images.min() >= 0 and images.max() <= 1
    assert run(make("discriminator"), inputs_of(make("discriminator"))).shape == (2, 1)


@pytest.mark.parametrize("name", MAKERS)
def test_each_input_changes_the_output(name):
    network = make(name)
    inputs, others = inputs_of(network), inputs_of(network, 1)
    before = run(network, inputs)
    for i in range(2):
        changed = [others[j] if j == i else inputs[j] for j in range(2)]
        assert np.abs(run(network, changed) - before).max() > 1e-7


# The authors' discriminator has a block whose weights change nothing.
@pytest.mark.parametrize("name", [torch_param(name) for name in MAKERS])
def test_every_weight_changes_the_output(name):
    network, rng = MAKERS[name](), np.random.default_rng(2)
    inputs = inputs_of(network)
    for weight in network.trainable_variables:  # from values that tell
        weight.assign(rng.normal(0, 0.3, weight.shape))
    before = run(network, inputs)
    for weight in network.trainable_variables:
        value = ops.convert_to_numpy(weight.value)
        weight.assign(value + 0.1 * rng.normal(size=value.shape))
        assert np.abs(run(network, inputs) - before).max() > 1e-7, weight.path
        weight.assign(value)


@pytest.mark.parametrize("normalization", ["batch", "layer", None])
def test_normalization_is_the_one_asked_for(normalization):
    network = MAKERS["discriminator"](normalization=normalization)
    names = {"batch": "BatchNormalization", "layer": "GroupNormalization"}
    found = {type(x).__name__ for x in network.layers} & set(names.values())
    assert found == ({names[normalization]} if normalization else set())


@pytest.mark.parametrize(
    "function,arguments,name",
    [
        (networks.text_gan_generator, (0, 5, IMAGE), "latent_dim"),
        (networks.text_gan_generator, (3, 0, IMAGE), "embedding_dim"),
        (networks.text_gan_generator, (3, 5, (7, 7, 1)), "image_shape"),
        (networks.text_gan_generator, (3, 5, IMAGE, 4, 0), "text_dim"),
        (networks.text_gan_discriminator, (IMAGE, 5, 0), "filters"),
        (networks.text_gan_discriminator, (IMAGE, 5, 4, 6, "group"), "normalization"),
    ],
)
def test_bad_argument_is_named(function, arguments, name):
    with pytest.raises(ValueError, match=f"`{name}` must .*Received: "):
        function(*arguments)
