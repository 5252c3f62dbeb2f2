"""Train steps in plain TensorFlow: autoencoders, PixelCNN, planar flow, RBM."""

import functools
import math

import numpy as np
import tensorflow as tf

from benchmarks import sizes
from benchmarks.references import (
    tensorflow_adversarial,
    tensorflow_big_gan,
    tensorflow_diffusion,
    tensorflow_factor_vae,
    tensorflow_ladder_vae,
    tensorflow_pix2pix,
    tensorflow_progressive_gan,
    tensorflow_sngan,
    tensorflow_style_gan2,
    tensorflow_vq_gan,
    tensorflow_vq_vae,
)
from benchmarks.references.tensorflow_parts import (
    Adam,
    Loop,
    apply_dense,
    binary_log_prob,
    conv,
    dense,
    generator,
    weights,
    zeros,
)


def make_loop(name, xla=True):
    """Returns the loop of this name, compiled with or without XLA."""
    makers = _LOOPS | {k: make for room in _ROOMS for k, make in room.LOOPS.items()}
    return makers[name](xla)


def _likelihood_loop(loss_of, params, xla):
    """Returns the loop of one loss of a batch and Adam."""
    optimizer = Adam(params)

    def step(batch):
        with tf.GradientTape() as tape:
            loss = loss_of(batch)
        optimizer.minimize(loss, tape)
        return loss

    return Loop(step, params, xla)


def _autoencoder(xla):
    rng = generator()
    hidden, latents = sizes.AUTOENCODER_HIDDEN, sizes.AUTOENCODER_LATENTS
    widths = (sizes.PIXELS, hidden, latents, hidden, sizes.PIXELS)
    params = [dense(rng, i, o) for i, o in zip(widths, widths[1:], strict=False)]

    def loss_of(x):
        x = tf.reshape(x, (-1, sizes.PIXELS))
        y = x
        for layer in params[:-1]:
            y = tf.nn.relu(apply_dense(layer, y))
        y = tf.sigmoid(apply_dense(params[-1], y))
        return tf.reduce_mean(tf.square(x - y))

    return _likelihood_loop(loss_of, params, xla)


def _vae_layers():
    rng = generator()
    return {
        "encoder": dense(rng, sizes.PIXELS, sizes.VAE_HIDDEN),
        "mean": dense(rng, sizes.VAE_HIDDEN, sizes.VAE_LATENTS),
        "log_var": dense(rng, sizes.VAE_HIDDEN, sizes.VAE_LATENTS),
        "decoder": dense(rng, sizes.VAE_LATENTS, sizes.VAE_HIDDEN),
        "logits": dense(rng, sizes.VAE_HIDDEN, sizes.PIXELS),
    }


def _vae(xla):
    params = _vae_layers()

    def loss_of(x):
        x = tf.reshape(x, (-1, sizes.PIXELS))
        features = tf.nn.relu(apply_dense(params["encoder"], x))
        mean = apply_dense(params["mean"], features)
        log_var = apply_dense(params["log_var"], features)
        z = mean + tf.exp(0.5 * log_var) * tf.random.normal(tf.shape(mean))
        features = tf.nn.relu(apply_dense(params["decoder"], z))
        logits = apply_dense(params["logits"], features)
        kl = 0.5 * tf.reduce_sum(
            tf.square(mean) + tf.exp(log_var) - 1 - log_var, axis=-1
        )
        return tf.reduce_mean(kl - binary_log_prob(x, logits))

    return _likelihood_loop(loss_of, params, xla)


def _iwae(xla):
    params = _vae_layers()

    def loss_of(x):
        x = tf.reshape(x, (-1, sizes.PIXELS))
        features = tf.nn.relu(apply_dense(params["encoder"], x))
        mean, log_var = (
            tf.repeat(apply_dense(params[name], features), sizes.IWAE_DRAWS, 0)
            for name in ("mean", "log_var")
        )
        x = tf.repeat(x, sizes.IWAE_DRAWS, 0)
        noise = tf.random.normal(tf.shape(mean))
        z = mean + tf.exp(0.5 * log_var) * noise
        features = tf.nn.relu(apply_dense(params["decoder"], z))
        log_prob = binary_log_prob(x, apply_dense(params["logits"], features))
        # log p(z) - log q(z | x): 2 pi is in both.
        log_ratio = 0.5 * tf.reduce_sum(tf.square(noise) + log_var - tf.square(z), 1)
        log_weights = tf.reshape(log_prob + log_ratio, (-1, sizes.IWAE_DRAWS))
        bound = tf.reduce_logsumexp(log_weights, 1) - math.log(sizes.IWAE_DRAWS)
        return -tf.reduce_mean(bound)

    return _likelihood_loop(loss_of, params, xla)


