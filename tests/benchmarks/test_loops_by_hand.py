"""Loops by hand, which steps are timed beside, compute what ours computes."""

import importlib
import itertools
import re

import keras
import numpy as np
import pytest
from keras import layers, ops

from benchmarks import architectures, loops, sizes
from keras_genmod.layers import SpectralNormalization

pytestmark = [pytest.mark.every_backend, pytest.mark.slow]
IS_TORCH, IS_JAX = loops.BACKEND == "torch", loops.BACKEND == "jax"
NORMS = layers.BatchNormalization, layers.GroupNormalization


def room(name):
    return importlib.import_module(f"benchmarks.references.{loops.BACKEND}_{name}")


def in_order(network, *kinds):
    """Returns the layers of these kinds, as they were made."""

    def number(layer):
        found = re.search(r"_(\d+)$", layer.name)
        return int(found[1]) if found else 0

    found = [layer for layer in network.layers if isinstance(layer, kinds)]
    return sorted(found, key=number)


def randomized(network, rng):
    for weight in network.trainable_weights:
        noise = 0.3 * rng.normal(size=weight.shape)
        weight.assign(noise + ("gamma" in weight.name))
    return network


def inner(layer):
    return layer.layer if isinstance(layer, SpectralNormalization) else layer


def array(x):
    """Returns a tensor of the framework as NumPy, images with channels last."""
    if IS_TORCH:
        x = x.detach()
        x = x.permute(0, 2, 3, 1) if x.ndim == 4 else x
    return np.asarray(x)


def kernel_of(layer):
    """Returns a kernel as the loop by hand has it."""
    layer = inner(layer)
    kernel = ops.convert_to_numpy(layer.kernel)
    if IS_TORCH:
        return kernel.T if kernel.ndim == 2 else kernel.transpose(3, 2, 0, 1)
    if IS_JAX and isinstance(layer, layers.Conv2DTranspose):
        return kernel[::-1, ::-1].swapaxes(2, 3)
    return kernel


def assign(old, new):
    """Returns what stands in the place of a parameter: the same, or the array."""
    if hasattr(old, "assign"):
        old.assign(new)
        return old
    return new


def load(p, made_layers):
    """Puts kernels and biases in dicts of `w` and `b`."""
    for one, layer in zip(p, made_layers, strict=True):
        one["w"] = assign(one["w"], kernel_of(layer))
        if "b" in one:
            one["b"] = assign(one["b"], ops.convert_to_numpy(inner(layer).bias))
    return p


def load_norms(p, made_layers):
    for one, layer in zip(p, made_layers, strict=True):
        one["scale"] = assign(one["scale"], ops.convert_to_numpy(layer.gamma))
        one["shift"] = assign(one["shift"], ops.convert_to_numpy(layer.beta))


def load_modules(module, made_layers):
    """Puts weights of layers in torch's modules of the same order."""
    import torch
    from torch import nn

    kinds = nn.Conv2d, nn.ConvTranspose2d, nn.Linear, nn.BatchNorm2d, nn.InstanceNorm2d
    modules = [m for m in module.modules() if isinstance(m, kinds)]
    is_norm = [isinstance(m, kinds[3:]) for m in modules]
    norms = itertools.compress(modules, is_norm)
    others = itertools.compress(modules, np.logical_not(is_norm))
    made_norms = [layer for layer in made_layers if isinstance(layer, NORMS)]
    made_others = [layer for layer in made_layers if not isinstance(layer, NORMS)]
    with torch.no_grad():
        for one, layer in zip(norms, made_norms, strict=True):
            one.weight.copy_(layer.gamma.value)
            one.bias.copy_(layer.beta.value)
        for one, layer in zip(others, made_others, strict=True):
            kernel = torch.tensor(kernel_of(layer))
            if isinstance(layer, SpectralNormalization):
                one.weight = kernel  # goes to the parameter under the normalization
            else:
                one.weight.copy_(kernel)
            if one.bias is not None:
                one.bias.copy_(inner(layer).bias.value)
    return module


def on_device(x):
    if IS_TORCH:
        import torch

        x = torch.tensor(x)
        return x.permute(0, 3, 1, 2) if x.ndim == 4 else x
    return ops.convert_to_tensor(x)


def assert_same(found, expected):
    expected = ops.convert_to_numpy(expected)
    assert expected.std() > 0.01
    scale = np.abs(expected).max()
    np.testing.assert_allclose(array(found), expected, rtol=1e-3, atol=1e-3 * scale)


def convolutions_of(network):
    """Returns the plain convolutions and the transposed ones."""
    return in_order(network, layers.Conv2D), in_order(network, layers.Conv2DTranspose)


