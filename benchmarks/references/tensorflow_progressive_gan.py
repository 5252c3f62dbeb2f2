"""The train step of progressive GAN in plain TensorFlow, at the last level."""

import math

import tensorflow as tf

from benchmarks import sizes
from benchmarks.references.tensorflow_parts import (
    Adam,
    Loop,
    conv,
    generator,
    leaky_relu,
    zeros,
)
from benchmarks.references.tensorflow_sngan import doubled, halved

_LEVELS = int(math.log2(sizes.STYLE_IMAGE)) - 1  # from 4 pixels a side on
_WIDTHS = [
    min(sizes.GROWN_BASE // 2 ** (i + 1), sizes.GROWN_FILTERS) for i in range(_LEVELS)
]
_LAST = min(sizes.GROWN_BASE, sizes.GROWN_FILTERS)
_DRIFT = 1e-3  # weight of the scores squared
_GAIN = math.sqrt(2)


def _layer(rng, *shape):
    w = tf.Variable(rng.normal(size=shape).astype("float32"))
    return {"w": w, "b": zeros(shape[-1])}


def make_generator(rng):
    """Returns the variables of the generator, in the order of its layers."""
    first = _WIDTHS[0]
    convolutions = [_layer(rng, 3, 3, first, first)]
    for before, now in zip(_WIDTHS, _WIDTHS[1:], strict=False):
        convolutions += [_layer(rng, 3, 3, i, now) for i in (before, now)]
    return {
        "dense": _layer(rng, sizes.GROWN_LATENTS, 16 * first),
        "convolutions": convolutions,
        "to_rgb": [_layer(rng, 1, 1, w, 1) for w in _WIDTHS],
    }


def make_critic(rng):
    """Returns the variables of the critic, in the order of its layers."""
    first = _WIDTHS[0]
    convolutions = [_layer(rng, 3, 3, first + 1, first)]
    for after, now in zip(_WIDTHS, _WIDTHS[1:], strict=False):
        convolutions += [_layer(rng, 3, 3, now, o) for o in (now, after)]
    return {
        "from_rgb": [_layer(rng, 1, 1, 1, w) for w in _WIDTHS],
        "convolutions": convolutions,
        "dense": _layer(rng, 16 * first, _LAST),
        "score": _layer(rng, _LAST, 1),
    }


def _apply(p, x, gain=_GAIN):
    w = p["w"] * (gain / math.sqrt(math.prod(p["w"].shape[:-1])))
    x = tf.matmul(x, w) if len(w.shape) == 2 else conv(x, w, padding="SAME")
    return tf.nn.bias_add(x, p["b"])


def _unit(x):
    return x * tf.math.rsqrt(tf.reduce_mean(x * x, -1, keepdims=True) + 1e-8)


def _mixed(share, x, y):
    return y + share * (x - y)


def generate(p, z, fade):
    """Returns images of latents, about [-1, 1]."""

    def convolved(x, i):
        return _unit(leaky_relu(_apply(p["convolutions"][i], x)))

    x = _apply(p["dense"], _unit(z), _GAIN / 4)
    x = tf.reshape(x, (-1, 4, 4, _WIDTHS[0]))
    x = convolved(_unit(leaky_relu(x)), 0)
    for i in range(1, _LEVELS):
        before = x
        x = convolved(convolved(doubled(x), 2 * i - 1), 2 * i)
    coarse = doubled(_apply(p["to_rgb"][-2], before, 1.0))
    return _mixed(fade, _apply(p["to_rgb"][-1], x, 1.0), coarse)


def score(p, x, fade):
    """Returns scores of images."""

    def convolved(x, i):
        return leaky_relu(_apply(p["convolutions"][i], x))

    h = leaky_relu(_apply(p["from_rgb"][-1], x))
    for i in range(_LEVELS - 1, 0, -1):
        h = halved(convolved(convolved(h, 2 * i - 1), 2 * i))
        if i == _LEVELS - 1:
            coarse = leaky_relu(_apply(p["from_rgb"][-2], halved(x)))
            h = _mixed(fade, h, coarse)
    h = convolved(_with_deviation(h), 0)
    h = tf.reshape(h, (-1, math.prod(h.shape[1:])))
    return _apply(p["score"], leaky_relu(_apply(p["dense"], h)), 1.0)


def _with_deviation(x):
    """Appends a map of how much a group of images varies."""
    group, (height, width, channels) = sizes.STYLE_GROUP, x.shape[1:]
    y = tf.reshape(x, (group, -1, height, width, channels))
    deviation = tf.sqrt(tf.math.reduce_variance(y, 0) + 1e-8)
    deviation = tf.reduce_mean(deviation, (1, 2, 3))[:, None, None, None]
    return tf.concat([x, tf.tile(deviation, (group, height, width, 1))], -1)


def at_level(x, fade):
    """Returns images in [-1, 1], less sharp while the level fades in."""
    x = 2 * x - 1
    return _mixed(fade, x, doubled(halved(x)))


def critic_loss(p, real, fake, e, fade):
    """Returns the Wasserstein loss with penalty and drift; e mixes the images."""
    of_real = score(p, real, fade)
    loss = tf.reduce_mean(score(p, fake, fade)) - tf.reduce_mean(of_real)
    mixed = _mixed(e, real, fake)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(mixed)
        scores = score(p, mixed, fade)
    gradient = tape.gradient(scores, mixed)
    length = tf.sqrt(tf.reduce_sum(tf.square(gradient), axis=(1, 2, 3)) + 1e-12)
    loss = loss + sizes.PENALTY * tf.reduce_mean(tf.square(length - 1))
    return loss + _DRIFT * tf.reduce_mean(tf.square(of_real))


def _progressive_gan(xla):
    rng = generator()
    of_g, of_d = make_generator(rng), make_critic(rng)
    # Layers of lower levels' images are not shown: they have no gradient.
    adam_g = Adam({**of_g, "to_rgb": of_g["to_rgb"][-2:]}, sizes.ADAM_ADVERSARIAL)
    adam_d = Adam({**of_d, "from_rgb": of_d["from_rgb"][-2:]}, sizes.ADAM_ADVERSARIAL)
    fade = tf.Variable(sizes.GROWN_FADE, trainable=False)

    def latents(x):
        return tf.random.normal((tf.shape(x)[0], sizes.GROWN_LATENTS))

    def step(x):
        fake = generate(of_g, latents(x), fade)
        e = tf.random.uniform((tf.shape(x)[0], 1, 1, 1))
        with tf.GradientTape() as tape:
            loss_d = critic_loss(of_d, at_level(x, fade), fake, e, fade)
        adam_d.minimize(loss_d, tape)
        with tf.GradientTape() as tape:
            loss_g = -tf.reduce_mean(
                score(of_d, generate(of_g, latents(x), fade), fade)
            )
        adam_g.minimize(loss_g, tape)
        return loss_d + loss_g

    return Loop(step, (of_g, of_d), xla)


LOOPS = {"progressive_gan": _progressive_gan}
