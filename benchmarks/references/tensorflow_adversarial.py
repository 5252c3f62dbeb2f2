"""Train steps in plain TensorFlow: GAN, Wasserstein GANs, CycleGAN."""

import functools

import tensorflow as tf

from benchmarks import sizes
from benchmarks.references.tensorflow_parts import (
    Adam,
    Loop,
    conv,
    conv_transpose,
    generator,
    leaky_relu,
    norm,
    normalize,
    weights,
    zeros,
)

_BATCH_AXES, _LAYER_AXES, _INSTANCE_AXES = (0, 1, 2), (1, 2, 3), (1, 2)
_SIDE = sizes.IMAGE // 4


def averages(channels):
    """Returns the moving mean and variance of batch normalization."""
    return tuple(
        tf.Variable(start((channels,)), trainable=False)
        for start in (tf.zeros, tf.ones)
    )


def _make_generator(rng):
    """Returns the variables that learn and the function of latents."""
    f = sizes.GAN_FILTERS
    p = {
        "dense": weights(rng, sizes.GAN_LATENTS, _SIDE * _SIDE * 2 * f),
        "norm_1": norm(2 * f),
        "conv_1": weights(rng, 4, 4, f, 2 * f),
        "norm_2": norm(f),
        "conv_2": weights(rng, 4, 4, 1, f),
        "bias": zeros(1),
    }
    first, second = averages(2 * f), averages(f)

    def generate(size):
        z = tf.random.normal((size, sizes.GAN_LATENTS))
        x = tf.reshape(tf.matmul(z, p["dense"]), (-1, _SIDE, _SIDE, 2 * f))
        x = tf.nn.relu(normalize(p["norm_1"], x, _BATCH_AXES, first))
        x = conv_transpose(x, p["conv_1"])
        x = tf.nn.relu(normalize(p["norm_2"], x, _BATCH_AXES, second))
        return 0.5 * tf.tanh(conv_transpose(x, p["conv_2"]) + p["bias"]) + 0.5

    return p, generate


def _make_scorer(rng, axes):
    """Returns the variables that learn and the function of images."""
    f = sizes.GAN_FILTERS
    p = {
        "conv_1": weights(rng, 4, 4, 1, f),
        "bias_1": zeros(f),
        "conv_2": weights(rng, 4, 4, f, 2 * f),
        "conv_3": weights(rng, _SIDE, _SIDE, 2 * f, 1),
        "bias_3": zeros(1),
    }
    p.update({"bias_2": zeros(2 * f)} if axes is None else {"norm_2": norm(2 * f)})
    moving = averages(2 * f) if axes == _BATCH_AXES else None

    def score(x):
        x = leaky_relu(conv(2 * x - 1, p["conv_1"], 2, 1) + p["bias_1"])
        x = conv(x, p["conv_2"], 2, 1)
        if axes is None:
            x = x + p["bias_2"]
        else:
            x = normalize(p["norm_2"], x, axes, moving)
        return conv(leaky_relu(x), p["conv_3"]) + p["bias_3"]

    return p, score


def _gan(xla):
    rng = generator()
    of_g, generate = _make_generator(rng)
    of_d, score = _make_scorer(rng, _BATCH_AXES)
    adam_g = Adam(of_g, sizes.ADAM_ADVERSARIAL)
    adam_d = Adam(of_d, sizes.ADAM_ADVERSARIAL)

    def step(x):
        size = tf.shape(x)[0]
        fake = generate(size)
        with tf.GradientTape() as tape:
            loss_d = tf.reduce_mean(tf.nn.softplus(-score(x)))
            loss_d = loss_d + tf.reduce_mean(tf.nn.softplus(score(fake)))
        adam_d.minimize(loss_d, tape)
        with tf.GradientTape() as tape:
            loss_g = tf.reduce_mean(tf.nn.softplus(-score(generate(size))))
        adam_g.minimize(loss_g, tape)
        return loss_d + loss_g

    return Loop(step, (of_g, of_d), xla)


