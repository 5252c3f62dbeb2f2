"""Train steps of diffusion and flow matching in plain TensorFlow, with their U-Net."""

import math

import tensorflow as tf

from benchmarks import sizes
from benchmarks.references import unet_parameters
from benchmarks.references.tensorflow_parts import (
    Adam,
    Loop,
    conv,
    generator,
)


def _apply_dense(p, x):
    return tf.tensordot(x, p["w"], 1) + p["b"]


def _apply(p, x, stride=1):
    # As many zeros before as Keras has: none of an even image and stride 2.
    return conv(x, p["w"], stride, "SAME") + p["b"]


def _normalized(p, x):
    groups = math.gcd(32, x.shape[-1])
    y = tf.reshape(x, (-1, *x.shape[1:3], groups, x.shape[-1] // groups))
    mean, var = tf.nn.moments(y, (1, 2, 4), keepdims=True)
    y = tf.reshape((y - mean) * tf.math.rsqrt(var + 1e-6), tf.shape(x))
    return y * p["scale"] + p["shift"]


def _run(p, x, embedding):
    block, y = p["block"], x
    y = _apply(block["first"], tf.nn.silu(_normalized(block["norms"][0], y)))
    scale, shift = (
        _apply_dense(block[name], embedding)[:, None, None]
        for name in ("scale", "shift")
    )
    y = (1 + scale) * _normalized(block["norms"][1], y) + shift
    y = _apply(block["last"], tf.nn.silu(y))
    x = (_apply_dense(block["skip"], x) if "skip" in block else x) + y
    return _attend(p["attention"], x) if "attention" in p else x


def _attend(p, x):
    places = x.shape[1] * x.shape[2]
    y = tf.reshape(_normalized(p["norm"], x), (-1, places, x.shape[-1]))
    query, key, value = (_apply_dense(p[name], y) for name in ("q", "k", "v"))
    logits = tf.matmul(query, key, transpose_b=True) / math.sqrt(x.shape[-1])
    found = tf.matmul(tf.nn.softmax(logits), value)
    return x + tf.reshape(_apply_dense(p["projection"], found), tf.shape(x))


def apply_unet(p, x, t):
    """Returns what the U-Net says of images at times."""
    half = sizes.UNET_FILTERS // 2
    places = tf.range(half, dtype="float32") / half
    frequencies = 1000 * tf.exp(-math.log(10_000) * places)
    angles = t[:, None] * frequencies
    embedding = tf.concat([tf.cos(angles), tf.sin(angles)], 1)
    for layer in p["embed"]:
        embedding = tf.nn.silu(_apply_dense(layer, embedding))
    x = _apply(p["first"], x)
    skips = [x]
    for part in p["down"]:
        x = _apply(part, x, 2) if "w" in part else _run(part, x, embedding)
        skips.append(x)
    for part in p["middle"]:
        x = _run(part, x, embedding)
    for part in p["up"]:
        if "w" in part:
            x = _apply(part, tf.repeat(tf.repeat(x, 2, 1), 2, 2))
        else:
            x = _run(part, tf.concat([x, skips.pop()], -1), embedding)
    return _apply(p["last"], tf.nn.silu(_normalized(p["norm"], x)))


def _loop(loss_of, xla):
    params = tf.nest.map_structure(tf.Variable, unet_parameters.make(generator()))
    optimizer = Adam(params)

    def step(batch):
        with tf.GradientTape() as tape:
            loss = loss_of(params, 2 * batch - 1)
        optimizer.minimize(loss, tape)
        return loss

    return Loop(step, params, xla)


def _diffusion(xla):
    steps, alphas = sizes.DIFFUSION_STEPS, tf.constant(sizes.cosine_alphas())

    def loss_of(params, x):
        i = tf.random.uniform(tf.shape(x)[:1], 0, steps, "int32")
        alpha = tf.gather(alphas, i)[:, None, None, None]
        sigma = tf.sqrt(1 - alpha**2)
        noise = tf.random.normal(tf.shape(x))
        t = tf.cast(i + 1, "float32") / steps
        found = apply_unet(params, alpha * x + sigma * noise, t)
        return tf.reduce_mean(tf.square(found - alpha * noise + sigma * x))

    return _loop(loss_of, xla)


def _flow_matching(xla):
    def loss_of(params, x):
        t = tf.random.uniform(tf.shape(x)[:1])
        at = t[:, None, None, None]
        noise = tf.random.normal(tf.shape(x))
        found = apply_unet(params, (1 - at) * x + at * noise, t)
        return tf.reduce_mean(tf.square(x - noise - found))

    return _loop(loss_of, xla)


LOOPS = {"diffusion": _diffusion, "flow_matching": _flow_matching}
