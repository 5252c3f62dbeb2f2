"""Loops by hand of autoencoders with more than one loss compute what ours computes."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from benchmarks import architectures, loops, sizes
from keras_genmod.distributions import normal
from keras_genmod.layers import gaussian_sampling
from tests.benchmarks.test_loops_by_hand import (
    IS_JAX,
    IS_TORCH,
    array,
    assert_same,
    assign,
    convolutions_of,
    in_order,
    load,
    load_modules,
    load_norms,
    on_device,
    randomized,
    room,
)

pytestmark = [pytest.mark.every_backend, pytest.mark.slow]


@pytest.mark.parametrize("name", ["factor_vae", "ladder_vae", "vq_gan"])
def test_as_many_parameters(name):
    keras.utils.clear_session()
    ours = loops.package_loop(architectures, name)
    by_hand = loops.reference_loop(name, eager=True)
    assert by_hand.num_parameters == ours.num_parameters


@pytest.fixture
def no_noise(monkeypatch):
    """Has draws of a normal be its mean: noise is no other framework's."""

    def ours(shape, seed, *more):
        return ops.zeros(shape)

    for module in (gaussian_sampling, normal):
        monkeypatch.setattr(module, "normal", ours)
    if IS_TORCH:
        import torch

        monkeypatch.setattr(torch, "randn_like", torch.zeros_like)
    elif IS_JAX:
        import jax

        monkeypatch.setattr(jax.random, "normal", lambda key, shape: ops.zeros(shape))
    else:
        import tensorflow as tf

        monkeypatch.setattr(tf.random, "normal", tf.zeros)


def assert_same_number(found, expected):
    expected = ops.convert_to_numpy(expected)
    assert np.isfinite(expected)
    np.testing.assert_allclose(array(found), expected, rtol=1e-4)