def _wasserstein(xla, has_penalty):
    rng = generator()
    of_g, generate = _make_generator(rng)
    of_d, score = _make_scorer(rng, _LAYER_AXES if has_penalty else None)
    adam_g = Adam(of_g, sizes.ADAM_ADVERSARIAL)
    adam_d = Adam(of_d, sizes.ADAM_ADVERSARIAL)

    def penalty(x, fake):
        e = tf.random.uniform((tf.shape(x)[0], 1, 1, 1))
        mixed = e * x + (1 - e) * fake
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(mixed)
            total = tf.reduce_sum(score(mixed))
        gradient = tape.gradient(total, mixed)
        length = tf.sqrt(tf.reduce_sum(tf.square(gradient), axis=(1, 2, 3)) + 1e-12)
        return sizes.PENALTY * tf.reduce_mean(tf.square(length - 1))

    def step(x):
        total = 0.0
        for i in range(sizes.CRITIC_STEPS):
            part = x[i :: sizes.CRITIC_STEPS]
            fake = generate(tf.shape(part)[0])
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(score(fake)) - tf.reduce_mean(score(part))
                if has_penalty:
                    loss = loss + penalty(part, fake)
            adam_d.minimize(loss, tape)
            if not has_penalty:
                for v in adam_d.variables:
                    v.assign(tf.clip_by_value(v, -sizes.CLIP, sizes.CLIP))
            total = total + loss / sizes.CRITIC_STEPS
        with tf.GradientTape() as tape:
            loss = -tf.reduce_mean(score(generate(tf.shape(x)[0])))
        adam_g.minimize(loss, tape)
        return total + loss

    return Loop(step, (of_g, of_d), xla)


# CycleGAN.


def _reflect(x, size):
    return tf.pad(x, ((0, 0), (size, size), (size, size), (0, 0)), mode="REFLECT")


def instance(p, x):
    """Normalizes each map of each image."""
    return normalize(p["norm"], x, _INSTANCE_AXES)


def _make_translator(rng):
    f, down = sizes.CYCLE_FILTERS, sizes.CYCLE_DOWN
    widths = [f * 2**i for i in range(down + 1)]

    def layer(size, inputs, outputs, of):
        return {"w": weights(rng, size, size, inputs, outputs), "norm": norm(of)}

    wide, pairs = widths[-1], list(zip(widths, widths[1:], strict=False))
    p = {
        "first": layer(7, 1, f, f),
        "down": [layer(3, i, o, o) for i, o in pairs],
        "blocks": [
            (layer(3, wide, wide, wide), layer(3, wide, wide, wide))
            for _ in range(sizes.CYCLE_BLOCKS)
        ],
        "up": [layer(3, i, o, i) for i, o in reversed(pairs)],
        "last": {"w": weights(rng, 7, 7, f, 1), "b": zeros(1)},
    }

    def translate(x):
        x = conv(_reflect(2 * x - 1, 3), p["first"]["w"])
        x = tf.nn.relu(instance(p["first"], x))
        for layer in p["down"]:
            x = tf.nn.relu(instance(layer, conv(x, layer["w"], 2, 1)))
        for first, second in p["blocks"]:
            y = tf.nn.relu(instance(first, conv(_reflect(x, 1), first["w"])))
            x = x + instance(second, conv(_reflect(y, 1), second["w"]))
        for layer in p["up"]:
            x = tf.nn.relu(instance(layer, conv_transpose(x, layer["w"])))
        x = tf.tanh(conv(_reflect(x, 3), p["last"]["w"]) + p["last"]["b"])
        return 0.5 * x + 0.5

    return p, translate


