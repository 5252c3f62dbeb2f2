"""Loops by hand of progressive GAN and BigGAN compute what ours computes."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from benchmarks import architectures, sizes
from keras_genmod.layers import (
    ConditionalBatchNormalization,
    ProjectionHead,
    SelfAttention2D,
    SpectralNormalization,
)
from keras_genmod.models.adversarial import progressive_gan
from tests.benchmarks.test_loops_by_hand import (
    IS_JAX,
    IS_TORCH,
    array,
    assert_same,
    assign,
    in_order,
    inner,
    kernel_of,
    on_device,
    randomized,
    room,
)

pytestmark = [pytest.mark.every_backend, pytest.mark.slow]


def images(rng):
    shape = (8, sizes.STYLE_IMAGE, sizes.STYLE_IMAGE, 1)
    return rng.uniform(size=shape).astype("float32")


def normal(rng, *shape):
    return rng.normal(size=shape).astype("float32")


def channels_first(tensors, channels):
    """Orders outputs of a dense layer, maps with channels last, as torch has them."""
    for tensor in tensors:
        rows = tensor.data.unflatten(0, (-1, channels))
        tensor.data = rows.swapaxes(0, 1).flatten(0, 1)


# Progressive GAN.


def in_turn(network, *names):
    """Returns layers, of ours or by hand, by the attributes or keys they have."""
    found = []
    for name in names:
        part = network[name] if isinstance(network, dict) else getattr(network, name)
        is_one = isinstance(part, dict) or not hasattr(part, "__len__")
        found += [part] if is_one else part
    return found


def load_equalized(made, network, *names):
    """Puts weights as they are before they are scaled, and returns those by hand."""
    pairs = zip(in_turn(made, *names), in_turn(network, *names), strict=True)
    for one, layer in pairs:
        kernel, bias = map(ops.convert_to_numpy, layer.trainable_variables)
        if IS_TORCH:
            import torch

            kernel = kernel.T if kernel.ndim == 2 else kernel.transpose(3, 2, 0, 1)
            one.weight.data = torch.tensor(kernel).contiguous()
            one.bias.data = torch.tensor(bias)
        else:
            one["w"], one["b"] = assign(one["w"], kernel), assign(one["b"], bias)
    return made


def progressive_by_hand(model):
    """Returns generator and critic of its weights, by hand."""
    made, ours = room("progressive_gan"), (model.generator, model.critic)
    names = (
        ("dense", "convolutions", "to_rgb"),
        (*("from_rgb", "convolutions", "dense", "score"),),
    )
    if not IS_TORCH:
        rng = np.random.default_rng(0)
        p = made.make_generator(rng), made.make_critic(rng)
        return [
            load_equalized(*pair, *n) for *pair, n in zip(p, ours, names, strict=True)
        ]
    generator = load_equalized(made.Generator(), ours[0], *names[0])
    critic = load_equalized(made.Critic(), ours[1], *names[1])
    channels = model.generator.width(0)
    channels_first((generator.dense.weight, generator.dense.bias), channels)
    columns = critic.dense.weight.data.unflatten(1, (-1, channels))
    critic.dense.weight.data = columns.swapaxes(1, 2).flatten(1)
    return generator, critic


def test_progressive_gan(rng, monkeypatch):
    keras.utils.clear_session()
    model = architectures.make_model("progressive_gan")
    for weight in model.trainable_weights:
        if len(weight.shape) == 1:  # kernels are drawn already
            weight.assign(0.3 * normal(rng, *weight.shape))
    x, z = images(rng), normal(rng, 8, sizes.GROWN_LATENTS)
    e = rng.uniform(size=(8, 1, 1, 1)).astype("float32")
    generator, critic = progressive_by_hand(model)
    by_hand, fade = room("progressive_gan"), sizes.GROWN_FADE
    if IS_TORCH:
        fake = generator(on_device(z)).detach()
        real = by_hand.at_level(on_device(x))
        scores = critic(real)
        loss = by_hand.critic_loss(critic, real, fake, on_device(e))
    else:
        fake = by_hand.generate(generator, z, fade)
        real = by_hand.at_level(on_device(x), fade)
        scores = by_hand.score(critic, real, fade)
        loss = by_hand.critic_loss(critic, real, fake, e, fade)
    level = {"level": model.level, "fade": fade}
    assert_same(fake, model.generator(z, **level))
    assert_same(real, model._at_level(ops.convert_to_tensor(x)))
    assert_same(scores, model.critic(ops.convert_to_numpy(array(real)), **level))
    monkeypatch.setattr(progressive_gan, "uniform", lambda *_: ops.convert_to_tensor(e))
    monkeypatch.setattr(
        model.prior, "sample", lambda *_: ops.convert_to_tensor(z), raising=True
    )
    expected, _ = model._critic_loss(ops.convert_to_tensor(x), None, True)
    np.testing.assert_allclose(
        array(loss), ops.convert_to_numpy(expected), rtol=1e-4, atol=1e-4
    )


# BigGAN.


def spectral_layers(network, attention_after):
    """Returns ours in the order that they are used in, without the last ones.

    Args:
        network: Generator or discriminator.
        attention_after: How many convolutions come before the attention.
    """
    norms = iter(in_order(network, ConditionalBatchNormalization))
    (attention,) = in_order(network, SelfAttention2D)
    found = []
    convolutions = in_order(network, SpectralNormalization)
    for i, layer in enumerate(convolutions):
        # The generator's first layer is dense, and has no normalization before.
        is_main = inner(layer).kernel.shape[0] == 3 and i < len(convolutions) - 1
        norm = next(norms, None) if is_main else None
        found += [norm.gain, norm.bias, layer] if norm else [layer]
        if i + 1 == attention_after:
            parts = "query", "key", "value", "projection"
            found += [getattr(attention, name) for name in parts]
    return found


def modules_in_turn(network):
    """Returns torch's modules of spectral norm 1 as they are used."""

    def attention(x):
        return [x.query, x.key, x.value, x.last]

    if hasattr(network, "dense"):
        found = [network.dense]
        for i, block in enumerate(network.blocks):
            first, last = block.norms
            found += [first.gain, first.bias, block.first]
            found += [last.gain, last.bias, block.last, block.skip]
            found += attention(network.attention) if i == 1 else []
        return [*found, network.last]
    found = []
    for part in network.body:
        is_block = hasattr(part, "skip")
        found += [part.first, part.last] if is_block else attention(part)
        found += [part.skip] if is_block and part.skip is not None else []
    return [*found, network.score, network.embedding]


