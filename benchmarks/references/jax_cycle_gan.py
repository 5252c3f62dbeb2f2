"""The train step of CycleGAN in plain JAX."""

import jax
import jax.numpy as jnp
from jax import lax

from benchmarks import sizes
from benchmarks.references.jax_parts import (
    Loop,
    adversarial_state,
    conv,
    conv_transpose,
    generator,
    leaky_relu,
    norm,
    normalize,
    update,
    weights,
)


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


def instance(p, x):
    """Normalizes each map of each image."""
    return normalize(p["norm"], x, (1, 2))[0]


def _translate(p, x):
    x = _reflect(2 * x - 1, 3)
    x = jax.nn.relu(instance(p["first"], conv(x, p["first"]["w"])))
    for layer in p["down"]:
        x = jax.nn.relu(instance(layer, conv(x, layer["w"], 2, 1)))
    for first, second in p["blocks"]:
        y = jax.nn.relu(instance(first, conv(_reflect(x, 1), first["w"])))
        x = x + instance(second, conv(_reflect(y, 1), second["w"]))
    for layer in p["up"]:
        x = jax.nn.relu(instance(layer, conv_transpose(x, layer["w"])))
    x = jnp.tanh(conv(_reflect(x, 3), p["last"]["w"]) + p["last"]["b"])
    return 0.5 * x + 0.5


def make_judge(rng, channels=1):
    """Returns the parameters of the PatchGAN of so many channels."""
    f, count = sizes.CYCLE_FILTERS, sizes.CYCLE_LAYERS
    widths = [f * 2**i for i in range(count + 1)]
    return {
        "first": {"w": weights(rng, 4, 4, channels, f), "b": jnp.zeros(f)},
        "middle": [
            {"w": weights(rng, 4, 4, i, o), "norm": norm(o)}
            for i, o in zip(widths, widths[1:], strict=False)
        ],
        "last": {"w": weights(rng, 4, 4, widths[-1], 1), "b": jnp.zeros(1)},
    }


def judge(p, x):
    """Returns its scores."""
    x = leaky_relu(conv(2 * x - 1, p["first"]["w"], 2, 1) + p["first"]["b"])
    for i, layer in enumerate(p["middle"], start=1):
        stride = 2 if i < sizes.CYCLE_LAYERS else 1
        x = leaky_relu(instance(layer, conv(x, layer["w"], stride, 1)))
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
        loss = 2 * fooled(judge(judges["a"], fake_a))
        loss = loss + 2 * fooled(judge(judges["b"], fake_b))
        cycle = distance(_translate(to_a, fake_b), a)
        cycle = cycle + distance(_translate(to_b, fake_a), b)
        same = distance(_translate(to_a, a), a) + distance(_translate(to_b, b), b)
        weight = sizes.CYCLE_WEIGHT
        loss = loss + weight * cycle + sizes.IDENTITY_WEIGHT * weight * same
        return loss, {"a": fake_a, "b": fake_b}

    def judge_loss(p, real, fake):
        return fooled(judge(p, real)) + 0.5 * jnp.mean(jnp.square(judge(p, fake)))

    def step(state, batch):
        key, *draws = jax.random.split(state["key"], 3)
        params, real = state["params"], dict(zip("ab", batch, strict=True))
        (total, fakes), gradients = jax.value_and_grad(generator_loss, has_aux=True)(
            params["g"], params, *batch
        )
        fakes = lax.stop_gradient(fakes)
        state = update(state, "g", gradients)
        pools = {}
        for side, draw in zip("ab", draws, strict=True):
            pools[side], fake = _exchange(state["pools"][side], fakes[side], draw)
            loss, gradients = jax.value_and_grad(judge_loss)(
                params[side], real[side], fake
            )
            state = update(state, side, gradients)
            total = total + loss
        return {**state, "pools": pools, "key": key}, total

    rng, side = generator(), sizes.CYCLE_IMAGE
    params = {
        "g": (_make_translator(rng), _make_translator(rng)),
        "a": make_judge(rng),
        "b": make_judge(rng),
    }
    pools = {
        name: (jnp.zeros((sizes.POOL, side, side, 1)), jnp.zeros((), "int32"))
        for name in "ab"
    }
    return Loop(step, adversarial_state(params, pools=pools))


LOOPS = {"cycle_gan": _cycle_gan}