def make_judge(rng, channels=1):
    """Returns the variables of the PatchGAN of so many channels, and its function."""
    f, count = sizes.CYCLE_FILTERS, sizes.CYCLE_LAYERS
    widths = [f * 2**i for i in range(count + 1)]
    p = {
        "first": {"w": weights(rng, 4, 4, channels, f), "b": zeros(f)},
        "middle": [
            {"w": weights(rng, 4, 4, i, o), "norm": norm(o)}
            for i, o in zip(widths, widths[1:], strict=False)
        ],
        "last": {"w": weights(rng, 4, 4, widths[-1], 1), "b": zeros(1)},
    }

    def judge(x):
        x = leaky_relu(conv(2 * x - 1, p["first"]["w"], 2, 1) + p["first"]["b"])
        for i, layer in enumerate(p["middle"], start=1):
            stride = 2 if i < count else 1
            x = leaky_relu(instance(layer, conv(x, layer["w"], stride, 1)))
        return conv(x, p["last"]["w"], 1, 1) + p["last"]["b"]

    return p, judge


def _make_pool():
    """Returns the function that exchanges images with a pool."""
    side = sizes.CYCLE_IMAGE
    stored = tf.Variable(tf.zeros((sizes.POOL, side, side, 1)), trainable=False)
    count = tf.Variable(0, trainable=False)

    def exchange(images):
        size = images.shape[0]
        arrival = count + tf.range(size)
        fills = arrival < sizes.POOL
        old = tf.argsort(tf.random.uniform((sizes.POOL,)))[:size]
        swaps = ~fills & (tf.random.uniform((size,)) < 0.5)
        olds = tf.gather(stored, old)
        returned = tf.where(swaps[:, None, None, None], olds, images)
        # An image that does not go in writes back what stands there.
        place = tf.where(fills, arrival, old)
        goes_in = (fills | swaps)[:, None, None, None]
        new = tf.where(goes_in, images, olds)
        stored.assign(tf.tensor_scatter_nd_update(stored, place[:, None], new))
        count.assign(tf.minimum(count + size, sizes.POOL))
        return returned

    return exchange


def _cycle_gan(xla):
    rng = generator()
    of_ab, to_b = _make_translator(rng)
    of_ba, to_a = _make_translator(rng)
    of_a, judge_a = make_judge(rng)
    of_b, judge_b = make_judge(rng)
    adam_g = Adam((of_ab, of_ba), sizes.ADAM_ADVERSARIAL)
    adam_a = Adam(of_a, sizes.ADAM_ADVERSARIAL)
    adam_b = Adam(of_b, sizes.ADAM_ADVERSARIAL)
    pool_a, pool_b = _make_pool(), _make_pool()

    def fooled(scores):
        return 0.5 * tf.reduce_mean(tf.square(scores - 1))

    def distance(x, y):
        return tf.reduce_mean(tf.abs(x - y))

    def step(batch):
        a, b = batch
        with tf.GradientTape() as tape:
            fake_a, fake_b = to_a(b), to_b(a)
            total = 2 * fooled(judge_a(fake_a)) + 2 * fooled(judge_b(fake_b))
            cycle = distance(to_a(fake_b), a) + distance(to_b(fake_a), b)
            same = distance(to_a(a), a) + distance(to_b(b), b)
            weight = sizes.CYCLE_WEIGHT
            total = total + weight * cycle + sizes.IDENTITY_WEIGHT * weight * same
        adam_g.minimize(total, tape)
        for real, fake, judge, adam in (
            (a, pool_a(fake_a), judge_a, adam_a),
            (b, pool_b(fake_b), judge_b, adam_b),
        ):
            with tf.GradientTape() as tape:
                loss = fooled(judge(real)) + 0.5 * tf.reduce_mean(
                    tf.square(judge(fake))
                )
            adam.minimize(loss, tape)
            total = total + loss
        return total

    return Loop(step, (of_ab, of_ba, of_a, of_b), xla)


LOOPS = {
    "gan": _gan,
    "wgan": functools.partial(_wasserstein, has_penalty=False),
    "wgan_gp": functools.partial(_wasserstein, has_penalty=True),
    "cycle_gan": _cycle_gan,
}
