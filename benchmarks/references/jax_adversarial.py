"""Train steps in plain JAX: GAN and Wasserstein GANs.

Networks return `(output, moments)`; the moments of batch normalization move the
averages that a trained generator would use.
"""

import functools

import jax
import jax.numpy as jnp

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

_BATCH_AXES, _LAYER_AXES = (0, 1, 2), (1, 2, 3)
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


def moved(averages, moments):
    """Returns averages of batch normalization after a batch."""
    return jax.tree.map(lambda a, m: 0.9 * a + 0.1 * m, averages, moments)


def averages(*channels):
    """Returns the first averages, `(mean, variance)` for each number of channels."""
    return tuple((jnp.zeros(c), jnp.ones(c)) for c in channels)


def _latents(key, size):
    return jax.random.normal(key, (size, sizes.GAN_LATENTS))


def _gan():
    def scorer_loss(p, x, fake):
        real_logits, first = _score(p, x, _BATCH_AXES)
        fake_logits, second = _score(p, fake, _BATCH_AXES)
        loss = (
            jax.nn.softplus(-real_logits).mean() + jax.nn.softplus(fake_logits).mean()
        )
        return loss, (first, second)

    def generator_loss(p, scorer, z):
        fake, moments = _generate(p, z)
        logits, of_scorer = _score(scorer, fake, _BATCH_AXES)
        return jax.nn.softplus(-logits).mean(), (moments, of_scorer)

    def step(state, x):
        key, first, second = jax.random.split(state["key"], 3)
        fake, moments = _generate(state["params"]["g"], _latents(first, x.shape[0]))
        of_g = moved(state["of_g"], moments)
        (loss_d, (real, false)), gradients = jax.value_and_grad(
            scorer_loss, has_aux=True
        )(state["params"]["d"], x, fake)
        of_d = moved(moved(state["of_d"], real), false)
        state = update(state, "d", gradients)
        (loss_g, (moments, of_scorer)), gradients = jax.value_and_grad(
            generator_loss, has_aux=True
        )(state["params"]["g"], state["params"]["d"], _latents(second, x.shape[0]))
        state = update(state, "g", gradients)
        state["of_g"], state["of_d"] = moved(of_g, moments), moved(of_d, of_scorer)
        return {**state, "key": key}, loss_d + loss_g

    rng, f = generator(), sizes.GAN_FILTERS
    params = {"g": _make_generator(rng), "d": _make_scorer(rng, True)}
    first = {"of_g": averages(2 * f, f), "of_d": averages(2 * f)[0]}
    return Loop(step, adversarial_state(params, **first))


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
            of_g = moved(of_g, moments)
            loss, gradients = jax.value_and_grad(critic_loss)(
                state["params"]["d"], part, fake, second
            )
            state = {**update(state, "d", gradients), "key": key}
            if not has_penalty:
                state["params"]["d"] = jax.tree.map(
                    lambda p: jnp.clip(p, -sizes.CLIP, sizes.CLIP), state["params"]["d"]
                )
            total = total + loss / sizes.CRITIC_STEPS
        key, first = jax.random.split(state["key"])
        (loss, moments), gradients = jax.value_and_grad(generator_loss, has_aux=True)(
            state["params"]["g"], state["params"]["d"], _latents(first, x.shape[0])
        )
        state = update(state, "g", gradients)
        return {**state, "of_g": moved(of_g, moments), "key": key}, total + loss

    rng, f = generator(), sizes.GAN_FILTERS
    params = {"g": _make_generator(rng), "d": _make_scorer(rng, has_penalty)}
    return Loop(step, adversarial_state(params, of_g=averages(2 * f, f)))


LOOPS = {
    "gan": _gan,
    "wgan": functools.partial(_wasserstein, has_penalty=False),
    "wgan_gp": functools.partial(_wasserstein, has_penalty=True),
}
