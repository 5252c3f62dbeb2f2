"""The train step of progressive GAN in plain JAX, at the last level."""

import math

import jax
import jax.numpy as jnp
from jax import lax

from benchmarks import sizes
from benchmarks.references.jax_parts import (
    Loop,
    adversarial_state,
    conv,
    generator,
    leaky_relu,
    update,
)
from benchmarks.references.jax_sngan import doubled, halved

_LEVELS = int(math.log2(sizes.STYLE_IMAGE)) - 1  # from 4 pixels a side on
_WIDTHS = [
    min(sizes.GROWN_BASE // 2 ** (i + 1), sizes.GROWN_FILTERS) for i in range(_LEVELS)
]
_LAST = min(sizes.GROWN_BASE, sizes.GROWN_FILTERS)
_DRIFT = 1e-3  # weight of the scores squared
_GAIN = math.sqrt(2)


def _layer(rng, *shape):
    w = jnp.asarray(rng.normal(size=shape).astype("float32"))
    return {"w": w, "b": jnp.zeros(shape[-1])}


def make_generator(rng):
    """Returns the parameters of the generator, in the order of its layers."""
    first = _WIDTHS[0]
    convolutions = [_layer(rng, 3, 3, first, first)]
    for before, now in zip(_WIDTHS, _WIDTHS[1:], strict=False):
        convolutions += [_layer(rng, 3, 3, i, now) for i in (before, now)]
    return {
        "dense": _layer(rng, sizes.GROWN_LATENTS, 16 * first),
        "convolutions": convolutions,
        "to_rgb": [_layer(rng, 1, 1, w, 1) for w in _WIDTHS],
    }


def make_critic(rng):
    """Returns the parameters of the critic, in the order of its layers."""
    first = _WIDTHS[0]
    convolutions = [_layer(rng, 3, 3, first + 1, first)]
    for after, now in zip(_WIDTHS, _WIDTHS[1:], strict=False):
        convolutions += [_layer(rng, 3, 3, now, o) for o in (now, after)]
    return {
        "from_rgb": [_layer(rng, 1, 1, 1, w) for w in _WIDTHS],
        "convolutions": convolutions,
        "dense": _layer(rng, 16 * first, _LAST),
        "score": _layer(rng, _LAST, 1),
    }


def _apply(p, x, gain=_GAIN):
    w = p["w"] * (gain / math.sqrt(math.prod(p["w"].shape[:-1])))
    return (x @ w if w.ndim == 2 else conv(x, w, padding="SAME")) + p["b"]


def _unit(x):
    return x * lax.rsqrt(jnp.mean(x * x, -1, keepdims=True) + 1e-8)


def _mixed(share, x, y):
    return y + share * (x - y)


def generate(p, z, fade):
    """Returns images of latents, about [-1, 1]."""

    def convolved(x, i):
        return _unit(leaky_relu(_apply(p["convolutions"][i], x)))

    x = _apply(p["dense"], _unit(z), _GAIN / 4).reshape(-1, 4, 4, _WIDTHS[0])
    x = convolved(_unit(leaky_relu(x)), 0)
    for i in range(1, _LEVELS):
        before = x
        x = convolved(convolved(doubled(x), 2 * i - 1), 2 * i)
    coarse = doubled(_apply(p["to_rgb"][-2], before, 1.0))
    return _mixed(fade, _apply(p["to_rgb"][-1], x, 1.0), coarse)


def score(p, x, fade):
    """Returns scores of images."""

    def convolved(x, i):
        return leaky_relu(_apply(p["convolutions"][i], x))

    h = leaky_relu(_apply(p["from_rgb"][-1], x))
    for i in range(_LEVELS - 1, 0, -1):
        h = halved(convolved(convolved(h, 2 * i - 1), 2 * i))
        if i == _LEVELS - 1:
            coarse = leaky_relu(_apply(p["from_rgb"][-2], halved(x)))
            h = _mixed(fade, h, coarse)
    h = convolved(_with_deviation(h), 0)
    h = leaky_relu(_apply(p["dense"], h.reshape(h.shape[0], -1)))
    return _apply(p["score"], h, 1.0)


def _with_deviation(x):
    """Appends a map of how much a group of images varies."""
    n, height, width, channels = x.shape
    group = sizes.STYLE_GROUP
    y = x.reshape(group, n // group, height, width, channels)
    deviation = jnp.sqrt(y.var(0) + 1e-8).mean((1, 2, 3))
    maps = jnp.tile(deviation, group)[:, None, None, None]
    return jnp.concatenate([x, jnp.broadcast_to(maps, (n, height, width, 1))], -1)


def at_level(x, fade):
    """Returns images in [-1, 1], less sharp while the level fades in."""
    x = 2 * x - 1
    return _mixed(fade, x, doubled(halved(x)))


def critic_loss(p, real, fake, e, fade):
    """Returns the Wasserstein loss with penalty and drift; e mixes the images."""
    of_real = score(p, real, fade)
    loss = score(p, fake, fade).mean() - of_real.mean()
    gradient = jax.grad(lambda x: score(p, x, fade).sum())(_mixed(e, real, fake))
    length = jnp.sqrt(jnp.sum(jnp.square(gradient), axis=(1, 2, 3)) + 1e-12)
    loss = loss + sizes.PENALTY * jnp.mean(jnp.square(length - 1))
    return loss + _DRIFT * jnp.mean(jnp.square(of_real))


def _progressive_gan():
    def generator_loss(p, critic, z, fade):
        return -score(critic, generate(p, z, fade), fade).mean()

    def step(state, x):
        key, *draws = jax.random.split(state["key"], 4)
        params, fade, n = state["params"], state["fade"], x.shape[0]
        z, again = (
            jax.random.normal(draw, (n, sizes.GROWN_LATENTS)) for draw in draws[:2]
        )
        e = jax.random.uniform(draws[2], (n, 1, 1, 1))
        fake = generate(params["g"], z, fade)
        loss_d, gradients = jax.value_and_grad(critic_loss)(
            params["d"], at_level(x, fade), fake, e, fade
        )
        state = update(state, "d", gradients)
        loss_g, gradients = jax.value_and_grad(generator_loss)(
            params["g"], state["params"]["d"], again, fade
        )
        return {**update(state, "g", gradients), "key": key}, loss_d + loss_g

    rng = generator()
    params = {"g": make_generator(rng), "d": make_critic(rng)}
    fade = jnp.asarray(sizes.GROWN_FADE)
    return Loop(step, adversarial_state(params, fade=fade))


LOOPS = {"progressive_gan": _progressive_gan}
