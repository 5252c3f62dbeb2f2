"""The loop by hand of StyleGAN2 computes what ours computes."""

import keras
import numpy as np
import pytest
from keras import ops

from benchmarks import architectures, sizes
from keras_genmod.layers import (
    EqualizedConv2D,
    EqualizedDense,
    LearnedConstant,
    ModulatedConv2D,
    NoiseInjection,
)
from keras_genmod.models.adversarial.penalties import zero_centred_penalty
from tests.benchmarks.test_loops_by_hand import (
    IS_JAX,
    IS_TORCH,
    array,
    assert_same,
    assign,
    in_order,
    on_device,
    room,
)

pytestmark = [pytest.mark.every_backend, pytest.mark.slow]
BATCH = 8  # two groups of the discriminator
NUMPY = ops.convert_to_numpy


@pytest.fixture(scope="module")
def model():
    """A model whose biases and strengths of noise are not as they start."""
    keras.utils.clear_session()
    model = architectures.make_model("style_gan2")
    rng = np.random.default_rng(0)
    for weight in model.trainable_weights:
        weight.assign(weight + 0.3 * rng.normal(size=weight.shape))
    return model


def put(one, layer, kernel=None):
    """Puts kernel and bias of a layer, as they are stored, in one by hand."""
    if kernel is None:
        is_modulated = isinstance(layer, ModulatedConv2D)
        kernel = NUMPY(layer.kernel if is_modulated else layer._kernel)
    if IS_TORCH:
        import torch

        kernel = kernel.T if kernel.ndim == 2 else kernel.transpose(3, 2, 0, 1)
        one.weight.data.copy_(torch.tensor(kernel))
        if one.bias is not None:
            one.bias.data.copy_(torch.tensor(NUMPY(layer.bias)).view_as(one.bias))
    else:
        one["w"] = assign(one["w"], kernel)
        if "b" in one:
            one["b"] = assign(one["b"], NUMPY(layer.bias))


def mapping_by_hand(model):
    """Returns the function from latents to styles."""
    rooms = room("style_gan2")
    made = rooms.Mapping() if IS_TORCH else rooms.make_mapping(np.random.default_rng(0))
    layers = in_order(model.mapping, EqualizedDense)
    for one, layer in zip(made.layers if IS_TORCH else made, layers, strict=True):
        put(one, layer)
    return made if IS_TORCH else lambda z: rooms.map_latents(made, z)


def synthesis_by_hand(model):
    """Returns the synthesis, and the fixed noise: on torch, that is in it."""
    rooms, rng = room("style_gan2"), np.random.default_rng(0)
    convolutions = in_order(model.synthesis, ModulatedConv2D)
    styled = [layer for layer in convolutions if layer.demodulate]
    colours = [layer for layer in convolutions if not layer.demodulate]
    noisy = in_order(model.synthesis, NoiseInjection)
    (constant,) = in_order(model.synthesis, LearnedConstant)
    constant = NUMPY(constant.constant)
    noise = [NUMPY(layer.noise) for layer in noisy]
    if IS_TORCH:
        made = rooms.Synthesis()
        made.constant.data.copy_(on_device(constant[None]))
        for one, layer, fixed in zip(made.styled, noisy, noise, strict=True):
            one.strength.data.copy_(layer.strength.value.data)
            one.noise.copy_(on_device(fixed))
        ours = [*(one.convolution for one in made.styled), *made.colours]
    else:
        made = rooms.make_synthesis(rng)
        made["constant"] = assign(made["constant"], constant)
        for one, layer in zip(made["styled"], noisy, strict=True):
            one["strength"] = assign(one["strength"], NUMPY(layer.strength))
        ours = [*made["styled"], *made["colours"]]
    for one, layer in zip(ours, [*styled, *colours], strict=True):
        put(one, layer)
        put(one.style if IS_TORCH else one["style"], layer.style)
    return made, noise


