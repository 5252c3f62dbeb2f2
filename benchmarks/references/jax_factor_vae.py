"""The train step of FactorVAE in plain JAX."""

import itertools

import jax
import jax.numpy as jnp
from jax import lax

from benchmarks import sizes
from benchmarks.references.jax_parts import (
    Loop,
    adversarial_state,
    apply_dense,
    binary_log_prob,
    dense,
    generator,
    leaky_relu,
    update,
)


def make_vae(rng):
    """Returns the parameters of encoder, heads and decoder."""
    hidden, latents = sizes.VAE_HIDDEN, sizes.FACTOR_LATENTS
    return {
        "encoder": dense(rng, sizes.PIXELS, hidden),
        "mean": dense(rng, hidden, latents),
        "log_var": dense(rng, hidden, latents),
        "decoder": dense(rng, latents, hidden),
        "logits": dense(rng, hidden, sizes.PIXELS),
    }


def make_discriminator(rng):
    """Returns the parameters from latents to the logit of their being as they are."""
    widths = sizes.FACTOR_LATENTS, *sizes.FACTOR_HIDDEN, 1
    return [dense(rng, i, o) for i, o in itertools.pairwise(widths)]


def discriminate(p, z):
    """Returns logits."""
    for layer in p[:-1]:
        z = leaky_relu(apply_dense(layer, z))
    return apply_dense(p[-1], z)


def vae_loss(p, discriminator, x, key):
    """Returns the negative ELBO with the weighted total correlation, and latents."""
    x = x.reshape(x.shape[0], -1)
    features = jax.nn.relu(apply_dense(p["encoder"], x))
    mean = apply_dense(p["mean"], features)
    log_var = apply_dense(p["log_var"], features)
    z = mean + jnp.exp(0.5 * log_var) * jax.random.normal(key, mean.shape)
    logits = apply_dense(p["logits"], jax.nn.relu(apply_dense(p["decoder"], z)))
    kl = 0.5 * jnp.sum(jnp.square(mean) + jnp.exp(log_var) - 1 - log_var, axis=1)
    loss = jnp.mean(kl - binary_log_prob(x, logits))
    return loss + sizes.FACTOR_GAMMA * jnp.mean(discriminate(discriminator, z)), z


def discriminator_loss(p, z, key):
    """Returns the loss of latents, whose second half is permuted in each column."""
    joint, other = jnp.split(z, 2)
    independent = jax.random.permutation(key, other, independent=True)
    loss = jnp.mean(jax.nn.softplus(-discriminate(p, joint)))
    return 0.5 * (loss + jnp.mean(jax.nn.softplus(discriminate(p, independent))))


def _factor_vae():
    def step(state, x):
        key, first, second = jax.random.split(state["key"], 3)
        params = state["params"]
        (total, z), gradients = jax.value_and_grad(vae_loss, has_aux=True)(
            params["vae"], params["discriminator"], x, first
        )
        state = update(state, "vae", gradients, sizes.ADAM)
        loss, gradients = jax.value_and_grad(discriminator_loss)(
            params["discriminator"], lax.stop_gradient(z), second
        )
        state = update(state, "discriminator", gradients, sizes.ADAM)
        return {**state, "key": key}, total + loss

    rng = generator()
    params = {"vae": make_vae(rng), "discriminator": make_discriminator(rng)}
    return Loop(step, adversarial_state(params))


LOOPS = {"factor_vae": _factor_vae}
