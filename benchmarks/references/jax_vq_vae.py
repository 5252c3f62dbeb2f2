"""The train step of VQ-VAE in plain JAX, its codebook by moving averages."""

import jax
import jax.numpy as jnp
from jax import lax

from benchmarks import sizes
from benchmarks.references.jax_parts import (
    Loop,
    adam,
    adam_state,
    binary_log_prob,
    conv,
    conv_transpose,
    generator,
    weights,
)

_F, _D, _K = sizes.GRID_FILTERS, sizes.CODE_DIM, sizes.CODES


def make_networks(rng):
    """Returns the parameters of encoder and decoder, in the order of their layers."""
    blocks = [(3, 3, _F, _F), (1, 1, _F, _F)] * sizes.GRID_BLOCKS
    encoder = [(4, 4, 1, _F), (4, 4, _F, _F), (3, 3, _F, _F), *blocks, (1, 1, _F, _D)]
    decoder = [(3, 3, _D, _F), *blocks, *[(4, 4, _F, _F)] * 2, (3, 3, _F, 1)]
    return {
        name: [{"w": weights(rng, *s), "b": jnp.zeros(s[-1])} for s in shapes]
        for name, shapes in (("encoder", encoder), ("decoder", decoder))
    }


def make_book(rng):
    """Returns the state of the codebook."""
    codebook = rng.uniform(-1 / _K, 1 / _K, (_K, _D)).astype("float32")
    return {
        "codebook": jnp.asarray(codebook),
        "counts": jnp.zeros(_K),
        "sums": jnp.zeros((_K, _D)),
        "num_steps": jnp.zeros(()),
    }


def apply(p, x, stride=1):
    """Convolves to images of the size, or of its half."""
    return conv(x, p["w"], stride, "SAME") + p["b"]


def _residuals(layers, x):
    for _ in range(sizes.GRID_BLOCKS):
        y = jax.nn.relu(apply(next(layers), jax.nn.relu(x)))
        x = x + apply(next(layers), y)
    return jax.nn.relu(x)


def _encode(p, x):
    layers, x = iter(p), 2 * x - 1
    for _ in range(2):
        x = jax.nn.relu(apply(next(layers), x, 2))
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
        x = jax.nn.relu(conv_transpose(x, layer["w"]) + layer["b"])
    return x


def _move(book, vectors, codes):
    belongs = jax.nn.one_hot(codes, _K)
    decay, more = sizes.CODE_DECAY, sizes.CODE_SMOOTHING
    num_steps = book["num_steps"] + 1
    counts = decay * book["counts"] + (1 - decay) * belongs.sum(0)
    sums = decay * book["sums"] + (1 - decay) * belongs.T @ vectors
    debias = 1 - decay**num_steps
    uses = counts / debias
    smooth = (uses + more) / (uses.sum() + _K * more) * uses.sum()
    moved = sums / debias / smooth[:, None]
    return {
        "codebook": jnp.where(uses[:, None] > 0, moved, book["codebook"]),
        "counts": counts,
        "sums": sums,
        "num_steps": num_steps,
    }


def narrow(p, book, x):
    """Returns what the decoder takes, the loss of each image, the codebook moved."""
    z, codebook = _encode(p, x), book["codebook"]
    vectors = lax.stop_gradient(z).reshape(-1, _D)
    distances = jnp.sum(codebook**2, 1) - 2 * vectors @ codebook.T
    codes = jnp.argmin(distances, 1)
    chosen = codebook[codes].reshape(z.shape)
    loss = sizes.COMMITMENT * jnp.sum(jnp.square(z - chosen), (1, 2, 3))
    return z + lax.stop_gradient(chosen - z), loss, _move(book, vectors, codes)


def loss_of(p, book, x):
    """Returns the loss and the codebook after a step."""
    quantized, loss, book = narrow(p["encoder"], book, x)
    logits = decode(p["decoder"], quantized)
    return jnp.mean(loss - binary_log_prob(x, logits)), book


def _vq_vae():
    def step(state, x):
        (loss, book), gradients = jax.value_and_grad(loss_of, has_aux=True)(
            state["params"], state["book"], x
        )
        params, slots = adam(state["params"], gradients, state["adam"])
        return {"params": params, "adam": slots, "book": book}, loss

    rng = generator()
    params = make_networks(rng)
    state = {"params": params, "adam": adam_state(params), "book": make_book(rng)}
    return Loop(step, state)


LOOPS = {"vq_vae": _vq_vae}