def scorer_by_hand(model):
    """Returns the discriminator."""
    rooms = room("style_gan2")
    convolutions = in_order(model.discriminator, EqualizedConv2D)
    first, *blocks, last = convolutions
    dense, score = in_order(model.discriminator, EqualizedDense)[::-1]
    if dense.name == "score":
        dense, score = score, dense
    kernel = NUMPY(dense._kernel)
    if IS_TORCH:
        made = rooms.Discriminator()
        ours = [
            made.first,
            *(c for b in made.blocks for c in (b.first, b.last, b.skip)),
        ]
        ours += [made.last]
        maps = kernel.reshape(4, 4, -1, kernel.shape[1])
        put(made.dense, dense, maps.transpose(2, 0, 1, 3).reshape(kernel.shape))
        put(made.score, score)
    else:
        made = rooms.make_scorer(np.random.default_rng(0))
        ours = [made["first"], *(c for b in made["blocks"] for c in b), made["last"]]
        put(made["dense"], dense)
        put(made["score"], score)
    for one, layer in zip(ours, [first, *blocks, last], strict=True):
        put(one, layer)
    return made


def images(rng):
    shape = (BATCH, sizes.STYLE_IMAGE, sizes.STYLE_IMAGE, 1)
    return rng.uniform(size=shape).astype("float32")


def test_mapping(model, rng):
    z = rng.normal(size=(BATCH, sizes.STYLE_DIM)).astype("float32")
    assert_same(mapping_by_hand(model)(on_device(z)), model.mapping(z))


def styles_of(model, rng):
    shape = (BATCH, model.num_styles, sizes.STYLE_DIM)
    return rng.normal(size=shape).astype("float32")


def test_synthesis(model, rng):
    styles = styles_of(model, rng)
    by_hand, noise = synthesis_by_hand(model)
    if IS_TORCH:
        found = by_hand(on_device(styles), is_random=False)
    else:
        found = room("style_gan2").synthesize(by_hand, styles, noise)
    assert_same(found, model.synthesis(styles))


def test_path_lengths(model, rng):
    styles = styles_of(model, rng)
    y = rng.normal(size=images(rng).shape).astype("float32")
    by_hand, noise = synthesis_by_hand(model)
    path_lengths = room("style_gan2").path_lengths
    on_styles, on_y = on_device(styles), on_device(y)
    if IS_TORCH:
        found = path_lengths(by_hand, on_styles.requires_grad_(), on_y)
    else:
        found = path_lengths(by_hand, on_styles, noise, on_y)
    expected = model._lengths(ops.convert_to_tensor(styles), ops.convert_to_tensor(y))
    assert_same(found, expected)


def test_discriminator(model, rng):
    x = images(rng)
    by_hand = scorer_by_hand(model)
    if IS_TORCH:
        found = by_hand(on_device(x))
    else:
        found = room("style_gan2").score(by_hand, on_device(x))
    assert_same(found, model.discriminator(x))


@pytest.mark.parametrize("has_penalty", [False, True])
def test_loss_of_discriminator(model, rng, has_penalty):
    x, fake = images(rng), images(rng)
    found = room("style_gan2").scorer_loss(
        scorer_by_hand(model), on_device(x), on_device(fake), has_penalty
    )
    network = model.discriminator
    expected = ops.mean(ops.softplus(-network(x))) + ops.mean(
        ops.softplus(network(fake))
    )
    if has_penalty:
        penalty = zero_centred_penalty(network, ops.convert_to_tensor(x))
        expected += sizes.STYLE_R1_EVERY * sizes.STYLE_R1 / 2 * penalty
    np.testing.assert_allclose(array(found), NUMPY(expected), rtol=1e-4)


def test_styles_are_mixed(model):
    size = 1000
    rooms = room("style_gan2")
    mapping = (
        mapping_by_hand(model)
        if IS_TORCH
        else rooms.make_mapping(np.random.default_rng(0))
    )
    key = ()
    if IS_JAX:
        import jax

        key = (jax.random.key(0),)
    styles, first = (array(x) for x in rooms.mixed_styles(mapping, *key, size))
    of_first = (styles == first[:, None]).all(-1)
    assert of_first[:, 0].all()
    assert (np.diff(of_first.astype(int)) <= 0).all()  # to the second one, once
    share = 1 - of_first.mean(0)
    places = np.arange(model.num_styles) / (model.num_styles - 1)
    np.testing.assert_allclose(share, sizes.STYLE_MIXING * places, atol=0.06)
