"""The train step of BigGAN in plain TensorFlow."""

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
    zeros,
)
from benchmarks.references.tensorflow_sngan import (
    direction,
    doubled,
    halved,
    spectral,
)

_WIDTH = 4 * sizes.BIG_FILTERS  # of all blocks of images of 32x32
_BLOCKS = 3  # of the generator, from 4 pixels a side on
_PART = sizes.BIG_LATENTS // (_BLOCKS + 1)


def orthogonal(rng, *shape):
    """Returns a kernel whose columns, or rows, are orthonormal."""
    rows, columns = np.prod(shape[:-1]), shape[-1]
    noise = rng.normal(size=(max(rows, columns), min(rows, columns)))
    matrix = np.linalg.qr(noise)[0]
    matrix = matrix if rows >= columns else matrix.T
    return tf.Variable(matrix.reshape(shape).astype("float32"))


def _layer(rng, *shape, bias=True):
    p = {"w": orthogonal(rng, *shape)}
    return {**p, "b": zeros(shape[-1])} if bias else p


def _attention(rng):
    inside, key = _WIDTH // 2, _WIDTH // 8
    shapes = (_WIDTH, key), (_WIDTH, key), (_WIDTH, inside), (inside, _WIDTH)
    return [_layer(rng, *shape, bias=False) for shape in shapes]


def _make_layers_in_turn(layers):
    """Returns what makes, for each call, the function that applies the next layer."""
    us = [tf.Variable(direction(layer["w"]), trainable=False) for layer in layers]

    def layers_in_turn():
        pairs = zip(layers, us, strict=True)

        def apply(x):
            layer, u = next(pairs)
            w = spectral(layer["w"], u)
            y = tf.matmul(x, w) if len(w.shape) == 2 else conv(x, w, padding="SAME")
            return tf.nn.bias_add(y, layer["b"]) if "b" in layer else y

        return apply

    return layers_in_turn


def _attended(apply, gate, x):
    """Adds SAGAN's attention of pixels to 2x2 maxima."""
    height, width, channels = x.shape[1:]
    pixels = tf.reshape(x, (-1, channels))

    def pooled(y):
        y = tf.reshape(y, (-1, height, width, y.shape[-1]))
        y = tf.nn.max_pool2d(y, 2, 2, "VALID")
        return tf.reshape(y, (-1, height * width // 4, y.shape[-1]))

    query = apply(pixels)
    query = tf.reshape(query, (-1, height * width, query.shape[-1]))
    key, value = pooled(apply(pixels)), pooled(apply(pixels))
    shares = tf.nn.softmax(tf.matmul(query, key, transpose_b=True))
    found = apply(tf.reshape(tf.matmul(shares, value), (-1, value.shape[-1])))
    return x + gate * tf.reshape(found, (-1, height, width, channels))


def _one_hot(labels):
    return tf.one_hot(labels, sizes.BIG_CLASSES)


def make_generator(rng):
    """Returns the variables of the generator, and its function."""
    layers = [_layer(rng, _PART, 16 * _WIDTH)]
    for block in range(_BLOCKS):
        for _ in range(2):
            condition = sizes.BIG_EMBEDDING + _PART
            layers += [_layer(rng, condition, _WIDTH, bias=False) for _ in range(2)]
            layers += [_layer(rng, 3, 3, _WIDTH, _WIDTH)]
        layers += [_layer(rng, 1, 1, _WIDTH, _WIDTH)]
        layers += _attention(rng) if 8 << block == sizes.BIG_ATTENTION else []
    p = {
        "embedding": orthogonal(rng, sizes.BIG_CLASSES, sizes.BIG_EMBEDDING),
        "layers": [*layers, _layer(rng, 3, 3, _WIDTH, 1)],
        "gate": zeros(),
        "norm": norm(_WIDTH),
    }
    layers_in_turn = _make_layers_in_turn(p["layers"])
    moving = [averages(_WIDTH) for _ in range(2 * _BLOCKS + 1)]

    def generate(z, labels):
        apply, of_norms = layers_in_turn(), iter(moving)

        def normalized(x, of_norm):
            return tf.nn.relu(normalize(of_norm, x, (0, 1, 2), next(of_norms)))

        def conditioned(x, c):
            gain, bias = (apply(c)[:, None, None] for _ in range(2))
            return normalized(x, {"scale": 1 + gain, "shift": bias})

        embedding = tf.matmul(_one_hot(labels), p["embedding"])
        first, *parts = tf.split(z, _BLOCKS + 1, 1)
        x = tf.reshape(apply(first), (-1, 4, 4, _WIDTH))
        for part in parts:
            c = tf.concat([embedding, part], 1)
            h = doubled(conditioned(x, c))
            h = conditioned(apply(h), c)
            h = apply(h)
            x = h + apply(doubled(x))
            if x.shape[1] == sizes.BIG_ATTENTION:
                x = _attended(apply, p["gate"], x)
        x = apply(normalized(x, p["norm"]))
        return 0.5 * tf.tanh(x) + 0.5

    return p, generate


def make_scorer(rng):
    """Returns the variables of the discriminator, and its function."""
    f, classes = _WIDTH, sizes.BIG_CLASSES
    first = [(3, 3, 1, f), (3, 3, f, f), (1, 1, 1, f)]
    rest = [(3, 3, f, f), (3, 3, f, f), (1, 1, f, f), *[(3, 3, f, f)] * 4, (f, 1)]
    layers = [_layer(rng, *shape) for shape in first] + _attention(rng)
    layers += [_layer(rng, *shape) for shape in rest]
    p = {"layers": [*layers, _layer(rng, classes, f, bias=False)], "gate": zeros()}
    layers_in_turn = _make_layers_in_turn(p["layers"])

    def score(x, labels):
        apply, relu, x = layers_in_turn(), tf.nn.relu, 2 * x - 1

        def twice(x):
            return apply(relu(apply(x)))

        h = halved(twice(x))
        x = _attended(apply, p["gate"], h + apply(halved(x)))
        h = twice(relu(x))
        x = halved(h + apply(x))
        for _ in range(2):
            x = x + twice(relu(x))
        features = tf.reduce_sum(relu(x), (1, 2))
        scores = apply(features)
        projected = apply(_one_hot(labels)) * features
        return scores + tf.reduce_sum(projected, 1, keepdims=True)

    return p, score


def _big_gan(xla):
    rng = generator()
    of_g, generate = make_generator(rng)
    of_d, score = make_scorer(rng)
    adam_g = Adam(of_g, sizes.ADAM_ADVERSARIAL)
    adam_d = Adam(of_d, sizes.ADAM_ADVERSARIAL)

    def latents(x):
        return tf.random.normal((tf.shape(x)[0], sizes.BIG_LATENTS))

    def step(batch):
        total = 0.0
        for i in range(sizes.BIG_STEPS):
            x, labels = (part[i :: sizes.BIG_STEPS] for part in batch)
            fake = generate(latents(x), labels)
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(tf.nn.relu(1 - score(x, labels)))
                loss += tf.reduce_mean(tf.nn.relu(1 + score(fake, labels)))
            adam_d.minimize(loss, tape)
            total = total + loss / sizes.BIG_STEPS
        x, labels = batch
        with tf.GradientTape() as tape:
            loss = -tf.reduce_mean(score(generate(latents(x), labels), labels))
        adam_g.minimize(loss, tape)
        return total + loss

    return Loop(step, (of_g, of_d), xla)


LOOPS = {"big_gan": _big_gan}
