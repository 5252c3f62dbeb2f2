"""The train step of SNGAN in plain TensorFlow."""

import numpy as np
import tensorflow as tf

from benchmarks import sizes
from benchmarks.references.tensorflow_adversarial import averages
from benchmarks.references.tensorflow_parts import (
    Adam,
    Loop,
    conv,
    generator,
    norm,
    normalize,
    weights,
    zeros,
)

_F, _SIDE, _DOUBLINGS = sizes.SNGAN_FILTERS, sizes.SNGAN_START, sizes.SNGAN_DOUBLINGS


def _layer(rng, *shape):
    return {"w": weights(rng, *shape), "b": zeros(shape[-1])}


def make_generator(rng):
    """Returns the variables of the generator in their order, and its function."""
    block = [_layer(rng, size, size, _F, _F) for size in (3, 3, 1) * _DOUBLINGS]
    p = {
        "dense": _layer(rng, sizes.SNGAN_LATENTS, _SIDE * _SIDE * _F),
        "convolutions": [*block, _layer(rng, 3, 3, _F, 1)],
        "norms": [norm(_F) for _ in range(2 * _DOUBLINGS + 1)],
    }
    moving = [averages(_F) for _ in p["norms"]]

    def generate(z):
        layers = iter(p["convolutions"])
        norms = iter(zip(p["norms"], moving, strict=True))

        def apply(x):
            layer = next(layers)
            return conv(x, layer["w"], padding="SAME") + layer["b"]

        def normalized(x):
            variables, of_norm = next(norms)
            return tf.nn.relu(normalize(variables, x, (0, 1, 2), of_norm, 2e-5))

        x = tf.matmul(z, p["dense"]["w"]) + p["dense"]["b"]
        x = tf.reshape(x, (-1, _SIDE, _SIDE, _F))
        for _ in range(_DOUBLINGS):
            h = apply(normalized(apply(doubled(normalized(x)))))
            x = h + apply(doubled(x))
        return 0.5 * tf.tanh(apply(normalized(x))) + 0.5

    return p, generate


def doubled(x):
    """Returns images of twice the sides, each pixel repeated."""
    return tf.repeat(tf.repeat(x, 2, 1), 2, 2)


def halved(x):
    """Returns images of half the sides, means of 2x2 pixels."""
    return tf.nn.avg_pool2d(x, 2, 2, "VALID")


def make_scorer(rng):
    """Returns the variables of the discriminator in their order, and its function."""
    kernels = [(3, 3, 1, _F), (3, 3, _F, _F), (1, 1, 1, _F)]
    kernels += [(3, 3, _F, _F), (3, 3, _F, _F), (1, 1, _F, _F)]
    shapes = (*kernels, *[(3, 3, _F, _F)] * 4, (_F, 1))
    p = [_layer(rng, *shape) for shape in shapes]
    us = [tf.Variable(direction(layer["w"]), trainable=False) for layer in p]

    def score(x):
        layers = iter(zip(p, us, strict=True))

        def apply(x):
            layer, u = next(layers)
            w = spectral(layer["w"], u)
            if len(w.shape) == 2:
                return tf.matmul(x, w) + layer["b"]
            return conv(x, w, padding="SAME") + layer["b"]

        relu, x = tf.nn.relu, 2 * x - 1
        h = halved(apply(relu(apply(x))))
        x = h + apply(halved(x))
        h = halved(apply(relu(apply(relu(x)))))
        x = h + halved(apply(x))
        for _ in range(2):
            x = x + apply(relu(apply(relu(x))))
        return apply(tf.reduce_sum(relu(x), (1, 2)))

    return p, score


def direction(w):
    """Returns the first right singular vector."""
    return np.linalg.svd(w.numpy().reshape(-1, w.shape[-1]))[2][0]


def _unit(x):
    return x * tf.math.rsqrt(tf.reduce_sum(x * x) + 1e-24)


def spectral(w, u):
    """Returns a kernel of spectral norm 1; moves u by a power iteration."""
    matrix = tf.reshape(w, (-1, w.shape[-1]))
    fixed = tf.stop_gradient(matrix)
    v = _unit(tf.linalg.matvec(fixed, u))
    u.assign(_unit(tf.linalg.matvec(fixed, v, transpose_a=True)))
    return w / tf.reduce_sum(v * tf.linalg.matvec(matrix, tf.stop_gradient(u)))


def _sngan(xla):
    rng = generator()
    of_g, generate = make_generator(rng)
    of_d, score = make_scorer(rng)
    adam_g = Adam(of_g, sizes.ADAM_ADVERSARIAL)
    adam_d = Adam(of_d, sizes.ADAM_ADVERSARIAL)

    def latents(x):
        return tf.random.normal((tf.shape(x)[0], sizes.SNGAN_LATENTS))

    def step(x):
        total = 0.0
        for i in range(sizes.CRITIC_STEPS):
            part = x[i :: sizes.CRITIC_STEPS]
            fake = generate(latents(part))
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(tf.nn.relu(1 - score(part)))
                loss += tf.reduce_mean(tf.nn.relu(1 + score(fake)))
            adam_d.minimize(loss, tape)
            total = total + loss / sizes.CRITIC_STEPS
        with tf.GradientTape() as tape:
            loss = -tf.reduce_mean(score(generate(latents(x))))
        adam_g.minimize(loss, tape)
        return total + loss

    return Loop(step, (of_g, of_d), xla)


LOOPS = {"sngan": _sngan}
