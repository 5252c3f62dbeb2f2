"""The train step of VQGAN in plain TensorFlow."""

import tensorflow as tf

from benchmarks import sizes
from benchmarks.references.tensorflow_adversarial import make_judge
from benchmarks.references.tensorflow_parts import (
    Adam,
    Loop,
    conv,
    generator,
    weights,
    zeros,
)
from benchmarks.references.tensorflow_vq_vae import (
    decode,
    make_book,
    make_networks,
    narrow,
)


def make_features(rng):
    """Returns the kernels and biases of a network that does not learn."""
    first, last = sizes.FEATURE_FILTERS
    shapes = (3, 3, 1, first), (3, 3, first, last)
    return [{"w": weights(rng, *s), "b": zeros(s[-1])} for s in shapes]


def _features_of(p, x):
    first = tf.nn.relu(conv(x, p[0]["w"], 1, "SAME") + p[0]["b"])
    last = tf.nn.relu(conv(first, p[1]["w"], 2, "SAME") + p[1]["b"])
    for x in (first, last):
        yield x * tf.math.rsqrt(tf.reduce_sum(tf.square(x), -1, keepdims=True) + 1e-10)


def distance(p, x, y):
    """Returns the mean distance of images in features of unit length."""
    pairs = zip(_features_of(p, x), _features_of(p, y), strict=True)
    return sum(
        tf.reduce_mean(tf.reduce_sum(tf.math.squared_difference(a, b), -1))
        for a, b in pairs
    )


def autoencoder_losses(p, judge, features, book, x):
    """Returns the losses of reconstruction, game and codes, and the reconstructions."""
    vectors, cost = narrow(p["encoder"], book, x)
    y = tf.sigmoid(decode(p["decoder"], vectors))
    far = sizes.FEATURE_WEIGHT * distance(features, x, y)
    reconstruction = 2 * tf.reduce_mean(tf.abs(x - y)) + far
    cost = tf.reduce_mean(cost) / float(vectors.shape[1:].num_elements())
    return reconstruction, -tf.reduce_mean(judge(y)), cost, y


def adaptive_weight(kernel, reconstruction, game, tape):
    """Returns how much the game weighs for both to pull the last kernel as hard."""
    lengths = [tf.norm(tape.gradient(loss, kernel)) for loss in (reconstruction, game)]
    return tf.minimum(lengths[0] / (lengths[1] + 1e-4), 1e4)


def judge_loss(judge, x, fake):
    """Returns the hinge loss of images and of reconstructions."""
    loss = tf.reduce_mean(tf.nn.relu(1 - judge(x)))
    return 0.5 * (loss + tf.reduce_mean(tf.nn.relu(1 + judge(fake))))


def _vq_gan(xla):
    rng = generator()
    of_g = make_networks(rng)
    of_d, judge = make_judge(rng)
    book, features = make_book(rng), make_features(rng)
    adam_g = Adam(of_g, sizes.ADAM_ADVERSARIAL)
    adam_d = Adam(of_d, sizes.ADAM_ADVERSARIAL)

    def step(x):
        with tf.GradientTape(persistent=True) as tape:
            reconstruction, game, cost, y = autoencoder_losses(
                of_g, judge, features, book, x
            )
            rest = reconstruction + cost
        kernel = of_g["decoder"][-1]["w"]
        factor = adaptive_weight(kernel, reconstruction, game, tape)
        weight = sizes.GAME_WEIGHT * factor
        adam_g.minimize([rest, game], tape, [tf.ones(()), weight])
        with tf.GradientTape() as tape:
            loss = judge_loss(judge, x, y)
        adam_d.minimize(loss, tape)
        return rest + weight * game + loss

    return Loop(step, (of_g, of_d), xla)


LOOPS = {"vq_gan": _vq_gan}
