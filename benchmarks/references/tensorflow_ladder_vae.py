"""The train step of a ladder VAE of two levels in plain TensorFlow."""

import tensorflow as tf

from benchmarks import sizes
from benchmarks.references.tensorflow_parts import (
    Adam,
    Loop,
    apply_dense,
    binary_log_prob,
    dense,
    generator,
)


def make_vae(rng):
    """Returns the variables of both levels."""
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
    features = tf.nn.relu(apply_dense(p["hidden"], x))
    mean, log_var = (apply_dense(p[name], features) for name in ("mean", "log_var"))
    return features, mean, log_var


def _draw(mean, log_var):
    return mean + tf.exp(0.5 * log_var) * tf.random.normal(tf.shape(mean))


def loss_of(p, x):
    """Returns the negative ELBO."""
    x = tf.reshape(x, (-1, sizes.PIXELS))
    features, mean_x, log_var_x = _normal(p["of_data"], x)
    _, mean, log_var = _normal(p["of_features"], features)
    kl = 0.5 * tf.reduce_sum(tf.square(mean) + tf.exp(log_var) - 1 - log_var, 1)
    _, mean_p, log_var_p = _normal(p["prior"], _draw(mean, log_var))
    # The product of what the data say and of the prior: precisions add up.
    of_x, of_p = tf.exp(-log_var_x), tf.exp(-log_var_p)
    precision = of_x + of_p
    mean = (of_x * mean_x + of_p * mean_p) / precision
    log_var = -tf.math.log(precision)
    gap = (tf.square(mean - mean_p) + 1 / precision) * of_p
    kl = kl + 0.5 * tf.reduce_sum(gap - 1 - log_var + log_var_p, 1)
    features = tf.nn.relu(apply_dense(p["decoder"], _draw(mean, log_var)))
    logits = apply_dense(p["logits"], features)
    return tf.reduce_mean(kl - binary_log_prob(x, logits))


def _ladder_vae(xla):
    params = make_vae(generator())
    optimizer = Adam(params)

    def step(x):
        with tf.GradientTape() as tape:
            loss = loss_of(params, x)
        optimizer.minimize(loss, tape)
        return loss

    return Loop(step, params, xla)


LOOPS = {"ladder_vae": _ladder_vae}