def load_spectral(made, ours):
    """Puts kernels and biases, each in the shape that it has there."""
    for one, layer in zip(made, ours, strict=True):
        kernel, has_bias = kernel_of(layer), inner(layer).use_bias
        if IS_TORCH:
            import torch

            kernel = kernel.T if isinstance(one, torch.nn.Embedding) else kernel
            kernel = torch.tensor(np.ascontiguousarray(kernel))
            one.weight = kernel.view(one.weight.shape)
            if has_bias:
                one.bias.data.copy_(inner(layer).bias.value)
        else:
            one["w"] = assign(one["w"], kernel.reshape(one["w"].shape))
            if has_bias:
                one["b"] = assign(one["b"], ops.convert_to_numpy(inner(layer).bias))


def put(holder, name, value):
    """Puts the array of a parameter of its own."""
    value = ops.convert_to_numpy(value)
    if IS_TORCH:
        import torch

        getattr(holder, name).data.copy_(torch.tensor(value))
    else:
        holder[name] = assign(holder[name], value)


def big_gan_by_hand(model, ours):
    """Returns functions of inputs and labels, of the model's weights, by hand."""
    big_gan, rng = room("big_gan"), np.random.default_rng(0)
    if IS_TORCH:
        made = big_gan.Generator(), big_gan.Discriminator()
        parameters, kernels = made, [modules_in_turn(p) for p in made]
        functions = made
    else:
        made = big_gan.make_generator(rng), big_gan.make_scorer(rng)
        parameters = made if IS_JAX else [p for p, _ in made]
        kernels = [p["layers"] for p in parameters]
        functions = made
    generator, scorer = parameters
    for loaded, own in zip(kernels, ours, strict=True):
        load_spectral(loaded, own)
    (embedding,) = in_order(model.generator, layers.Dense)
    (norm,) = in_order(model.generator, layers.BatchNormalization)
    networks = (model.generator, model.discriminator)
    gates = [in_order(network, SelfAttention2D)[0].gate for network in networks]
    if IS_TORCH:
        dense = generator.dense.parametrizations.weight.original, generator.dense.bias
        channels_first(dense, norm.gamma.shape[0])
        put(generator.embedding, "weight", embedding.kernel)
        put(generator.norm, "weight", norm.gamma)
        put(generator.norm, "bias", norm.beta)
        put(generator.attention, "gate", gates[0])
        put(scorer.body[1], "gate", gates[1])
        return functions
    put(generator, "embedding", embedding.kernel)
    put(generator["norm"], "scale", norm.gamma)
    put(generator["norm"], "shift", norm.beta)
    for p, gate in zip(parameters, gates, strict=True):
        put(p, "gate", gate)
    if not IS_JAX:
        import tensorflow as tf

        return [tf.function(function, autograph=False) for _, function in functions]
    import jax

    functions = jax.jit(big_gan.generate), jax.jit(big_gan.score)
    us = [room("sngan").directions(p["layers"]) for p in parameters]
    return [
        lambda *given, f=f, p=p, u=u: f(p, u, *given)[0]
        for f, p, u in zip(functions, parameters, us, strict=True)
    ]


def test_big_gan(rng):
    keras.utils.clear_session()
    model = architectures.make_model("big_gan")
    networks = [
        randomized(network, rng) for network in (model.generator, model.discriminator)
    ]
    (head,) = in_order(model.discriminator, ProjectionHead)
    of_scorer = [*spectral_layers(networks[1], 3), head.score, head.embedding]
    ours = spectral_layers(networks[0], 7), of_scorer
    for layer in (*ours[0], *ours[1]):  # where power iterations go
        matrix = ops.convert_to_numpy(inner(layer).kernel)
        matrix = matrix.reshape(-1, matrix.shape[-1])
        layer.u.assign(np.linalg.svd(matrix)[2][0])
    labels = rng.integers(sizes.BIG_CLASSES, size=8).astype("int32")
    inputs = normal(rng, 8, sizes.BIG_LATENTS), images(rng)
    one_hot = np.eye(sizes.BIG_CLASSES, dtype="float32")[labels]
    by_hand = big_gan_by_hand(model, ours)
    for network, function, x in zip(networks, by_hand, inputs, strict=True):
        for _ in range(0 if IS_JAX else 100):  # power iterations
            function(on_device(x[:2]), on_device(labels[:2]))
        found = function(on_device(x), on_device(labels))
        assert_same(found, network([x, one_hot], training=True))
