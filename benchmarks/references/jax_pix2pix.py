"""The train step of Pix2Pix in plain JAX."""

import jax
import jax.numpy as jnp

from benchmarks import sizes
from benchmarks.references.jax_cycle_gan import instance, judge, make_judge
from benchmarks.references.jax_parts import (
    Loop,
    adversarial_state,
    conv,
    conv_transpose,
    generator,
    leaky_relu,
    norm,
    update,
    weights,
)

_NUM_DROPOUTS = 3


def make_translator(rng):
    """Returns the parameters of the U-Net, in the order of its layers."""
    depth = sizes.PAIR_DEPTH
    widths = [sizes.PAIR_FILTERS * min(2**i, 8) for i in range(depth)]
    kernels, inputs = [], 1
    for width in widths:
        kernels.append(weights(rng, 4, 4, inputs, width))
        inputs = width
    for width in reversed(widths[:-1]):
        kernels.append(weights(rng, 4, 4, inputs, width))
        inputs = 2 * width
    kernels.append(weights(rng, 4, 4, inputs, 1))
    norms = [norm(width) for width in (*widths[1:-1], *reversed(widths[:-1]))]
    return {"kernels": kernels, "norms": norms, "bias": jnp.zeros(1)}


def translate(p, x, key=None):
    """Returns translations; without a key nothing is dropped."""
    kernels, norms = iter(p["kernels"]), iter({"norm": n} for n in p["norms"])
    x, maps = 2 * x - 1, []
    for i in range(sizes.PAIR_DEPTH):
        x = conv(leaky_relu(x) if i > 0 else x, next(kernels), 2, 1)
        if 0 < i < sizes.PAIR_DEPTH - 1:
            x = instance(next(norms), x)
        maps.append(x)
    maps.pop()
    for i in range(sizes.PAIR_DEPTH - 1):
        x = instance(next(norms), conv_transpose(jax.nn.relu(x), next(kernels)))
        if i < _NUM_DROPOUTS and key is not None:
            kept = 1 - sizes.PAIR_DROPOUT
            mask = jax.random.bernoulli(jax.random.fold_in(key, i), kept, x.shape)
            x = jnp.where(mask, x / kept, 0)
        x = jnp.concatenate([x, maps.pop()], -1)
    x = conv_transpose(jax.nn.relu(x), next(kernels)) + p["bias"]
    return 0.5 * jnp.tanh(x) + 0.5


def _score(p, a, b):
    return judge(p, jnp.concatenate([a, b], -1))


def _pix2pix():
    def judge_loss(p, a, b, fake):
        loss = jax.nn.softplus(-_score(p, a, b)).mean()
        return 0.5 * (loss + jax.nn.softplus(_score(p, a, fake)).mean())

    def translator_loss(p, of_judge, a, b, key):
        fake = translate(p, a, key)  # the same as before: XLA computes it once
        loss = jax.nn.softplus(-_score(of_judge, a, fake)).mean()
        return loss + sizes.PAIR_WEIGHT * jnp.mean(jnp.abs(fake - b))

    def step(state, batch):
        key, draw = jax.random.split(state["key"])
        fake = translate(state["params"]["g"], batch[0], draw)
        total, gradients = jax.value_and_grad(judge_loss)(
            state["params"]["d"], *batch, fake
        )
        state = update(state, "d", gradients)
        loss, gradients = jax.value_and_grad(translator_loss)(
            state["params"]["g"], state["params"]["d"], *batch, draw
        )
        return {**update(state, "g", gradients), "key": key}, total + loss

    rng = generator()
    params = {"g": make_translator(rng), "d": make_judge(rng, channels=2)}
    return Loop(step, adversarial_state(params))


LOOPS = {"pix2pix": _pix2pix}
