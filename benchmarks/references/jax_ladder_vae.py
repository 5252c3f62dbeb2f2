"""The train step of a ladder VAE of two levels in plain JAX."""

import jax
import jax.numpy as jnp

from benchmarks import sizes
from benchmarks.references.jax_parts import (
    Loop,
    adam,
    adam_state,
    apply_dense,
    binary_log_prob,
    dense,
    generator,
)


def make_vae(rng):
    """Returns the parameters of both levels."""
    (low, high), (low_dim, high_dim) = sizes.LADDER_HIDDEN, sizes.LADDER_LATENTS

    def normal(inputs, hidden, outputs):
        return {
            "hidden": dense(rng, inputs, hidden),
            "mean": dense(rng, hidden, outputs),
            "log_var": dense(rng, hidden, outputs),
        }

    return {
        "of_data": normal(sizes.PIXELS, low, low_dim),
        "of_features": normal(low, high, high_dim),
        "prior": normal(high_dim, high, low_dim),
        "decoder": dense(rng, low_dim, low),
        "logits": dense(rng, low, sizes.PIXELS),
    }


def _normal(p, x):
    """Returns features, mean and log-variance."""
    features = jax.nn.relu(apply_dense(p["hidden"], x))
    mean, log_var = (apply_dense(p[name], features) for name in ("mean", "log_var"))
    return features, mean, log_var


def _draw(key, mean, log_var):
    return mean + jnp.exp(0.5 * log_var) * jax.random.normal(key, mean.shape)


def loss_of(p, x, key):
    """Returns the negative ELBO."""
    first, second = jax.random.split(key)
    x = x.reshape(x.shape[0], -1)
    features, mean_x, log_var_x = _normal(p["of_data"], x)
    _, mean, log_var = _normal(p["of_features"], features)
    kl = 0.5 * jnp.sum(jnp.square(mean) + jnp.exp(log_var) - 1 - log_var, 1)
    _, mean_p, log_var_p = _normal(p["prior"], _draw(first, mean, log_var))
    # The product of what the data say and of the prior: precisions add up.
    of_x, of_p = jnp.exp(-log_var_x), jnp.exp(-log_var_p)
    precision = of_x + of_p
    mean = (of_x * mean_x + of_p * mean_p) / precision
    log_var = -jnp.log(precision)
    gap = (jnp.square(mean - mean_p) + 1 / precision) * of_p
    kl = kl + 0.5 * jnp.sum(gap - 1 - log_var + log_var_p, 1)
    features = jax.nn.relu(apply_dense(p["decoder"], _draw(second, mean, log_var)))
    return jnp.mean(kl - binary_log_prob(x, apply_dense(p["logits"], features)))


def _ladder_vae():
    def step(state, x):
        key, draw = jax.random.split(state["key"])
        loss, gradients = jax.value_and_grad(loss_of)(state["params"], x, draw)
        params, slots = adam(state["params"], gradients, state["adam"])
        return {"params": params, "adam": slots, "key": key}, loss

    params = make_vae(generator())
    return Loop(
        step, {"params": params, "adam": adam_state(params), "key": jax.random.key(0)}
    )


LOOPS = {"ladder_vae": _ladder_vae}
