"""Train steps in plain JAX: GAN, Wasserstein GANs, CycleGAN.

Networks return `(output, moments)`; the moments of batch normalization move the
averages that a trained generator would use.
"""

import functools

import jax
import jax.numpy as jnp
from jax import lax

from benchmarks import sizes
from benchmarks.references.jax_parts import (
    Loop,
    adam,
    adam_state,
    conv,
    conv_transpose,
    generator,
    leaky_relu,
    norm,
    normalize,
    weights,
)

_BATCH_AXES, _LAYER_AXES, _INSTANCE_AXES = (0, 1, 2), (1, 2, 3), (1, 2)
_SIDE = sizes.IMAGE // 4


def _make_generator(rng):
    f = sizes.GAN_FILTERS
    return {
        "dense": weights(rng, sizes.GAN_LATENTS, _SIDE * _SIDE * 2 * f),
        "norm_1": norm(2 * f),
        "conv_1": weights(rng, 4, 4, 2 * f, f),
        "norm_2": norm(f),
        "conv_2": weights(rng, 4, 4, f, 1),
        "bias": jnp.zeros(1),
    }


def _generate(p, z):
    x = (z @ p["dense"]).reshape(-1, _SIDE, _SIDE, 2 * sizes.GAN_FILTERS)
    x, moments_1 = normalize(p["norm_1"], x, _BATCH_AXES)
    x = conv_transpose(jax.nn.relu(x), p["conv_1"])
    x, moments_2 = normalize(p["norm_2"], x, _BATCH_AXES)
    x = jnp.tanh(conv_transpose(jax.nn.relu(x), p["conv_2"]) + p["bias"])
    return 0.5 * x + 0.5, (moments_1, moments_2)


def _make_scorer(rng, normalization):
    f = sizes.GAN_FILTERS
    params = {
        "conv_1": weights(rng, 4, 4, 1, f),
        "bias_1": jnp.zeros(f),
        "conv_2": weights(rng, 4, 4, f, 2 * f),
        "conv_3": weights(rng, _SIDE, _SIDE, 2 * f, 1),
        "bias_3": jnp.zeros(1),
    }
    if normalization:
        return {**params, "norm_2": norm(2 * f)}
    return {**params, "bias_2": jnp.zeros(2 * f)}


def _score(p, x, axes=None):
    x = leaky_relu(conv(2 * x - 1, p["conv_1"], 2, 1) + p["bias_1"])
    x = conv(x, p["conv_2"], 2, 1)
    moments = None
    if axes is None:
        x = x + p["bias_2"]
    else:
        x, moments = normalize(p["norm_2"], x, axes)
    return conv(leaky_relu(x), p["conv_3"]) + p["bias_3"], moments


def _moved(averages, moments):
    return jax.tree.map(lambda a, m: 0.9 * a + 0.1 * m, averages, moments)


def _averages(*channels):
    return tuple((jnp.zeros(c), jnp.ones(c)) for c in channels)


def _state(params, **more):
    slots = {name: adam_state(p) for name, p in params.items()}
    return {"params": params, "adam": slots, "key": jax.random.key(0), **more}


def _update(state, name, gradients):
    """Returns the state after Adam has moved the network of this name."""
    params, slots = adam(
        state["params"][name], gradients, state["adam"][name], sizes.ADAM_ADVERSARIAL
    )
    return {
        **state,
        "params": {**state["params"], name: params},
        "adam": {**state["adam"], name: slots},
    }


def _latents(key, size):
    return jax.random.normal(key, (size, sizes.GAN_LATENTS))


def _gan():
    def scorer_loss(p, x, fake):
        real_logits, first = _score(p, x, _BATCH_AXES)
        fake_logits, second = _score(p, fake, _BATCH_AXES)
        loss = jax.nn.softplus(-real_logits).mean() + jax.nn.softplus(fake_logits).mean()
        return loss, (first, second)

    def generator_loss(p, scorer, z):
        fake, moments = _generate(p, z)
        logits, of_scorer = _score(scorer, fake, _BATCH_AXES)
        return jax.nn.softplus(-logits).mean(), (moments, of_scorer)

    def step(state, x):
        key, first, second = jax.random.split(state["key"], 3)
        fake, moments = _generate(state["params"]["g"], _latents(first, x.shape[0]))
        of_g = _moved(state["of_g"], moments)
        (loss_d, (real, false)), gradients = jax.value_and_grad(
            scorer_loss, has_aux=True
        )(state["params"]["d"], x, fake)
        of_d = _moved(_moved(state["of_d"], real), false)
        state = _update(state, "d", gradients)
        (loss_g, (moments, of_scorer)), gradients = jax.value_and_grad(
            generator_loss, has_aux=True
        )(state["params"]["g"], state["params"]["d"], _latents(second, x.shape[0]))
        state = _update(state, "g", gradients)
        state["of_g"], state["of_d"] = _moved(of_g, moments), _moved(of_d, of_scorer)
        return {**state, "key": key}, loss_d + loss_g

    rng, f = generator(), sizes.GAN_FILTERS
    params = {"g": _make_generator(rng), "d": _make_scorer(rng, True)}
    averages = {"of_g": _averages(2 * f, f), "of_d": _averages(2 * f)[0]}
    return Loop(step, _state(params, **averages))