def test_pix2pix(rng):
    keras.utils.clear_session()
    model = architectures.make_model("pix2pix")
    translator, judge = (
        randomized(network, rng) for network in (model.generator, model.discriminator)
    )
    for layer in translator.layers:
        if type(layer).__name__ == "PersistentDropout":
            layer.rate = 0.0  # its masks are no other framework's
    shape = (2, sizes.PAIR_IMAGE, sizes.PAIR_IMAGE, 1)
    a, b = (rng.uniform(size=shape).astype("float32") for _ in range(2))
    pair = np.concatenate([a, b], -1)
    down, up = convolutions_of(translator)
    norms = in_order(translator, layers.GroupNormalization)
    of_judge = in_order(judge, layers.Conv2D)
    judge_norms = in_order(judge, layers.GroupNormalization)
    pix2pix = room("pix2pix")
    if IS_TORCH:
        by_hand = load_modules(pix2pix.Translator(), [*down, *up, *norms]).eval()
        found = by_hand(on_device(a))
        made = load_modules(pix2pix.make_judge(2), [*of_judge, *judge_norms])
        scores = made(on_device(pair))
    else:
        rng = np.random.default_rng(0)
        p = pix2pix.make_translator(rng)
        p["kernels"] = [
            assign(old, kernel_of(layer))
            for old, layer in zip(p["kernels"], [*down, *up], strict=True)
        ]
        p["bias"] = assign(p["bias"], ops.convert_to_numpy(up[-1].bias))
        load_norms(p["norms"], norms)
        found = pix2pix.translate(p, on_device(a))
        made = pix2pix.make_judge(rng, 2)
        p, score = (made, lambda x: pix2pix.judge(made, x)) if IS_JAX else made
        load([p["first"], *p["middle"], p["last"]], of_judge)
        load_norms([layer["norm"] for layer in p["middle"]], judge_norms)
        scores = score(on_device(pair))
    assert_same(found, translator(a))
    assert_same(scores, judge(pair))


def test_sngan(rng):
    keras.utils.clear_session()
    model = architectures.make_model("sngan")
    generator, scorer = (
        randomized(network, rng) for network in (model.generator, model.discriminator)
    )
    z = rng.normal(size=(4, sizes.SNGAN_LATENTS)).astype("float32")
    x = rng.uniform(size=(4, *model.data_shape)).astype("float32")
    (dense,) = in_order(generator, layers.Dense)
    convolutions = in_order(generator, layers.Conv2D)
    norms = in_order(generator, layers.BatchNormalization)
    spectral = in_order(scorer, SpectralNormalization)
    for layer in spectral:  # where power iterations go
        matrix = ops.convert_to_numpy(inner(layer).kernel)
        matrix = matrix.reshape(-1, matrix.shape[-1])
        layer.u.assign(np.linalg.svd(matrix)[2][0])
    sngan = room("sngan")
    if IS_TORCH:
        by_hand = load_modules(sngan.Generator(), [dense, *convolutions, *norms])
        side = sizes.SNGAN_START
        rows = by_hand.dense.weight.data.view(side * side, sizes.SNGAN_FILTERS, -1)
        by_hand.dense.weight.data = rows.swapaxes(0, 1).flatten(0, 1)
        rows = by_hand.dense.bias.data.view(side * side, sizes.SNGAN_FILTERS)
        by_hand.dense.bias.data = rows.T.flatten()
        found = by_hand(on_device(z))
        scores = load_modules(sngan.Discriminator(), spectral)
        for _ in range(100):  # power iterations
            scores(on_device(x))
        scores = scores(on_device(x))
    else:
        rng = np.random.default_rng(0)
        made = sngan.make_generator(rng)
        p = made if IS_JAX else made[0]
        load([p["dense"], *p["convolutions"]], [dense, *convolutions])
        load_norms(p["norms"], norms)
        found = sngan.generate(p, z)[0] if IS_JAX else made[1](z)
        made = sngan.make_scorer(rng)
        p = load(made if IS_JAX else made[0], spectral)
        if IS_JAX:
            scores, _ = sngan.score(p, sngan.directions(p), x)
        else:
            for _ in range(100):
                made[1](x)
            scores = made[1](x)
    assert_same(found, generator(z, training=True))
    assert_same(scores, scorer(x))


def test_vq_vae(rng):
    num_steps = 3
    keras.utils.clear_session()
    model = architectures.make_model("vq_vae")
    randomized(model.encoder, rng), randomized(model.decoder, rng)
    # Near the features, so that codes are many and none is nearly the second.
    book = rng.normal(size=model.quantizer.codebook.shape).astype("float32")
    model.quantizer.codebook.assign(book)
    x = architectures.make_batch("vq_vae")
    encoder, decoder = (
        convolutions_of(network) for network in (model.encoder, model.decoder)
    )
    first, *rest = decoder[0]
    decoded = [first, *rest[:-1], *decoder[1], rest[-1]]
    vq_vae = room("vq_vae")
    if IS_TORCH:
        import torch

        by_hand = load_modules(vq_vae.VQVAE(), [*encoder[0], *decoded])
        by_hand.codebook.copy_(torch.tensor(book))
        losses = [by_hand(on_device(x)) for _ in range(num_steps)]
        moved = by_hand.codebook
    else:
        rng = np.random.default_rng(0)
        p, state = vq_vae.make_networks(rng), vq_vae.make_book(rng)
        load(p["encoder"], encoder[0])
        load(p["decoder"], decoded)
        state["codebook"] = assign(state["codebook"], book)
        losses = []
        for _ in range(num_steps):
            found = vq_vae.loss_of(p, state, x)
            loss, state = found if IS_JAX else (found, state)
            losses.append(loss)
        moved = state["codebook"]
    expected = []
    for _ in range(num_steps):
        outputs = model(ops.convert_to_tensor(x), training=True)
        loss = model.compute_loss(ops.convert_to_tensor(x), y_pred=outputs)
        expected.append(float(ops.convert_to_numpy(loss)))
    losses = [float(array(loss)) for loss in losses]
    np.testing.assert_allclose(losses, expected, rtol=1e-4)
    assert np.ptp(expected) > 1.0  # the codebook has moved
    assert_same(moved, model.quantizer.codebook)
