"""The train step of BigGAN in plain JAX."""

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import sizes
from benchmarks.references.jax_adversarial import averages, moved
from benchmarks.references.jax_parts import (
    Loop,
    adversarial_state,
    conv,
    generator,
    norm,
    normalize,
    update,
)
from benchmarks.references.jax_sngan import directions, doubled, halved, spectral

_WIDTH = 4 * sizes.BIG_FILTERS  # of all blocks of images of 32x32
_BLOCKS = 3  # of the generator, from 4 pixels a side on
_PART = sizes.BIG_LATENTS // (_BLOCKS + 1)


def orthogonal(rng, *shape):
    """Returns a kernel whose columns, or rows, are orthonormal."""
    rows, columns = np.prod(shape[:-1]), shape[-1]
    noise = rng.normal(size=(max(rows, columns), min(rows, columns)))
    matrix = np.linalg.qr(noise)[0]
    matrix = matrix if rows >= columns else matrix.T
    return jnp.asarray(matrix.reshape(shape).astype("float32"))


def _layer(rng, *shape, bias=True):
    p = {"w": orthogonal(rng, *shape)}
    return {**p, "b": jnp.zeros(shape[-1])} if bias else p


def _attention(rng):
    inside, key = _WIDTH // 2, _WIDTH // 8
    shapes = (_WIDTH, key), (_WIDTH, key), (_WIDTH, inside), (inside, _WIDTH)
    return [_layer(rng, *shape, bias=False) for shape in shapes]


def make_generator(rng):
    """Returns the parameters of the generator; kernels of norm 1 in their order."""
    layers = [_layer(rng, _PART, 16 * _WIDTH)]
    for block in range(_BLOCKS):
        for _ in range(2):
            condition = sizes.BIG_EMBEDDING + _PART
            layers += [_layer(rng, condition, _WIDTH, bias=False) for _ in range(2)]
            layers += [_layer(rng, 3, 3, _WIDTH, _WIDTH)]
        layers += [_layer(rng, 1, 1, _WIDTH, _WIDTH)]
        layers += _attention(rng) if 8 << block == sizes.BIG_ATTENTION else []
    return {
        "embedding": orthogonal(rng, sizes.BIG_CLASSES, sizes.BIG_EMBEDDING),
        "layers": [*layers, _layer(rng, 3, 3, _WIDTH, 1)],
        "gate": jnp.zeros(()),
        "norm": norm(_WIDTH),
    }


def make_scorer(rng):
    """Returns the parameters of the discriminator; kernels of norm 1 in their order."""
    f, classes = _WIDTH, sizes.BIG_CLASSES
    first = [(3, 3, 1, f), (3, 3, f, f), (1, 1, 1, f)]
    rest = [(3, 3, f, f), (3, 3, f, f), (1, 1, f, f), *[(3, 3, f, f)] * 4, (f, 1)]
    layers = [_layer(rng, *shape) for shape in first] + _attention(rng)
    layers += [_layer(rng, *shape) for shape in rest]
    return {
        "layers": [*layers, _layer(rng, classes, f, bias=False)],
        "gate": jnp.zeros(()),
    }


def _layers_in_turn(layers, us):
    """Returns the function that applies the next layer, and the vectors moved."""
    pairs, new = zip(layers, us, strict=True), []

    def apply(x):
        layer, u = next(pairs)
        w, u = spectral(layer["w"], u)
        new.append(u)
        y = x @ w if w.ndim == 2 else conv(x, w, padding="SAME")
        return y + layer["b"] if "b" in layer else y

    return apply, new


