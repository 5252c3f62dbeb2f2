"""The train step of StyleGAN2 in plain TensorFlow."""

import math

import numpy as np
import tensorflow as tf

from benchmarks import sizes
from benchmarks.references import tensorflow_parts
from benchmarks.references.tensorflow_parts import Adam, conv, generator, leaky_relu

_SIDE = 4  # of the smallest map
_DOUBLINGS = int(math.log2(sizes.STYLE_IMAGE // _SIDE))
WIDTHS = tuple(
    min(sizes.STYLE_BASE // 2 ** (i + 2), sizes.STYLE_FILTERS)
    for i in range(_DOUBLINGS + 1)
)
NUM_STYLES = 2 * len(WIDTHS)
_SPEED = 0.01  # of the mapping's weights
_KEPT, _PATH_STEP = 0.995, 0.01  # of the mean style, of the mean path length
_HALF_LIFE, _RAMP = 10_000.0, 0.05  # of the averaged weights, in images


def _normal(rng, *shape, scale=1.0):
    return tf.Variable(rng.normal(0.0, scale, shape).astype("float32"))


def _layer(rng, *shape, speed=1.0, start=0.0):
    """Returns weights from N(0, 1 / speed^2), which are scaled where they are used."""
    bias = tf.Variable(tf.fill(shape[-1:], start))
    return {"w": _normal(rng, *shape, scale=1.0 / speed), "b": bias}


def _scaled(p):
    return p["w"] * (1.0 / math.sqrt(math.prod(p["w"].shape[:-1])))


def _dense(p, x, speed=1.0):
    return tf.matmul(x, speed * _scaled(p)) + speed * p["b"]


def _activated(x):
    return math.sqrt(2.0) * leaky_relu(x)


def _filter(channels, scale):
    """Returns the filter (1, 3, 3, 1) along each side, for each channel."""
    side = np.array([0.125, 0.375, 0.375, 0.125], "float32") * scale
    return np.tile((side[:, None] * side)[..., None, None], (1, 1, channels, 1))


def blurred(x, stride=1):
    """Returns filtered images, or every second pixel of them."""
    pad = (3 - stride, 1)
    x = tf.pad(x, ((0, 0), pad, pad, (0, 0)))
    kernel = _filter(x.shape[-1], 1.0)
    return tf.nn.depthwise_conv2d(x, kernel, (1, stride, stride, 1), "VALID")


def doubled(x):
    """Returns images twice as large, filtered after zeros came between pixels."""
    side, channels = 2 * x.shape[1], x.shape[-1]
    shape = (tf.shape(x)[0], side, side, channels)
    return tf.nn.depthwise_conv2d_backprop_input(
        shape, _filter(channels, 2.0), x, (1, 2, 2, 1), [(0, 0), (1, 1), (1, 1), (0, 0)]
    )


# Networks.


def make_mapping(rng):
    """Returns the variables of the mapping."""
    shape = sizes.STYLE_DIM, sizes.STYLE_DIM
    return [_layer(rng, *shape, speed=_SPEED) for _ in range(sizes.STYLE_LAYERS)]


def map_latents(p, z):
    """Returns styles of latents."""
    x = z * tf.math.rsqrt(tf.reduce_mean(z * z, -1, keepdims=True) + 1e-8)
    for layer in p:
        x = _activated(_dense(layer, x, _SPEED))
    return x


def make_synthesis(rng):
    """Returns the variables of the synthesis."""

    def modulated(inputs, outputs, size):
        layer = _layer(rng, size, size, inputs, outputs)
        return {**layer, "style": _layer(rng, sizes.STYLE_DIM, inputs, start=1.0)}

    pairs = [(WIDTHS[0], WIDTHS[0])]
    for before, width in zip(WIDTHS, WIDTHS[1:], strict=False):
        pairs += [(before, width), (width, width)]
    styled = [{**modulated(*pair, 3), "strength": tf.Variable(0.0)} for pair in pairs]
    return {
        "constant": _normal(rng, _SIDE, _SIDE, WIDTHS[0]),
        "styled": styled,
        "colours": [modulated(width, 1, 1) for width in WIDTHS],
    }


def make_noise(rng):
    """Returns the fixed noise of each modulated convolution of 3x3."""
    sides = [_SIDE * 2 ** ((i + 1) // 2) for i in range(2 * _DOUBLINGS + 1)]
    return [rng.normal(size=(1, side, side, 1)).astype("float32") for side in sides]


def _styled(p, x, w, noise):
    style = _dense(p["style"], w)
    squares = tf.reduce_sum(tf.square(p["w"]), (0, 1))
    length = tf.math.rsqrt(tf.matmul(tf.square(style), squares) + 1e-8)
    x = conv(x * style[:, None, None], p["w"], padding="SAME")
    return _activated(x * length[:, None, None] + p["b"] + p["strength"] * noise)


def _coloured(p, x, w):
    style = _dense(p["style"], w) / math.sqrt(x.shape[-1])
    return conv(x * style[:, None, None], p["w"]) + p["b"]


def synthesize(p, styles, noise):
    """Returns images of styles `(batch, NUM_STYLES, STYLE_DIM)` and noise."""
    layers = iter(zip(p["styled"], noise, strict=True))
    each = tf.unstack(styles, axis=1)

    def styled(x, i):
        layer, of_layer = next(layers)
        return _styled(layer, x, each[i], of_layer)

    x = tf.repeat(p["constant"][None], tf.shape(styles)[0], 0)
    x = styled(x, 0)
    image = _coloured(p["colours"][0], x, each[1])
    for i, colours in enumerate(p["colours"][1:]):
        x = styled(styled(doubled(x), 2 * i + 1), 2 * i + 2)
        image = doubled(image) + _coloured(colours, x, each[2 * i + 3])
    return 0.5 * tf.tanh(image) + 0.5


def make_scorer(rng):
    """Returns the variables of the discriminator."""
    blocks = []
    for width, narrower in zip(WIDTHS[:0:-1], WIDTHS[-2::-1], strict=True):
        layers = [_layer(rng, 3, 3, width, outputs) for outputs in (width, narrower)]
        blocks.append([*layers, {"w": _normal(rng, 1, 1, width, narrower)}])
    return {
        "first": _layer(rng, 1, 1, 1, WIDTHS[-1]),
        "blocks": blocks,
        "last": _layer(rng, 3, 3, WIDTHS[0] + 1, WIDTHS[0]),
        "dense": _layer(rng, _SIDE * _SIDE * WIDTHS[0], WIDTHS[0]),
        "score": _layer(rng, WIDTHS[0], 1),
    }


def score(p, x):
    """Returns scores of images."""

    def apply(layer, x, stride=1):
        return tf.nn.bias_add(conv(x, _scaled(layer), stride, "SAME"), layer["b"])

    x = _activated(apply(p["first"], 2 * x - 1))
    for first, last, skip in p["blocks"]:
        h = blurred(_activated(apply(first, x)))
        h = _activated(apply(last, h, 2))
        x = (h + conv(blurred(x, 2), _scaled(skip))) * math.sqrt(0.5)
    x = tf.concat([x, _deviation(x)], -1)
    x = _activated(apply(p["last"], x))
    x = tf.reshape(x, (-1, math.prod(x.shape[1:])))
    return _dense(p["score"], _activated(_dense(p["dense"], x)))


def _deviation(x):
    """Returns how much the images of a group vary, as a map."""
    groups = tf.reshape(x, (sizes.STYLE_GROUP, -1, *x.shape[1:]))
    variance = tf.math.reduce_variance(groups, 0)
    deviation = tf.reduce_mean(tf.sqrt(variance + 1e-8), (1, 2, 3))
    column = tf.tile(deviation, [sizes.STYLE_GROUP])[:, None, None, None]
    return tf.tile(column, (1, _SIDE, _SIDE, 1))


# Training.


def mixed_styles(mapping, size):
    """Returns the styles of each layer, some of two latents, and those of the first."""
    w = map_latents(mapping, tf.random.normal((2 * size, sizes.STYLE_DIM)))
    first, second = tf.split(w, 2)
    mixes = tf.random.uniform((size,)) < sizes.STYLE_MIXING
    cut = tf.random.uniform((size,), 1, NUM_STYLES, "int32")
    cut = tf.where(mixes, cut, NUM_STYLES)
    is_first = tf.range(NUM_STYLES) < cut[:, None]
    return tf.where(is_first[..., None], first[:, None], second[:, None]), first


def path_lengths(p, styles, noise, y):
    """Returns the length of the path that a step in each image's styles takes."""
    with tf.GradientTape() as tape:
        tape.watch(styles)
        total = tf.reduce_sum(synthesize(p, styles, noise) * y) / sizes.STYLE_IMAGE
    squares = tf.reduce_sum(tf.square(tape.gradient(total, styles)), 2)
    return tf.sqrt(tf.reduce_mean(squares, 1) + 1e-12)


def scorer_loss(p, x, fake, has_penalty):
    """Returns the discriminator's loss, with R1 or without it."""
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        if has_penalty:
            tape.watch(x)
        of_real = score(p, x)
    loss = tf.reduce_mean(tf.nn.softplus(-of_real))
    loss += tf.reduce_mean(tf.nn.softplus(score(p, fake)))
    if has_penalty:
        squares = tf.reduce_sum(tf.square(tape.gradient(of_real, x)), (1, 2, 3))
        loss += sizes.STYLE_R1_EVERY * sizes.STYLE_R1 / 2 * tf.reduce_mean(squares)
    return loss


class Loop(tensorflow_parts.Loop):
    """Steps that take penalties now and then, a function for each kind."""

    def __init__(self, xla):
        rng = generator()
        self._mapping, self._synthesis = make_mapping(rng), make_synthesis(rng)
        self._scorer, self._noise = make_scorer(rng), make_noise(rng)
        of_g = tf.nest.flatten((self._mapping, self._synthesis))
        self._adam_g = Adam(of_g, sizes.ADAM_ADVERSARIAL)
        self._adam_d = Adam(self._scorer, sizes.ADAM_ADVERSARIAL)
        self._averaged = [tf.Variable(v) for v in of_g]
        self._mean_style = tf.Variable(tf.zeros(sizes.STYLE_DIM))
        self._mean_length, self._num_images = tf.Variable(0.0), tf.Variable(0.0)
        self._num_steps = 0
        super().__init__(self._take_step, (of_g, self._scorer), xla)

    def __call__(self, batch):
        """Takes one step; returns the loss as it is on the device."""
        intervals = sizes.STYLE_R1_EVERY, sizes.STYLE_PATH_EVERY
        penalties = tuple(self._num_steps % every == 0 for every in intervals)
        self._num_steps += 1
        return self._step(batch, *penalties)

    def _take_step(self, x, takes_r1, takes_paths):
        size = x.shape[0]
        fake, *_ = self._generate(size)
        with tf.GradientTape() as tape:
            total = scorer_loss(self._scorer, x, fake, takes_r1)
        self._adam_d.minimize(total, tape)
        with tf.GradientTape() as tape:
            fake, styles, w = self._generate(size)
            loss = tf.reduce_mean(tf.nn.softplus(-score(self._scorer, fake)))
            if takes_paths:
                loss += self._path_loss(styles[: (size + 1) // 2])
        self._adam_g.minimize(loss, tape)
        self._average(w, size)
        return total + loss

    def _generate(self, size):
        """Returns images, the styles of their layers, and those before mixing."""
        styles, w = mixed_styles(self._mapping, size)
        noise = [tf.random.normal((size, *n.shape[1:])) for n in self._noise]
        return synthesize(self._synthesis, styles, noise), styles, w

    def _path_loss(self, styles):
        """Returns how far paths are from their mean length, and moves that."""
        side = sizes.STYLE_IMAGE
        y = tf.random.normal((styles.shape[0], side, side, 1))
        lengths = path_lengths(self._synthesis, styles, self._noise, y)
        mean = tf.convert_to_tensor(self._mean_length)
        mean += _PATH_STEP * (tf.reduce_mean(lengths) - mean)
        self._mean_length.assign(mean)
        weight = sizes.STYLE_PATH_EVERY * sizes.STYLE_PATH
        return weight * tf.reduce_mean(tf.square(lengths - mean))

    def _average(self, w, size):
        """Moves the averaged weights and the mean style."""
        step = tf.reduce_mean(w, 0) - self._mean_style
        self._mean_style.assign_add((1 - _KEPT) * step)
        seen = self._num_images.assign_add(size)
        rest = 1 - 0.5 ** (size / tf.minimum(_HALF_LIFE, _RAMP * seen))
        for average, value in zip(self._averaged, self._adam_g.variables, strict=True):
            average.assign_add(rest * (value - average))


LOOPS = {"style_gan2": Loop}
