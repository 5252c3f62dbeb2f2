"""Train steps of diffusion and flow matching in plain JAX, with their U-Net."""

import math

import jax
import jax.numpy as jnp

from benchmarks import sizes
from benchmarks.references import unet_parameters
from benchmarks.references.jax_parts import (
    Loop,
    adam,
    adam_state,
    apply_dense,
    conv,
    generator,
)


def _apply(p, x, stride=1):
    # As many zeros before as Keras has: none of an even image and stride 2.
    return conv(x, p["w"], stride, "SAME") + p["b"]


def _normalized(p, x):
    groups = math.gcd(32, x.shape[-1])
    y = x.reshape(*x.shape[:3], groups, -1)
    mean = jnp.mean(y, (1, 2, 4), keepdims=True)
    var = jnp.var(y, (1, 2, 4), keepdims=True)
    y = ((y - mean) * jax.lax.rsqrt(var + 1e-6)).reshape(x.shape)
    return y * p["scale"] + p["shift"]


def _run(p, x, embedding):
    block, y = p["block"], x
    y = _apply(block["first"], jax.nn.silu(_normalized(block["norms"][0], y)))
    scale, shift = (
        apply_dense(block[name], embedding)[:, None, None]
        for name in ("scale", "shift")
    )
    y = (1 + scale) * _normalized(block["norms"][1], y) + shift
    y = _apply(block["last"], jax.nn.silu(y))
    x = (apply_dense(block["skip"], x) if "skip" in block else x) + y
    return _attend(p["attention"], x) if "attention" in p else x


def _attend(p, x):
    y = _normalized(p["norm"], x).reshape(x.shape[0], -1, x.shape[-1])
    query, key, value = (apply_dense(p[name], y) for name in ("q", "k", "v"))
    logits = jnp.einsum("bqc,bkc->bqk", query, key) / math.sqrt(x.shape[-1])
    found = jnp.einsum("bqk,bkc->bqc", jax.nn.softmax(logits), value)
    return x + apply_dense(p["projection"], found).reshape(x.shape)


def apply_unet(p, x, t):
    """Returns what the U-Net says of images at times."""
    half = sizes.UNET_FILTERS // 2
    frequencies = 1000 * jnp.exp(-math.log(10_000) * jnp.arange(half) / half)
    angles = t[:, None] * frequencies
    embedding = jnp.concatenate([jnp.cos(angles), jnp.sin(angles)], 1)
    for layer in p["embed"]:
        embedding = jax.nn.silu(apply_dense(layer, embedding))
    x = _apply(p["first"], x)
    skips = [x]
    for part in p["down"]:
        x = _apply(part, x, 2) if "w" in part else _run(part, x, embedding)
        skips.append(x)
    for part in p["middle"]:
        x = _run(part, x, embedding)
    for part in p["up"]:
        if "w" in part:
            x = _apply(part, jnp.repeat(jnp.repeat(x, 2, 1), 2, 2))
        else:
            x = _run(part, jnp.concatenate([x, skips.pop()], -1), embedding)
    return _apply(p["last"], jax.nn.silu(_normalized(p["norm"], x)))


def _loop(loss_of):
    def step(state, batch):
        key, *draws = jax.random.split(state["key"], 3)
        loss, gradients = jax.value_and_grad(loss_of)(
            state["params"], 2 * batch - 1, *draws
        )
        params, slots = adam(state["params"], gradients, state["adam"])
        return {"params": params, "adam": slots, "key": key}, loss

    params = jax.tree.map(jnp.asarray, unet_parameters.make(generator()))
    return Loop(
        step, {"params": params, "adam": adam_state(params), "key": jax.random.key(0)}
    )


def _diffusion():
    steps, alphas = sizes.DIFFUSION_STEPS, jnp.asarray(sizes.cosine_alphas())

    def loss_of(params, x, of_time, of_noise):
        i = jax.random.randint(of_time, (x.shape[0],), 0, steps)
        alpha = alphas[i][:, None, None, None]
        sigma = jnp.sqrt(1 - alpha**2)
        noise = jax.random.normal(of_noise, x.shape)
        found = apply_unet(params, alpha * x + sigma * noise, (i + 1) / steps)
        return jnp.mean(jnp.square(found - alpha * noise + sigma * x))

    return _loop(loss_of)


def _flow_matching():
    def loss_of(params, x, of_time, of_noise):
        t = jax.random.uniform(of_time, (x.shape[0],))
        at = t[:, None, None, None]
        noise = jax.random.normal(of_noise, x.shape)
        found = apply_unet(params, (1 - at) * x + at * noise, t)
        return jnp.mean(jnp.square(x - noise - found))

    return _loop(loss_of)


LOOPS = {"diffusion": _diffusion, "flow_matching": _flow_matching}
