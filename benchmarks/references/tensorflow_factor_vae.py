"""The train step of FactorVAE in plain TensorFlow."""

import itertools

import tensorflow as tf

from benchmarks import sizes
from benchmarks.references.tensorflow_parts import (
    Adam,
    Loop,
    apply_dense,
    binary_log_prob,
    dense,
    generator,
    leaky_relu,
)


def make_vae(rng):
    """Returns the variables of encoder, heads and decoder."""
    hidden, latents = sizes.VAE_HIDDEN, sizes.FACTOR_LATENTS
    return {
        "encoder": dense(rng, sizes.PIXELS, hidden),
        "mean": dense(rng, hidden, latents),
        "log_var": dense(rng, hidden, latents),
        "decoder": dense(rng, latents, hidden),
        "logits": dense(rng, hidden, sizes.PIXELS),
    }


def make_discriminator(rng):
    """Returns the variables from latents to the logit of their being as they are."""
    widths = sizes.FACTOR_LATENTS, *sizes.FACTOR_HIDDEN, 1
    return [dense(rng, i, o) for i, o in itertools.pairwise(widths)]


def discriminate(p, z):
    """Returns logits."""
    for layer in p[:-1]:
        z = leaky_relu(apply_dense(layer, z))
    return apply_dense(p[-1], z)


def vae_loss(p, discriminator, x):
    """Returns the negative ELBO with the weighted total correlation, and latents."""
    x = tf.reshape(x, (-1, sizes.PIXELS))
    features = tf.nn.relu(apply_dense(p["encoder"], x))
    mean = apply_dense(p["mean"], features)
    log_var = apply_dense(p["log_var"], features)
    z = mean + tf.exp(0.5 * log_var) * tf.random.normal(tf.shape(mean))
    logits = apply_dense(p["logits"], tf.nn.relu(apply_dense(p["decoder"], z)))
    kl = 0.5 * tf.reduce_sum(tf.square(mean) + tf.exp(log_var) - 1 - log_var, axis=1)
    loss = tf.reduce_mean(kl - binary_log_prob(x, logits))
    correlation = tf.reduce_mean(discriminate(discriminator, z))
    return loss + sizes.FACTOR_GAMMA * correlation, z


def discriminator_loss(p, z):
    """Returns the loss of latents, whose second half is permuted in each column."""
    joint, other = tf.split(z, 2)
    columns = [tf.random.shuffle(column) for column in tf.unstack(other, axis=1)]
    independent = tf.stack(columns, axis=1)
    loss = tf.reduce_mean(tf.nn.softplus(-discriminate(p, joint)))
    return 0.5 * (loss + tf.reduce_mean(tf.nn.softplus(discriminate(p, independent))))


def _factor_vae(xla):
    rng = generator()
    vae, discriminator = make_vae(rng), make_discriminator(rng)
    adam_v, adam_d = Adam(vae), Adam(discriminator)

    def step(x):
        with tf.GradientTape() as tape:
            total, z = vae_loss(vae, discriminator, x)
        adam_v.minimize(total, tape)
        with tf.GradientTape() as tape:
            loss = discriminator_loss(discriminator, z)
        adam_d.minimize(loss, tape)
        return total + loss

    return Loop(step, (vae, discriminator), xla)


LOOPS = {"factor_vae": _factor_vae}