def test_factor_vae(rng, no_noise):
    keras.utils.clear_session()
    model = architectures.make_model("factor_vae")
    heads = model.mean_head, model.log_var_head
    for part in (model.encoder, *heads, model.decoder, model.discriminator):
        randomized(part, rng)
    x = architectures.make_batch("factor_vae")
    x[len(x) // 2 :] = x[0]  # of equal latents a permutation changes nothing
    encoder, decoder, discriminator = (
        in_order(network, layers.Dense)
        for network in (model.encoder, model.decoder, model.discriminator)
    )
    of_vae = [*encoder, *heads, *decoder]
    factor_vae = room("factor_vae")
    data = on_device(x)
    if IS_TORCH:
        judge = load_modules(factor_vae.make_discriminator(), discriminator)
        z, loss = load_modules(factor_vae.VAE(), of_vae)(data)
        loss = loss + model.gamma.value * judge(z).mean()
        of_judge = factor_vae.discriminator_loss(judge, z)
    else:
        rng = np.random.default_rng(0)
        vae = factor_vae.make_vae(rng)
        load(vae.values(), of_vae)
        judge = load(factor_vae.make_discriminator(rng), discriminator)
        keys = keys_of(2)
        loss, z = factor_vae.vae_loss(vae, judge, data, *keys[:1])
        of_judge = factor_vae.discriminator_loss(judge, z, *keys[1:])
    expected, latents = model._vae_loss(ops.convert_to_tensor(x), None, True)
    assert_same(z, latents)
    assert_same_number(loss, expected)
    expected, _ = model._discriminator_loss(ops.convert_to_tensor(x), latents, True)
    assert_same_number(of_judge, expected)


def keys_of(count):
    """Returns seeds of draws; only on JAX are there any."""
    if not IS_JAX:
        return []
    import jax

    return list(jax.random.split(jax.random.key(0), count))


def test_ladder_vae(rng, no_noise):
    keras.utils.clear_session()
    model = architectures.make_model("ladder_vae")
    (of_x, of_top), (of_p,) = model.evidence_heads, model.prior_heads
    for part in (*model.encoders, *model.decoders, *of_x, *of_top, *of_p):
        for weight in randomized(part, rng).trainable_weights:
            weight.assign(0.2 * weight)  # variances of levels are exponentials
    x = architectures.make_batch("ladder_vae")
    (low, high), (decoder, prior) = (
        [in_order(network, layers.Dense) for network in networks]
        for networks in (model.encoders, model.decoders)
    )
    made = [*low, *of_x, *high, *of_top, *prior, *of_p, *decoder]
    ladder_vae = room("ladder_vae")
    if IS_TORCH:
        loss = load_modules(ladder_vae.LadderVAE(), made)(on_device(x))
    else:
        p = ladder_vae.make_vae(np.random.default_rng(0))
        levels = [p[name] for name in ("of_data", "of_features", "prior")]
        dense = [layer for level in levels for layer in level.values()]
        load([*dense, p["decoder"], p["logits"]], made)
        loss = ladder_vae.loss_of(p, on_device(x), *keys_of(1))
    outputs = model(ops.convert_to_tensor(x), training=True)
    expected = model.compute_loss(ops.convert_to_tensor(x), y_pred=outputs)
    assert_same_number(loss, expected)
    assert float(ops.convert_to_numpy(ops.std(outputs["kl"]))) > 0.01


def test_vq_gan(rng):
    keras.utils.clear_session()
    model = architectures.make_model("vq_gan")
    networks = model.encoder, model.decoder, model.discriminator
    for network in (*networks, model.perceptual.network):
        randomized(network, rng)
    book = rng.normal(size=model.quantizer.codebook.shape).astype("float32")
    model.quantizer.codebook.assign(book)
    x = architectures.make_batch("vq_gan")
    encoder, decoder = (convolutions_of(network) for network in networks[:2])
    first, *rest = decoder[0]
    decoded = [first, *rest[:-1], *decoder[1], rest[-1]]
    of_judge = in_order(model.discriminator, layers.Conv2D)
    norms = in_order(model.discriminator, layers.GroupNormalization)
    seen = [model.perceptual.network.get_layer(name) for name in ("first", "last")]
    make = _in_torch if IS_TORCH else _in_functions
    total, y, factor, loss, moved = make(
        on_device(x), (encoder[0], decoded), book, (of_judge, norms), seen
    )
    data = ops.convert_to_tensor(x)
    expected, images = model._autoencoder_loss(data, None, True)
    assert_same(y, images)
    assert_same_number(factor, model.parts["adaptive_weight"].result())
    assert_same_number(total, expected)
    assert_same_number(loss, model._discriminator_loss(data, images, True)[0])
    assert_same(moved, model.quantizer.codebook)


def _in_torch(x, convolutions, book, of_judge, seen):
    import torch

    vq_gan = room("vq_gan")
    model = load_modules(vq_gan.VQVAE(), [*convolutions[0], *convolutions[1]])
    model.codebook.copy_(torch.tensor(book))
    judge = load_modules(vq_gan.make_judge(), [*of_judge[0], *of_judge[1]])
    features = load_modules(vq_gan.Features(), seen)
    # Where only one zero is to be added, Keras adds it at the end, torch at the start:
    # that is the same of a picture and of kernels upside down.
    for layer in (features.first, features.last):
        layer.weight.data = layer.weight.data.flip(2, 3)
    features.register_forward_pre_hook(lambda _, inputs: inputs[0].flip(2, 3))
    reconstruction, game, cost, y = vq_gan.autoencoder_losses(model, judge, features, x)
    kernel = model.decoder[-1].weight
    factor = vq_gan.adaptive_weight(kernel, reconstruction, game)
    total = reconstruction + cost + sizes.GAME_WEIGHT * factor * game
    loss = vq_gan.judge_loss(judge, x, y.detach())
    return total, y, factor, loss, model.codebook


def _in_functions(x, convolutions, book, of_judge, seen):
    """Returns the same in JAX or TensorFlow."""
    vq_gan, rng = room("vq_gan"), np.random.default_rng(0)
    p, state = vq_gan.make_networks(rng), vq_gan.make_book(rng)
    for name, made in zip(("encoder", "decoder"), convolutions, strict=True):
        load(p[name], made)
    state["codebook"] = assign(state["codebook"], book)
    features = load(vq_gan.make_features(rng), seen)
    made = vq_gan.make_judge(rng)
    variables, judge = (made, made) if IS_JAX else made
    load([variables["first"], *variables["middle"], variables["last"]], of_judge[0])
    load_norms([layer["norm"] for layer in variables["middle"]], of_judge[1])
    if IS_JAX:
        found = vq_gan.autoencoder_loss(p, judge, features, state, x)
        total, (state, y, factor) = found
    else:
        import tensorflow as tf

        with tf.GradientTape(persistent=True) as tape:
            found = vq_gan.autoencoder_losses(p, judge, features, state, x)
        reconstruction, game, cost, y = found
        kernel = p["decoder"][-1]["w"]
        factor = vq_gan.adaptive_weight(kernel, reconstruction, game, tape)
        total = reconstruction + cost + sizes.GAME_WEIGHT * factor * game
    return total, y, factor, vq_gan.judge_loss(judge, x, y), state["codebook"]
