"""The train step of VQ-VAE in plain TensorFlow, its codebook by moving averages."""

import tensorflow as tf

from benchmarks import sizes
from benchmarks.references.tensorflow_parts import (
    Adam,
    Loop,
    binary_log_prob,
    conv,
    conv_transpose,
    generator,
    weights,
    zeros,
)

_F, _D, _K = sizes.GRID_FILTERS, sizes.CODE_DIM, sizes.CODES


def make_networks(rng):
    """Returns the variables of encoder and decoder, in the order of their layers."""
    blocks = [(3, 3, _F, _F), (1, 1, _F, _F)] * sizes.GRID_BLOCKS
    encoder = [(4, 4, 1, _F), (4, 4, _F, _F), (3, 3, _F, _F), *blocks, (1, 1, _F, _D)]
    decoder = [(3, 3, _D, _F), *blocks, *[(4, 4, _F, _F)] * 2, (3, 3, _F, 1)]
    return {
        name: [{"w": weights(rng, *s), "b": zeros(s[-1])} for s in shapes]
        for name, shapes in (("encoder", encoder), ("decoder", decoder))
    }


def make_book(rng):
    """Returns the variables of the codebook."""
    codebook = rng.uniform(-1 / _K, 1 / _K, (_K, _D)).astype("float32")
    return {
        "codebook": tf.Variable(codebook, trainable=False),
        "counts": zeros(_K),
        "sums": zeros(_K, _D),
        "num_steps": zeros(),
    }


def apply(p, x, stride=1):
    """Convolves to images of the size, or of its half."""
    return conv(x, p["w"], stride, "SAME") + p["b"]


def _residuals(layers, x):
    for _ in range(sizes.GRID_BLOCKS):
        y = tf.nn.relu(apply(next(layers), tf.nn.relu(x)))
        x = x + apply(next(layers), y)
    return tf.nn.relu(x)


def _encode(p, x):
    layers, x = iter(p), 2 * x - 1
    for _ in range(2):
        x = tf.nn.relu(apply(next(layers), x, 2))
    return apply(p[-1], _residuals(layers, apply(next(layers), x)))


def decode(p, z):
    """Returns what the last layer makes of latents."""
    return apply(p[-1], decode_body(p, z))


def decode_body(p, z):
    """Returns what the last layer takes."""
    layers = iter(p)
    x = _residuals(layers, apply(next(layers), z))
    for _ in range(2):
        layer = next(layers)
        x = tf.nn.relu(conv_transpose(x, layer["w"]) + layer["b"])
    return x


def _move(book, vectors, codes):
    belongs = tf.one_hot(codes, _K)
    rest, more = 1 - sizes.CODE_DECAY, sizes.CODE_SMOOTHING
    num_steps = book["num_steps"].assign_add(1.0)
    counts, sums = book["counts"], book["sums"]
    counts = counts.assign_add(rest * (tf.reduce_sum(belongs, 0) - counts))
    found = tf.matmul(belongs, vectors, transpose_a=True)
    sums = sums.assign_add(rest * (found - sums))
    debias = 1 - sizes.CODE_DECAY**num_steps
    uses = counts / debias
    total = tf.reduce_sum(uses)
    smooth = (uses + more) / (total + _K * more) * total
    moved = sums / debias / smooth[:, None]
    book["codebook"].assign(tf.where(uses[:, None] > 0, moved, book["codebook"]))


def narrow(p, book, x):
    """Returns what the decoder takes, and each image's loss; moves the codebook."""
    z = _encode(p, x)
    codebook = tf.convert_to_tensor(book["codebook"])
    vectors = tf.reshape(tf.stop_gradient(z), (-1, _D))
    products = tf.matmul(vectors, codebook, transpose_b=True)
    codes = tf.argmin(tf.reduce_sum(codebook**2, 1) - 2 * products, 1)
    chosen = tf.reshape(tf.gather(codebook, codes), tf.shape(z))
    loss = sizes.COMMITMENT * tf.reduce_sum(tf.square(z - chosen), (1, 2, 3))
    _move(book, vectors, codes)
    return z + tf.stop_gradient(chosen - z), loss


def loss_of(p, book, x):
    """Returns the loss; moves the codebook."""
    quantized, loss = narrow(p["encoder"], book, x)
    return tf.reduce_mean(loss - binary_log_prob(x, decode(p["decoder"], quantized)))


def _vq_vae(xla):
    rng = generator()
    params = make_networks(rng)
    book = make_book(rng)
    optimizer = Adam(params)

    def step(x):
        with tf.GradientTape() as tape:
            loss = loss_of(params, book, x)
        optimizer.minimize(loss, tape)
        return loss

    return Loop(step, params, xla)


LOOPS = {"vq_vae": _vq_vae}
