"""The train step of SNGAN in plain JAX."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from benchmarks import sizes
from benchmarks.references.jax_adversarial import averages, moved
from benchmarks.references.jax_parts import (
    Loop,
    adversarial_state,
    conv,
    generator,
    norm,
    normalize,
    update,
    weights,
)

_F, _SIDE, _DOUBLINGS = sizes.SNGAN_FILTERS, sizes.SNGAN_START, sizes.SNGAN_DOUBLINGS


def _layer(rng, *shape):
    return {"w": weights(rng, *shape), "b": jnp.zeros(shape[-1])}


def make_generator(rng):
    """Returns the parameters of the generator, in the order of its layers."""
    block = [_layer(rng, size, size, _F, _F) for size in (3, 3, 1) * _DOUBLINGS]
    return {
        "dense": _layer(rng, sizes.SNGAN_LATENTS, _SIDE * _SIDE * _F),
        "convolutions": [*block, _layer(rng, 3, 3, _F, 1)],
        "norms": [norm(_F) for _ in range(2 * _DOUBLINGS + 1)],
    }


def doubled(x):
    """Returns images of twice the sides, each pixel repeated."""
    return x.repeat(2, 1).repeat(2, 2)


def halved(x):
    """Returns images of half the sides, means of 2x2 pixels."""
    n, height, width, channels = x.shape
    return x.reshape(n, height // 2, 2, width // 2, 2, channels).mean((2, 4))


def generate(p, z):
    """Returns images and the moments of their normalizations."""
    layers, norms, moments = iter(p["convolutions"]), iter(p["norms"]), []

    def apply(x):
        layer = next(layers)
        return conv(x, layer["w"], padding=layer["w"].shape[0] // 2) + layer["b"]

    def normalized(x):
        x, found = normalize(next(norms), x, (0, 1, 2), 2e-5)
        moments.append(found)
        return jax.nn.relu(x)

    x = (z @ p["dense"]["w"] + p["dense"]["b"]).reshape(-1, _SIDE, _SIDE, _F)
    for _ in range(_DOUBLINGS):
        h = apply(normalized(apply(doubled(normalized(x)))))
        x = h + apply(doubled(x))
    return 0.5 * jnp.tanh(apply(normalized(x))) + 0.5, tuple(moments)


def make_scorer(rng):
    """Returns the parameters of the discriminator, in the order of its layers."""
    kernels = [(3, 3, 1, _F), (3, 3, _F, _F), (1, 1, 1, _F)]
    kernels += [(3, 3, _F, _F), (3, 3, _F, _F), (1, 1, _F, _F)]
    return [_layer(rng, *shape) for shape in (*kernels, *[(3, 3, _F, _F)] * 4, (_F, 1))]


def directions(p):
    """Returns a first right singular vector of each kernel, nearly."""
    found = []
    for layer in p:
        matrix = np.asarray(layer["w"]).reshape(-1, layer["w"].shape[-1])
        found.append(jnp.asarray(np.linalg.svd(matrix)[2][0]))
    return found


def _unit(x):
    return x * lax.rsqrt(jnp.sum(x * x) + 1e-24)


def spectral(w, u):
    """Returns a kernel of spectral norm 1, and the vector after a power iteration."""
    matrix = w.reshape(-1, w.shape[-1])
    fixed = lax.stop_gradient(matrix)
    v = _unit(fixed @ u)
    u = _unit(v @ fixed)
    return w / (v @ (matrix @ u)), u


def score(p, us, x):
    """Returns scores and the vectors after a power iteration of each kernel."""
    layers, old, new = iter(p), iter(us), []

    def apply(x):
        layer = next(layers)
        w, u = spectral(layer["w"], next(old))
        new.append(u)
        if w.ndim == 2:
            return x @ w + layer["b"]
        return conv(x, w, padding=w.shape[0] // 2) + layer["b"]

    relu, x = jax.nn.relu, 2 * x - 1
    h = halved(apply(relu(apply(x))))
    x = h + apply(halved(x))
    h = halved(apply(relu(apply(relu(x)))))
    x = h + halved(apply(x))
    for _ in range(2):
        x = x + apply(relu(apply(relu(x))))
    return apply(relu(x).sum((1, 2))), new


def _sngan():
    def scorer_loss(p, us, x, fake):
        of_real, us = score(p, us, x)
        of_fake, us = score(p, us, fake)
        return jax.nn.relu(1 - of_real).mean() + jax.nn.relu(1 + of_fake).mean(), us

    def generator_loss(p, scorer, us, z):
        fake, moments = generate(p, z)
        found, us = score(scorer, us, fake)
        return -found.mean(), (moments, us)

    def latents(key, x):
        return jax.random.normal(key, (x.shape[0], sizes.SNGAN_LATENTS))

    def step(state, x):
        total, of_g, us = 0.0, state["of_g"], state["us"]
        for i in range(sizes.CRITIC_STEPS):
            key, draw = jax.random.split(state["key"])
            part = x[i :: sizes.CRITIC_STEPS]
            fake, moments = generate(state["params"]["g"], latents(draw, part))
            of_g = moved(of_g, moments)
            (loss, us), gradients = jax.value_and_grad(scorer_loss, has_aux=True)(
                state["params"]["d"], us, part, fake
            )
            state = {**update(state, "d", gradients), "key": key}
            total = total + loss / sizes.CRITIC_STEPS
        key, draw = jax.random.split(state["key"])
        (loss, (moments, us)), gradients = jax.value_and_grad(
            generator_loss, has_aux=True
        )(state["params"]["g"], state["params"]["d"], us, latents(draw, x))
        state = {**update(state, "g", gradients), "key": key, "us": us}
        return {**state, "of_g": moved(of_g, moments)}, total + loss

    rng = generator()
    params = {"g": make_generator(rng), "d": make_scorer(rng)}
    first = averages(*[_F] * (2 * _DOUBLINGS + 1))
    state = adversarial_state(params, of_g=first, us=directions(params["d"]))
    return Loop(step, state)


LOOPS = {"sngan": _sngan}
