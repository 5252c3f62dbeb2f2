"""The train step of StyleGAN2 in plain JAX."""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from benchmarks import sizes
from benchmarks.references import jax_parts
from benchmarks.references.jax_parts import (
    adversarial_state,
    conv,
    generator,
    leaky_relu,
    update,
)

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


def _layer(rng, *shape, speed=1.0, start=0.0):
    """Returns weights from N(0, 1 / speed^2), which are scaled where they are used."""
    w = rng.normal(0.0, 1.0 / speed, shape).astype("float32")
    return {"w": jnp.asarray(w), "b": jnp.full(shape[-1], start, "float32")}


def _scaled(p):
    return p["w"] * (1.0 / math.sqrt(math.prod(p["w"].shape[:-1])))


def _dense(p, x, speed=1.0):
    return x @ (speed * _scaled(p)) + speed * p["b"]


def _activated(x):
    return math.sqrt(2.0) * leaky_relu(x)


# The filter (1, 3, 3, 1) along each side, as a matrix that most entries of are zero:
# on a CPU, XLA makes slow loops of grouped convolutions.


def _filter(inputs, outputs):
    """Returns the matrix that filters a side, and doubles or halves it."""
    down, up = max(inputs // outputs, 1), max(outputs // inputs, 1)
    matrix = np.zeros((outputs, inputs), "float32")
    for i in range(outputs):
        for tap, share in enumerate((0.125, 0.375, 0.375, 0.125)):
            place = i * down + tap - (1 if down == 2 else 2)
            if 0 <= place < inputs * up and place % up == 0:
                matrix[i, place // up] = up * share
    return matrix


def filtered(x, side):
    """Returns filtered images of another side, the same, twice or half of theirs."""
    matrix = _filter(x.shape[1], side)
    return jnp.einsum("ih,nhwc,jw->nijc", matrix, x, matrix)


# Networks.


def make_mapping(rng):
    """Returns the parameters of the mapping."""
    shape = sizes.STYLE_DIM, sizes.STYLE_DIM
    return [_layer(rng, *shape, speed=_SPEED) for _ in range(sizes.STYLE_LAYERS)]


def map_latents(p, z):
    """Returns styles of latents."""
    x = z * lax.rsqrt(jnp.mean(z * z, -1, keepdims=True) + 1e-8)
    for layer in p:
        x = _activated(_dense(layer, x, _SPEED))
    return x


def make_synthesis(rng):
    """Returns the parameters of the synthesis."""

    def modulated(inputs, outputs, size):
        layer = _layer(rng, size, size, inputs, outputs)
        return {**layer, "style": _layer(rng, sizes.STYLE_DIM, inputs, start=1.0)}

    pairs = [(WIDTHS[0], WIDTHS[0])]
    for before, width in zip(WIDTHS, WIDTHS[1:], strict=False):
        pairs += [(before, width), (width, width)]
    return {
        "constant": jnp.asarray(rng.normal(size=(_SIDE, _SIDE, WIDTHS[0])), "float32"),
        "styled": [
            {**modulated(*pair, 3), "strength": jnp.zeros(())} for pair in pairs
        ],
        "colours": [modulated(width, 1, 1) for width in WIDTHS],
    }


def make_noise(rng):
    """Returns the fixed noise of each modulated convolution of 3x3."""
    sides = [_SIDE * 2 ** ((i + 1) // 2) for i in range(2 * _DOUBLINGS + 1)]
    shapes = [(1, side, side, 1) for side in sides]
    return [jnp.asarray(rng.normal(size=shape), "float32") for shape in shapes]


def _styled(p, x, w, noise):
    style = _dense(p["style"], w)
    squares = jnp.sum(jnp.square(p["w"]), (0, 1))
    length = lax.rsqrt(jnp.square(style) @ squares + 1e-8)
    x = conv(x * style[:, None, None], p["w"], padding="SAME") * length[:, None, None]
    return _activated(x + p["b"] + p["strength"] * noise)


def _coloured(p, x, w):
    style = _dense(p["style"], w) / math.sqrt(x.shape[-1])
    return (x * style[:, None, None]) @ p["w"][0, 0] + p["b"]


def synthesize(p, styles, noise):
    """Returns images of styles `(batch, NUM_STYLES, STYLE_DIM)` and noise."""
    layers = iter(zip(p["styled"], noise, strict=True))

    def styled(x, i):
        layer, of_layer = next(layers)
        return _styled(layer, x, styles[:, i], of_layer)

    x = jnp.broadcast_to(p["constant"], (len(styles), *p["constant"].shape))
    x = styled(x, 0)
    image = _coloured(p["colours"][0], x, styles[:, 1])
    for i, colours in enumerate(p["colours"][1:]):
        side = 2 * x.shape[1]
        x = styled(styled(filtered(x, side), 2 * i + 1), 2 * i + 2)
        image = filtered(image, side) + _coloured(colours, x, styles[:, 2 * i + 3])
    return 0.5 * jnp.tanh(image) + 0.5


def make_scorer(rng):
    """Returns the parameters of the discriminator."""
    blocks = []
    for width, narrower in zip(WIDTHS[:0:-1], WIDTHS[-2::-1], strict=True):
        skip = {"w": _layer(rng, 1, 1, width, narrower)["w"]}
        layers = [_layer(rng, 3, 3, width, outputs) for outputs in (width, narrower)]
        blocks.append([*layers, skip])
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
        return conv(x, _scaled(layer), stride, "SAME") + layer["b"]

    x = _activated((2 * x - 1) @ _scaled(p["first"])[0, 0] + p["first"]["b"])
    for first, last, skip in p["blocks"]:
        h = _activated(apply(first, x))
        h = _activated(apply(last, filtered(h, x.shape[1]), 2))
        x = (h + filtered(x, x.shape[1] // 2) @ _scaled(skip)[0, 0]) * math.sqrt(0.5)
    x = jnp.concatenate([x, _deviation(x)], -1)
    x = _activated(apply(p["last"], x)).reshape(len(x), -1)
    return _dense(p["score"], _activated(_dense(p["dense"], x)))


def _deviation(x):
    """Returns how much the images of a group vary, as a map."""
    groups = x.reshape(sizes.STYLE_GROUP, -1, *x.shape[1:])
    deviation = jnp.sqrt(jnp.var(groups, 0) + 1e-8).mean((1, 2, 3))
    column = jnp.tile(deviation, sizes.STYLE_GROUP)[:, None, None, None]
    return jnp.broadcast_to(column, (*x.shape[:3], 1))


# Training.


def mixed_styles(mapping, key, size):
    """Returns the styles of each layer, some of two latents, and those of the first."""
    keys = jax.random.split(key, 3)
    z = jax.random.normal(keys[0], (2, size, sizes.STYLE_DIM))
    first, second = map_latents(mapping, z)
    mixes = jax.random.uniform(keys[1], (size,)) < sizes.STYLE_MIXING
    cut = jax.random.randint(keys[2], (size,), 1, NUM_STYLES)
    cut = jnp.where(mixes, cut, NUM_STYLES)
    is_first = jnp.arange(NUM_STYLES) < cut[:, None]
    return jnp.where(is_first[..., None], first[:, None], second[:, None]), first


def _generate(p, key, fixed_noise, size):
    """Returns images, the styles of their layers, and those before mixing."""
    of_styles, *keys = jax.random.split(key, 1 + len(fixed_noise))
    styles, w = mixed_styles(p["mapping"], of_styles, size)
    noise = [
        jax.random.normal(key, (size, *fixed.shape[1:]))
        for key, fixed in zip(keys, fixed_noise, strict=True)
    ]
    return synthesize(p["synthesis"], styles, noise), styles, w


def path_lengths(p, styles, noise, y):
    """Returns the length of the path that a step in each image's styles takes."""
    y = y / sizes.STYLE_IMAGE
    gradient = jax.grad(lambda w: jnp.sum(synthesize(p, w, noise) * y))(styles)
    return jnp.sqrt(jnp.square(gradient).sum(2).mean(1) + 1e-12)


def scorer_loss(p, x, fake, has_penalty):
    """Returns the discriminator's loss, with R1 or without it."""
    of_real, pull = jax.vjp(lambda x: score(p, x), x)
    loss = jax.nn.softplus(-of_real).mean() + jax.nn.softplus(score(p, fake)).mean()
    if not has_penalty:
        return loss
    (gradient,) = pull(jnp.ones_like(of_real))
    weight = sizes.STYLE_R1_EVERY * sizes.STYLE_R1 / 2
    return loss + weight * jnp.square(gradient).sum((1, 2, 3)).mean()


def _generator_loss(p, state, key, size, has_penalty):
    key, draw = jax.random.split(key)
    fake, styles, w = _generate(p, key, state["noise"], size)
    loss = jax.nn.softplus(-score(state["params"]["d"], fake)).mean()
    mean = state["mean_length"]
    if has_penalty:
        half = (size + 1) // 2
        y = jax.random.normal(draw, (half, *fake.shape[1:]))
        lengths = path_lengths(p["synthesis"], styles[:half], state["noise"], y)
        mean = mean + _PATH_STEP * (lengths.mean() - mean)
        weight = sizes.STYLE_PATH_EVERY * sizes.STYLE_PATH
        loss = loss + weight * jnp.square(lengths - mean).mean()
    return loss, (w.mean(0), mean)


def _step(state, x, penalties):
    """Takes a step with the penalties that are due: R1, and path lengths."""
    size = len(x)
    key, first, second = jax.random.split(state["key"], 3)
    fake, *_ = _generate(state["params"]["g"], first, state["noise"], size)
    loss_d, gradients = jax.value_and_grad(scorer_loss)(
        state["params"]["d"], x, fake, penalties[0]
    )
    state = update(state, "d", gradients)
    (loss_g, (style, mean_length)), gradients = jax.value_and_grad(
        _generator_loss, has_aux=True
    )(state["params"]["g"], state, second, size, penalties[1])
    state = update(state, "g", gradients)
    seen = state["seen"] + size
    momentum = 0.5 ** (size / jnp.minimum(_HALF_LIFE, _RAMP * seen))
    averaged = jax.tree.map(
        lambda a, p: p + momentum * (a - p), state["averaged"], state["params"]["g"]
    )
    moved = {
        "averaged": averaged,
        "mean_style": _KEPT * state["mean_style"] + (1 - _KEPT) * style,
        "mean_length": mean_length,
        "seen": seen,
        "key": key,
    }
    return {**state, **moved}, loss_d + loss_g


class Loop(jax_parts.Loop):
    """Steps that take penalties now and then, a jitted function for each kind."""

    def __init__(self, state):
        super().__init__(_step, state)
        self._step = jax.jit(_step, static_argnums=2, donate_argnums=0)
        self._num_steps = 0

    def __call__(self, batch):
        """Takes one step; returns the loss as it is on the device."""
        intervals = sizes.STYLE_R1_EVERY, sizes.STYLE_PATH_EVERY
        penalties = tuple(self._num_steps % every == 0 for every in intervals)
        self._num_steps += 1
        self._state, loss = self._step(self._state, batch, penalties)
        return loss

    def planned_bytes(self, batch):
        """Returns the memory that XLA has planned for a step with all penalties."""
        lowered = self._step.lower(self._state, batch, (True, True))
        return jax_parts.planned_bytes(lowered)


def _style_gan2():
    rng = generator()
    g = {"mapping": make_mapping(rng), "synthesis": make_synthesis(rng)}
    state = adversarial_state(
        {"g": g, "d": make_scorer(rng)},
        averaged=jax.tree.map(jnp.copy, g),
        noise=make_noise(rng),
        mean_style=jnp.zeros(sizes.STYLE_DIM),
        mean_length=jnp.zeros(()),
        seen=jnp.zeros(()),
    )
    return Loop(state)


LOOPS = {"style_gan2": _style_gan2}