def _wasserstein(has_penalty):
    axes = _LAYER_AXES if has_penalty else None

    def scores(p, x):
        return _score(p, x, axes)[0]

    def critic_loss(p, x, fake, key):
        loss = scores(p, fake).mean() - scores(p, x).mean()
        if not has_penalty:
            return loss
        e = jax.random.uniform(key, (x.shape[0], 1, 1, 1))
        mixed = e * x + (1 - e) * fake
        gradient = jax.grad(lambda x: scores(p, x).sum())(mixed)
        length = jnp.sqrt(jnp.sum(jnp.square(gradient), axis=(1, 2, 3)) + 1e-12)
        return loss + sizes.PENALTY * jnp.mean(jnp.square(length - 1))

    def generator_loss(p, critic, z):
        fake, moments = _generate(p, z)
        return -scores(critic, fake).mean(), moments

    def step(state, x):
        total, of_g = 0.0, state["of_g"]
        for i in range(sizes.CRITIC_STEPS):
            key, first, second = jax.random.split(state["key"], 3)
            part = x[i :: sizes.CRITIC_STEPS]
            z = _latents(first, part.shape[0])
            fake, moments = _generate(state["params"]["g"], z)
            of_g = _moved(of_g, moments)
            loss, gradients = jax.value_and_grad(critic_loss)(
                state["params"]["d"], part, fake, second
            )
            state = {**_update(state, "d", gradients), "key": key}
            if not has_penalty:
                state["params"]["d"] = jax.tree.map(
                    lambda p: jnp.clip(p, -sizes.CLIP, sizes.CLIP), state["params"]["d"]
                )
            total = total + loss / sizes.CRITIC_STEPS
        key, first = jax.random.split(state["key"])
        (loss, moments), gradients = jax.value_and_grad(generator_loss, has_aux=True)(
            state["params"]["g"], state["params"]["d"], _latents(first, x.shape[0])
        )
        state = _update(state, "g", gradients)
        return {**state, "of_g": _moved(of_g, moments), "key": key}, total + loss

    rng, f = generator(), sizes.GAN_FILTERS
    params = {"g": _make_generator(rng), "d": _make_scorer(rng, has_penalty)}
    return Loop(step, _state(params, of_g=_averages(2 * f, f)))


# CycleGAN.


def _make_translator(rng):
    f, down = sizes.CYCLE_FILTERS, sizes.CYCLE_DOWN
    widths = [f * 2**i for i in range(down + 1)]

    def layer(size, inputs, outputs):
        return {"w": weights(rng, size, size, inputs, outputs), "norm": norm(outputs)}

    wide, pairs = widths[-1], list(zip(widths, widths[1:], strict=False))
    return {
        "first": layer(7, 1, f),
        "down": [layer(3, i, o) for i, o in pairs],
        "blocks": [
            (layer(3, wide, wide), layer(3, wide, wide))
            for _ in range(sizes.CYCLE_BLOCKS)
        ],
        "up": [layer(3, o, i) for i, o in reversed(pairs)],
        "last": {"w": weights(rng, 7, 7, f, 1), "b": jnp.zeros(1)},
    }


def _reflect(x, size):
    return jnp.pad(x, ((0, 0), (size, size), (size, size), (0, 0)), mode="reflect")


def _instance(p, x):
    return normalize(p["norm"], x, _INSTANCE_AXES)[0]


def _translate(p, x):
    x = _reflect(2 * x - 1, 3)
    x = jax.nn.relu(_instance(p["first"], conv(x, p["first"]["w"])))
    for layer in p["down"]:
        x = jax.nn.relu(_instance(layer, conv(x, layer["w"], 2, 1)))
    for first, second in p["blocks"]:
        y = jax.nn.relu(_instance(first, conv(_reflect(x, 1), first["w"])))
        x = x + _instance(second, conv(_reflect(y, 1), second["w"]))
    for layer in p["up"]:
        x = jax.nn.relu(_instance(layer, conv_transpose(x, layer["w"])))
    x = jnp.tanh(conv(_reflect(x, 3), p["last"]["w"]) + p["last"]["b"])
    return 0.5 * x + 0.5