def _mask(size, include_centre):
    mask = np.zeros((size, size, 1, 1), "float32")
    mask[: size // 2] = 1
    mask[size // 2, : size // 2 + include_centre] = 1
    return mask


def _pixel_cnn(xla):
    rng = generator()
    filters, half = sizes.PIXEL_CNN_FILTERS, sizes.PIXEL_CNN_FILTERS // 2

    def layer(size, inputs, outputs):
        return {"w": weights(rng, size, size, inputs, outputs), "b": zeros(outputs)}

    first = layer(7, 1, filters)
    blocks = [
        (layer(1, filters, half), layer(3, half, half), layer(1, half, filters))
        for _ in range(sizes.PIXEL_CNN_BLOCKS)
    ]
    last = (layer(1, filters, filters), layer(1, filters, 1))
    mask_a, mask_b = _mask(7, False), _mask(3, True)

    def apply(p, x, mask=None):
        kernel = p["w"] if mask is None else p["w"] * mask
        return conv(x, kernel, padding="SAME") + p["b"]

    def loss_of(x):
        y = apply(first, x, mask_a)
        for down, spread, up in blocks:
            inner = apply(down, tf.nn.relu(y))
            inner = apply(spread, tf.nn.relu(inner), mask_b)
            y = y + apply(up, tf.nn.relu(inner))
        for p in last:
            y = apply(p, tf.nn.relu(y))
        return -tf.reduce_mean(binary_log_prob(x, y))

    return _likelihood_loop(loss_of, (first, blocks, last), xla)


def _planar_inverse(p, x):
    """Returns z and log|det dz/dx| of one planar layer."""
    w, v, b = (tf.convert_to_tensor(p[name]) for name in "wvb")
    product = tf.reduce_sum(w * v)
    gap = tf.nn.softplus(product)  # 1 + w.u
    u = v + (gap - 1 - product) * w / tf.reduce_sum(w * w)
    target = tf.linalg.matvec(x, w)

    def residual_and_slope(a, target, b, gap):
        tanh = tf.tanh(a + b)
        slope = tanh**2 + (1 - tanh**2) * gap
        return a - tanh - target + gap * tanh, slope

    fixed = tuple(tf.stop_gradient(t) for t in (target, b, gap))

    def newton(a, low, high, last_move):
        residual, slope = residual_and_slope(a, *fixed)
        low = tf.where(residual < 0, a, low)
        high = tf.where(residual < 0, high, a)
        move = residual / tf.maximum(slope, 1e-12)
        inside = (a - move >= low) & (a - move <= high)
        trusted = inside & (2 * tf.abs(move) <= last_move)
        following = tf.where(trusted, a - move, 0.5 * (low + high))
        return following, low, high, tf.abs(following - a)

    reach = tf.abs(fixed[2] - 1)
    low, high = fixed[0] - reach, fixed[0] + reach
    a, *_ = tf.while_loop(
        lambda *_: True,
        newton,
        (fixed[0], low, high, high - low),
        maximum_iterations=sizes.NEWTON_STEPS,
    )
    a = tf.stop_gradient(a)
    residual, slope = residual_and_slope(a, target, b, gap)
    a = a - residual / tf.stop_gradient(tf.maximum(slope, 1e-12))
    tanh = tf.tanh(a + b)
    slope = tanh**2 + (1 - tanh**2) * gap
    return x - tanh[:, None] * u, -tf.math.log(slope)


def _flow(xla):
    rng = generator()

    def normal(scale):
        return tf.Variable(rng.normal(0, scale, sizes.EVENT).astype("float32"))

    params = [
        {"w": normal(1.0), "v": normal(0.1), "b": zeros()}
        for _ in range(sizes.PLANAR_LAYERS)
    ]

    def loss_of(x):
        total = 0.0
        for p in reversed(params):
            x, log_det = _planar_inverse(p, x)
            total = total + log_det
        terms = tf.square(x) + math.log(2 * math.pi)
        return tf.reduce_mean(0.5 * tf.reduce_sum(terms, axis=-1) - total)

    return _likelihood_loop(loss_of, params, xla)


def _rbm(xla, persistent):
    """CD-1 or PCD-1 by its statistics; reports free energies and reconstruction."""
    rng = generator()
    shape = (sizes.VISIBLE, sizes.HIDDEN)
    w = tf.Variable(rng.normal(0, 0.01, shape).astype("float32"))
    a, b = zeros(sizes.VISIBLE), zeros(sizes.HIDDEN)
    chains = rng.uniform(size=(sizes.BATCH["rbm_pcd"], sizes.VISIBLE)) < 0.5
    chains = tf.Variable(chains.astype("float32"))

    def below(probability):
        return tf.cast(
            tf.random.uniform(tf.shape(probability)) < probability, "float32"
        )

    def free_energy(v, field):
        softplus = tf.reduce_sum(tf.nn.softplus(field), 1)
        return tf.reduce_mean(-tf.linalg.matvec(v, a) - softplus)

    def step(v):
        field = tf.matmul(v, w) + b
        hidden = tf.sigmoid(field)
        start = tf.sigmoid(tf.matmul(chains, w) + b) if persistent else hidden
        mean = tf.sigmoid(tf.matmul(below(start), w, transpose_b=True) + a)
        chain = below(mean)
        chain_field = tf.matmul(chain, w) + b
        hidden_chain = tf.sigmoid(chain_field)
        loss = free_energy(v, field) - free_energy(chain, chain_field)
        if persistent:
            chains.assign(chain)
            mean = tf.sigmoid(tf.matmul(hidden, w, transpose_b=True) + a)
        n = tf.cast(tf.shape(v)[0], "float32")
        m = tf.cast(tf.shape(chain)[0], "float32")
        statistics = (
            tf.matmul(v, hidden, transpose_a=True) / n
            - tf.matmul(chain, hidden_chain, transpose_a=True) / m
        )
        w.assign_add(sizes.SGD * statistics)
        a.assign_add(sizes.SGD * (tf.reduce_mean(v, 0) - tf.reduce_mean(chain, 0)))
        b.assign_add(
            sizes.SGD * (tf.reduce_mean(hidden, 0) - tf.reduce_mean(hidden_chain, 0))
        )
        return loss + tf.reduce_mean(tf.square(v - mean))

    return Loop(step, (w, a, b), xla)


_ROOMS = (
    tensorflow_adversarial,
    tensorflow_big_gan,
    tensorflow_diffusion,
    tensorflow_factor_vae,
    tensorflow_ladder_vae,
    tensorflow_pix2pix,
    tensorflow_progressive_gan,
    tensorflow_sngan,
    tensorflow_style_gan2,
    tensorflow_vq_gan,
    tensorflow_vq_vae,
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
