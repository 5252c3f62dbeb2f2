"""Train steps in plain JAX: autoencoders, PixelCNN, planar flow, RBM."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from benchmarks import sizes
from benchmarks.references import (
    jax_adversarial,
    jax_big_gan,
    jax_cycle_gan,
    jax_diffusion,
    jax_factor_vae,
    jax_ladder_vae,
    jax_pix2pix,
    jax_progressive_gan,
    jax_sngan,
    jax_style_gan2,
    jax_vq_gan,
    jax_vq_vae,
)
from benchmarks.references.jax_parts import (
    Loop,
    adam,
    adam_state,
    apply_dense,
    binary_log_prob,
    conv,
    dense,
    generator,
    weights,
)


def make_loop(name, xla=True):
    """Returns the loop of this name; JAX always uses XLA."""
    del xla
    makers = _LOOPS | {k: make for room in _ROOMS for k, make in room.LOOPS.items()}
    return makers[name]()


def _likelihood_loop(loss_of, params):
    """Returns the loop of one loss `(params, batch, key)` and Adam."""

    def step(state, batch):
        key, draw = jax.random.split(state["key"])
        loss, gradients = jax.value_and_grad(loss_of)(state["params"], batch, draw)
        params, slots = adam(state["params"], gradients, state["adam"])
        return {"params": params, "adam": slots, "key": key}, loss

    return Loop(
        step, {"params": params, "adam": adam_state(params), "key": jax.random.key(0)}
    )


def _autoencoder():
    rng = generator()
    hidden, latents = sizes.AUTOENCODER_HIDDEN, sizes.AUTOENCODER_LATENTS
    widths = (sizes.PIXELS, hidden, latents, hidden, sizes.PIXELS)
    params = [dense(rng, i, o) for i, o in zip(widths, widths[1:], strict=False)]

    def loss_of(params, x, key):
        del key
        x = x.reshape(x.shape[0], -1)
        y = x
        for layer in params[:-1]:
            y = jax.nn.relu(apply_dense(layer, y))
        y = jax.nn.sigmoid(apply_dense(params[-1], y))
        return jnp.mean(jnp.square(x - y))

    return _likelihood_loop(loss_of, params)


def _vae_layers():
    rng = generator()
    return {
        "encoder": dense(rng, sizes.PIXELS, sizes.VAE_HIDDEN),
        "mean": dense(rng, sizes.VAE_HIDDEN, sizes.VAE_LATENTS),
        "log_var": dense(rng, sizes.VAE_HIDDEN, sizes.VAE_LATENTS),
        "decoder": dense(rng, sizes.VAE_LATENTS, sizes.VAE_HIDDEN),
        "logits": dense(rng, sizes.VAE_HIDDEN, sizes.PIXELS),
    }


def _vae():
    def loss_of(params, x, key):
        x = x.reshape(x.shape[0], -1)
        features = jax.nn.relu(apply_dense(params["encoder"], x))
        mean = apply_dense(params["mean"], features)
        log_var = apply_dense(params["log_var"], features)
        z = mean + jnp.exp(0.5 * log_var) * jax.random.normal(key, mean.shape)
        features = jax.nn.relu(apply_dense(params["decoder"], z))
        logits = apply_dense(params["logits"], features)
        kl = 0.5 * jnp.sum(jnp.square(mean) + jnp.exp(log_var) - 1 - log_var, axis=-1)
        return jnp.mean(kl - binary_log_prob(x, logits))

    return _likelihood_loop(loss_of, _vae_layers())


def _iwae():
    def loss_of(params, x, key):
        x = x.reshape(x.shape[0], -1)
        features = jax.nn.relu(apply_dense(params["encoder"], x))
        mean, log_var = (
            jnp.repeat(apply_dense(params[name], features), sizes.IWAE_DRAWS, 0)
            for name in ("mean", "log_var")
        )
        x = jnp.repeat(x, sizes.IWAE_DRAWS, 0)
        noise = jax.random.normal(key, mean.shape)
        z = mean + jnp.exp(0.5 * log_var) * noise
        features = jax.nn.relu(apply_dense(params["decoder"], z))
        log_prob = binary_log_prob(x, apply_dense(params["logits"], features))
        # log p(z) - log q(z | x): 2 pi is in both.
        log_ratio = 0.5 * jnp.sum(jnp.square(noise) + log_var - jnp.square(z), 1)
        log_weights = (log_prob + log_ratio).reshape(-1, sizes.IWAE_DRAWS)
        bound = jax.nn.logsumexp(log_weights, axis=1) - math.log(sizes.IWAE_DRAWS)
        return -jnp.mean(bound)

    return _likelihood_loop(loss_of, _vae_layers())


def _mask(size, include_centre):
    mask = np.zeros((size, size, 1, 1), "float32")
    mask[: size // 2] = 1
    mask[size // 2, : size // 2 + include_centre] = 1
    return mask


def _pixel_cnn():
    rng = generator()
    filters, half = sizes.PIXEL_CNN_FILTERS, sizes.PIXEL_CNN_FILTERS // 2

    def layer(size, inputs, outputs):
        return {"w": weights(rng, size, size, inputs, outputs), "b": jnp.zeros(outputs)}

    params = {
        "first": layer(7, 1, filters),
        "blocks": [
            (layer(1, filters, half), layer(3, half, half), layer(1, half, filters))
            for _ in range(sizes.PIXEL_CNN_BLOCKS)
        ],
        "last": (layer(1, filters, filters), layer(1, filters, 1)),
    }
    mask_a, mask_b = _mask(7, False), _mask(3, True)

    def apply(p, x, mask=1.0):
        return conv(x, p["w"] * mask, padding="SAME") + p["b"]

    def loss_of(params, x, key):
        del key
        y = apply(params["first"], x, mask_a)
        for down, spread, up in params["blocks"]:
            inner = apply(down, jax.nn.relu(y))
            inner = apply(spread, jax.nn.relu(inner), mask_b)
            y = y + apply(up, jax.nn.relu(inner))
        for p in params["last"]:
            y = apply(p, jax.nn.relu(y))
        return -jnp.mean(binary_log_prob(x, y))

    return _likelihood_loop(loss_of, params)


def _planar_inverse(p, x):
    """Returns z and log|det dz/dx| of one planar layer."""
    w, v, b = p["w"], p["v"], p["b"]
    product = jnp.dot(w, v)
    gap = jax.nn.softplus(product)  # 1 + w.u
    u = v + (gap - 1 - product) * w / jnp.dot(w, w)
    target = x @ w

    def residual_and_slope(a, target, b, gap):
        tanh = jnp.tanh(a + b)
        slope = tanh**2 + (1 - tanh**2) * gap
        return a - tanh - target + gap * tanh, slope

    fixed = lax.stop_gradient((target, b, gap))

    def newton(_, state):
        a, low, high, last_move = state
        residual, slope = residual_and_slope(a, *fixed)
        low = jnp.where(residual < 0, a, low)
        high = jnp.where(residual < 0, high, a)
        move = residual / jnp.maximum(slope, 1e-12)
        inside = (a - move >= low) & (a - move <= high)
        trusted = inside & (2 * jnp.abs(move) <= last_move)
        following = jnp.where(trusted, a - move, 0.5 * (low + high))
        return following, low, high, jnp.abs(following - a)

    reach = jnp.abs(fixed[2] - 1)
    start = (fixed[0], fixed[0] - reach, fixed[0] + reach)
    start = (*start, start[2] - start[1])
    a = lax.stop_gradient(lax.fori_loop(0, sizes.NEWTON_STEPS, newton, start)[0])
    residual, slope = residual_and_slope(a, target, b, gap)
    a = a - residual / lax.stop_gradient(jnp.maximum(slope, 1e-12))
    tanh = jnp.tanh(a + b)
    slope = tanh**2 + (1 - tanh**2) * gap
    return x - tanh[:, None] * u, -jnp.log(slope)


def _flow():
    rng = generator()

    def normal(scale):
        return jnp.asarray(rng.normal(0, scale, sizes.EVENT).astype("float32"))

    params = [
        {"w": normal(1.0), "v": normal(0.1), "b": jnp.zeros(())}
        for _ in range(sizes.PLANAR_LAYERS)
    ]

    def loss_of(params, x, key):
        del key
        total = 0.0
        for p in reversed(params):
            x, log_det = _planar_inverse(p, x)
            total = total + log_det
        terms = jnp.square(x) + jnp.log(2 * jnp.pi)
        return jnp.mean(0.5 * jnp.sum(terms, axis=-1) - total)

    return _likelihood_loop(loss_of, params)


def _rbm(persistent):
    """CD-1 or PCD-1 by its statistics; reports free energies and reconstruction."""
    rng = generator()
    couplings = rng.normal(0, 0.01, (sizes.VISIBLE, sizes.HIDDEN)).astype("float32")
    chains = rng.uniform(size=(sizes.BATCH["rbm_pcd"], sizes.VISIBLE)) < 0.5

    def free_energy(a, v, field):
        return jnp.mean(-(v @ a) - jax.nn.softplus(field).sum(1))

    def step(state, v):
        w, a, b = state["params"]
        key, draw_h, draw_v = jax.random.split(state["key"], 3)
        field = v @ w + b
        hidden = jax.nn.sigmoid(field)
        start = jax.nn.sigmoid(state["chains"] @ w + b) if persistent else hidden
        h = (jax.random.uniform(draw_h, start.shape) < start).astype("float32")
        mean = jax.nn.sigmoid(h @ w.T + a)
        chain = (jax.random.uniform(draw_v, mean.shape) < mean).astype("float32")
        chain_field = chain @ w + b
        hidden_chain = jax.nn.sigmoid(chain_field)
        n, m, rate = v.shape[0], chain.shape[0], sizes.SGD
        params = (
            w + rate * (v.T @ hidden / n - chain.T @ hidden_chain / m),
            a + rate * (v.mean(0) - chain.mean(0)),
            b + rate * (hidden.mean(0) - hidden_chain.mean(0)),
        )
        if persistent:
            mean = jax.nn.sigmoid(hidden @ w.T + a)
        loss = free_energy(a, v, field) - free_energy(a, chain, chain_field)
        loss += jnp.mean(jnp.square(v - mean))
        state = {"params": params, "key": key}
        return {**state, "chains": chain} if persistent else state, loss

    params = (
        jnp.asarray(couplings),
        jnp.zeros(sizes.VISIBLE),
        jnp.zeros(sizes.HIDDEN),
    )
    state = {"params": params, "key": jax.random.key(0)}
    if persistent:
        state["chains"] = jnp.asarray(chains.astype("float32"))
    return Loop(step, state)


_ROOMS = (
    jax_adversarial,
    jax_big_gan,
    jax_cycle_gan,
    jax_diffusion,
    jax_factor_vae,
    jax_ladder_vae,
    jax_pix2pix,
    jax_progressive_gan,
    jax_sngan,
    jax_style_gan2,
    jax_vq_gan,
    jax_vq_vae,
)
_LOOPS = {
    "autoencoder": _autoencoder,
    "vae": _vae,
    "iwae": _iwae,
    "pixel_cnn": _pixel_cnn,
    "flow": _flow,
    "rbm_cd": functools.partial(_rbm, persistent=False),
    "rbm_pcd": functools.partial(_rbm, persistent=True),
}
