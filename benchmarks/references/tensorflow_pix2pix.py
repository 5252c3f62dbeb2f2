"""The train step of Pix2Pix in plain TensorFlow."""

import tensorflow as tf

from benchmarks import sizes
from benchmarks.references.tensorflow_adversarial import instance, make_judge
from benchmarks.references.tensorflow_parts import (
    Adam,
    Loop,
    conv,
    conv_transpose,
    generator,
    leaky_relu,
    norm,
    weights,
    zeros,
)

_NUM_DROPOUTS = 3


def make_translator(rng):
    """Returns the variables of the U-Net, in the order of its layers."""
    depth = sizes.PAIR_DEPTH
    widths = [sizes.PAIR_FILTERS * min(2**i, 8) for i in range(depth)]
    kernels, inputs = [], 1
    for width in widths:
        kernels.append(weights(rng, 4, 4, inputs, width))
        inputs = width
    for width in reversed(widths[:-1]):
        kernels.append(weights(rng, 4, 4, width, inputs))
        inputs = 2 * width
    kernels.append(weights(rng, 4, 4, 1, inputs))
    norms = [norm(width) for width in (*widths[1:-1], *reversed(widths[:-1]))]
    return {"kernels": kernels, "norms": norms, "bias": zeros(1)}


def translate(p, x, training=False):
    """Returns translations; in training with noise."""
    kernels, norms = iter(p["kernels"]), iter({"norm": n} for n in p["norms"])
    x, maps = 2 * x - 1, []
    for i in range(sizes.PAIR_DEPTH):
        x = conv(leaky_relu(x) if i > 0 else x, next(kernels), 2, 1)
        if 0 < i < sizes.PAIR_DEPTH - 1:
            x = instance(next(norms), x)
        maps.append(x)
    maps.pop()
    for i in range(sizes.PAIR_DEPTH - 1):
        x = instance(next(norms), conv_transpose(tf.nn.relu(x), next(kernels)))
        if i < _NUM_DROPOUTS and training:
            x = tf.nn.dropout(x, sizes.PAIR_DROPOUT)
        x = tf.concat([x, maps.pop()], -1)
    x = conv_transpose(tf.nn.relu(x), next(kernels)) + p["bias"]
    return 0.5 * tf.tanh(x) + 0.5


def _pix2pix(xla):
    rng = generator()
    of_g = make_translator(rng)
    of_d, judge = make_judge(rng, channels=2)
    adam_g = Adam(of_g, sizes.ADAM_ADVERSARIAL)
    adam_d = Adam(of_d, sizes.ADAM_ADVERSARIAL)

    def score(a, b):
        return judge(tf.concat([a, b], -1))

    def step(batch):
        a, b = batch
        with tf.GradientTape() as tape:
            fake = translate(of_g, a, training=True)
            with tape.stop_recording(), tf.GradientTape() as of_judge:
                loss = tf.reduce_mean(tf.nn.softplus(-score(a, b)))
                total = 0.5 * (loss + tf.reduce_mean(tf.nn.softplus(score(a, fake))))
            with tape.stop_recording():
                adam_d.minimize(total, of_judge)
            loss = tf.reduce_mean(tf.nn.softplus(-score(a, fake)))
            loss += sizes.PAIR_WEIGHT * tf.reduce_mean(tf.abs(fake - b))
        adam_g.minimize(loss, tape)
        return total + loss

    return Loop(step, (of_g, of_d), xla)


LOOPS = {"pix2pix": _pix2pix}