def _make_judge(rng):
    f, count = sizes.CYCLE_FILTERS, sizes.CYCLE_LAYERS
    widths = [f * 2**i for i in range(count + 1)]
    return {
        "first": {"w": weights(rng, 4, 4, 1, f), "b": jnp.zeros(f)},
        "middle": [
            {"w": weights(rng, 4, 4, i, o), "norm": norm(o)}
            for i, o in zip(widths, widths[1:], strict=False)
        ],
        "last": {"w": weights(rng, 4, 4, widths[-1], 1), "b": jnp.zeros(1)},
    }


def _judge(p, x):
    x = leaky_relu(conv(2 * x - 1, p["first"]["w"], 2, 1) + p["first"]["b"])
    for i, layer in enumerate(p["middle"], start=1):
        stride = 2 if i < sizes.CYCLE_LAYERS else 1
        x = leaky_relu(_instance(layer, conv(x, layer["w"], stride, 1)))
    return conv(x, p["last"]["w"], 1, 1) + p["last"]["b"]


def _exchange(pool, images, key):
    """Puts images in the pool; returns it and as many images, some of them old."""
    first, second = jax.random.split(key)
    stored, count = pool
    arrival = count + jnp.arange(images.shape[0])
    fills = arrival < sizes.POOL
    old = jax.random.permutation(first, sizes.POOL)[: images.shape[0]]
    swaps = ~fills & jax.random.bernoulli(second, 0.5, arrival.shape)
    returned = jnp.where(swaps[:, None, None, None], stored[old], images)
    place = jnp.where(fills, arrival, jnp.where(swaps, old, sizes.POOL))
    stored = stored.at[place].set(images, mode="drop")
    return (stored, jnp.minimum(count + images.shape[0], sizes.POOL)), returned


def _cycle_gan():
    def fooled(scores):
        return 0.5 * jnp.mean(jnp.square(scores - 1))

    def distance(x, y):
        return jnp.mean(jnp.abs(x - y))

    def generator_loss(p, judges, a, b):
        to_b, to_a = p
        fake_a, fake_b = _translate(to_a, b), _translate(to_b, a)
        loss = 2 * fooled(_judge(judges["a"], fake_a))
        loss = loss + 2 * fooled(_judge(judges["b"], fake_b))
        cycle = distance(_translate(to_a, fake_b), a)
        cycle = cycle + distance(_translate(to_b, fake_a), b)
        same = distance(_translate(to_a, a), a) + distance(_translate(to_b, b), b)
        weight = sizes.CYCLE_WEIGHT
        loss = loss + weight * cycle + sizes.IDENTITY_WEIGHT * weight * same
        return loss, {"a": fake_a, "b": fake_b}

    def judge_loss(p, real, fake):
        return fooled(_judge(p, real)) + 0.5 * jnp.mean(jnp.square(_judge(p, fake)))

    def step(state, batch):
        key, *draws = jax.random.split(state["key"], 3)
        params, real = state["params"], dict(zip("ab", batch, strict=True))
        (total, fakes), gradients = jax.value_and_grad(generator_loss, has_aux=True)(
            params["g"], params, *batch
        )
        fakes = lax.stop_gradient(fakes)
        state = _update(state, "g", gradients)
        pools = {}
        for side, draw in zip("ab", draws, strict=True):
            pools[side], fake = _exchange(state["pools"][side], fakes[side], draw)
            loss, gradients = jax.value_and_grad(judge_loss)(
                params[side], real[side], fake
            )
            state = _update(state, side, gradients)
            total = total + loss
        return {**state, "pools": pools, "key": key}, total

    rng, side = generator(), sizes.CYCLE_IMAGE
    params = {
        "g": (_make_translator(rng), _make_translator(rng)),
        "a": _make_judge(rng),
        "b": _make_judge(rng),
    }
    pools = {
        name: (jnp.zeros((sizes.POOL, side, side, 1)), jnp.zeros((), "int32"))
        for name in "ab"
    }
    return Loop(step, _state(params, pools=pools))


LOOPS = {
    "gan": _gan,
    "wgan": functools.partial(_wasserstein, has_penalty=False),
    "wgan_gp": functools.partial(_wasserstein, has_penalty=True),
    "cycle_gan": _cycle_gan,
}
