"""The train step of VQGAN in plain JAX."""

import jax
import jax.numpy as jnp
from jax import lax

from benchmarks import sizes
from benchmarks.references.jax_cycle_gan import judge, make_judge
from benchmarks.references.jax_parts import (
    Loop,
    adversarial_state,
    conv,
    generator,
    update,
    weights,
)
from benchmarks.references.jax_vq_vae import (
    apply,
    decode_body,
    make_book,
    make_networks,
    narrow,
)


def make_features(rng):
    """Returns the kernels and biases of a network that does not learn."""
    first, last = sizes.FEATURE_FILTERS
    shapes = (3, 3, 1, first), (3, 3, first, last)
    return [{"w": weights(rng, *s), "b": jnp.zeros(s[-1])} for s in shapes]


def _features_of(p, x):
    first = jax.nn.relu(conv(x, p[0]["w"], 1, "SAME") + p[0]["b"])
    last = jax.nn.relu(conv(first, p[1]["w"], 2, "SAME") + p[1]["b"])
    for x in (first, last):
        yield x * lax.rsqrt(jnp.sum(jnp.square(x), -1, keepdims=True) + 1e-10)


def distance(p, x, y):
    """Returns the mean distance of images in features of unit length."""
    pairs = zip(_features_of(p, x), _features_of(p, y), strict=True)
    return sum(jnp.mean(jnp.sum(jnp.square(a - b), -1)) for a, b in pairs)


def autoencoder_loss(p, of_judge, features, book, x):
    """Returns the loss, and the codebook moved, reconstructions, adaptive weight."""
    vectors, cost, book = narrow(p["encoder"], book, x)
    hidden, last = decode_body(p["decoder"], vectors), p["decoder"][-1]

    def images(last, hidden):
        return jax.nn.sigmoid(apply(last, hidden))

    def reconstruction(y):
        far = sizes.FEATURE_WEIGHT * distance(features, x, y)
        return 2 * jnp.mean(jnp.abs(x - y)) + far

    def game(y):
        return -jnp.mean(judge(of_judge, y))

    def length(loss):  # of the gradient for the last kernel
        fixed, inputs = lax.stop_gradient((last, hidden))
        gradient = jax.grad(lambda w: loss(images({**fixed, "w": w}, inputs)))
        return jnp.sqrt(jnp.sum(jnp.square(gradient(fixed["w"]))))

    factor = jnp.minimum(length(reconstruction) / (length(game) + 1e-4), 1e4)
    factor = lax.stop_gradient(factor)
    y = images(last, hidden)
    loss = reconstruction(y) + jnp.mean(cost) / vectors[0].size
    return loss + sizes.GAME_WEIGHT * factor * game(y), (book, y, factor)


def judge_loss(p, x, fake):
    """Returns the hinge loss of images and of reconstructions."""
    loss = jnp.mean(jax.nn.relu(1 - judge(p, x)))
    return 0.5 * (loss + jnp.mean(jax.nn.relu(1 + judge(p, fake))))


def _vq_gan():
    def step(state, x):
        params = state["params"]
        (total, (book, y, _)), gradients = jax.value_and_grad(
            autoencoder_loss, has_aux=True
        )(params["g"], params["d"], state["features"], state["book"], x)
        state = {**update(state, "g", gradients), "book": book}
        loss, gradients = jax.value_and_grad(judge_loss)(params["d"], x, y)
        return update(state, "d", gradients), total + loss

    rng = generator()
    params = {"g": make_networks(rng), "d": make_judge(rng)}
    more = {"book": make_book(rng), "features": make_features(rng)}
    return Loop(step, adversarial_state(params, **more))


LOOPS = {"vq_gan": _vq_gan}