def _attended(apply, gate, x):
    """Adds SAGAN's attention of pixels to 2x2 maxima."""
    n, height, width, channels = x.shape

    def pooled(x):
        x = x.reshape(n, height // 2, 2, width // 2, 2, -1).max((2, 4))
        return x.reshape(n, height * width // 4, -1)

    query = apply(x).reshape(n, height * width, -1)
    key, value = pooled(apply(x)), pooled(apply(x))
    shares = jax.nn.softmax(query @ key.swapaxes(1, 2))
    found = apply(shares @ value)
    return x + gate * found.reshape(n, height, width, channels)


def _one_hot(labels):
    return jax.nn.one_hot(labels, sizes.BIG_CLASSES)


def generate(p, us, z, labels):
    """Returns images, moments of the normalizations, and the vectors moved."""
    apply, us = _layers_in_turn(p["layers"], us)
    moments = []

    def normalized(x, of_norm):
        x, found = normalize(of_norm, x, (0, 1, 2))
        moments.append(found)
        return jax.nn.relu(x)

    def conditioned(x, c):
        gain, bias = (apply(c)[:, None, None] for _ in range(2))
        return normalized(x, {"scale": 1 + gain, "shift": bias})

    embedding = _one_hot(labels) @ p["embedding"]
    first, *parts = jnp.split(z, _BLOCKS + 1, 1)
    x = apply(first).reshape(-1, 4, 4, _WIDTH)
    for part in parts:
        c = jnp.concatenate([embedding, part], 1)
        h = doubled(conditioned(x, c))
        h = conditioned(apply(h), c)
        h = apply(h)
        x = h + apply(doubled(x))
        if x.shape[1] == sizes.BIG_ATTENTION:
            x = _attended(apply, p["gate"], x)
    x = apply(normalized(x, p["norm"]))
    return 0.5 * jnp.tanh(x) + 0.5, tuple(moments), us


def score(p, us, x, labels):
    """Returns scores, and the vectors after a power iteration of each kernel."""
    apply, us = _layers_in_turn(p["layers"], us)
    relu, x = jax.nn.relu, 2 * x - 1

    def twice(x):
        return apply(relu(apply(x)))

    h = halved(twice(x))
    x = _attended(apply, p["gate"], h + apply(halved(x)))
    h = twice(relu(x))
    x = halved(h + apply(x))
    for _ in range(2):
        x = x + twice(relu(x))
    features = relu(x).sum((1, 2))
    scores = apply(features)
    projected = apply(_one_hot(labels)) * features
    return scores + projected.sum(1, keepdims=True), us


def _big_gan():
    def scorer_loss(p, us, x, fake, labels):
        of_real, us = score(p, us, x, labels)
        of_fake, us = score(p, us, fake, labels)
        return jax.nn.relu(1 - of_real).mean() + jax.nn.relu(1 + of_fake).mean(), us

    def generator_loss(p, of_g, scorer, of_d, z, labels):
        fake, moments, of_g = generate(p, of_g, z, labels)
        found, of_d = score(scorer, of_d, fake, labels)
        return -found.mean(), (moments, of_g, of_d)

    def latents(key, x):
        return jax.random.normal(key, (x.shape[0], sizes.BIG_LATENTS))

    def step(state, batch):
        total, moving, of_g, of_d = 0.0, state["moving"], *state["us"]
        for i in range(sizes.BIG_STEPS):
            key, draw = jax.random.split(state["key"])
            x, labels = (part[i :: sizes.BIG_STEPS] for part in batch)
            fake, moments, of_g = generate(
                state["params"]["g"], of_g, latents(draw, x), labels
            )
            moving = moved(moving, moments)
            (loss, of_d), gradients = jax.value_and_grad(scorer_loss, has_aux=True)(
                state["params"]["d"], of_d, x, fake, labels
            )
            state = {**update(state, "d", gradients), "key": key}
            total = total + loss / sizes.BIG_STEPS
        key, draw = jax.random.split(state["key"])
        (loss, (moments, *us)), gradients = jax.value_and_grad(
            generator_loss, has_aux=True
        )(
            *(state["params"]["g"], of_g, state["params"]["d"], of_d),
            *(latents(draw, batch[0]), batch[1]),
        )
        state = {**update(state, "g", gradients), "key": key, "us": us}
        return {**state, "moving": moved(moving, moments)}, total + loss

    rng = generator()
    params = {"g": make_generator(rng), "d": make_scorer(rng)}
    us = [directions(params[name]["layers"]) for name in "gd"]
    moving = averages(*[_WIDTH] * (2 * _BLOCKS + 1))
    return Loop(step, adversarial_state(params, us=us, moving=moving))


LOOPS = {"big_gan": _big_gan}
