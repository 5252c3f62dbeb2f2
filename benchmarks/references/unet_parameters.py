"""The parameters of the U-Net of diffusion, as NumPy arrays in a tree."""

import math

import numpy as np

from benchmarks import sizes


def make(rng):
    """Returns the parameters of the U-Net, of images of one channel.

    Args:
        rng: `numpy.random.Generator` of the Glorot-uniform weights.
    """
    filters, multipliers = sizes.UNET_FILTERS, sizes.UNET_MULTIPLIERS
    units, lowest = 4 * filters, len(multipliers) - 1

    def pair(inputs, outputs, level):
        found = {"block": _block(rng, inputs, outputs, units)}
        if level == lowest:
            found["attention"] = _attention(rng, outputs)
        return found

    x, skips, down, up = filters, [filters], [], []
    for level, multiplier in enumerate(multipliers):
        if level > 0:
            down.append(_convolution(rng, x, x))
            skips.append(x)
        for _ in range(sizes.UNET_BLOCKS):
            down.append(pair(x, multiplier * filters, level))
            x = multiplier * filters
            skips.append(x)
    middle = [pair(x, x, lowest), {"block": _block(rng, x, x, units)}]
    for level, multiplier in reversed(list(enumerate(multipliers))):
        for _ in range(sizes.UNET_BLOCKS + 1):
            up.append(pair(x + skips.pop(), multiplier * filters, level))
            x = multiplier * filters
        if level > 0:
            up.append(_convolution(rng, x, x))
    return {
        "embed": (_affine(rng, filters, units), _affine(rng, units, units)),
        "first": _convolution(rng, 1, filters),
        "down": down,
        "middle": middle,
        "up": up,
        "norm": _norm(x),
        "last": _at_zero(3, 3, x, 1),
    }


def _block(rng, inputs, outputs, units):
    p = {
        "norms": (_norm(inputs), _norm(outputs)),
        "first": _convolution(rng, inputs, outputs),
        "scale": _affine(rng, units, outputs),
        "shift": _affine(rng, units, outputs),
        "last": _at_zero(3, 3, outputs, outputs),
    }
    if inputs != outputs:
        p["skip"] = _affine(rng, inputs, outputs)
    return p


def _attention(rng, channels):
    return {
        "norm": _norm(channels),
        **{name: _affine(rng, channels, channels) for name in ("q", "k", "v")},
        "projection": _at_zero(channels, channels),
    }


def _convolution(rng, inputs, outputs):
    return _affine(rng, 3, 3, inputs, outputs)


def _affine(rng, *shape):
    limit = math.sqrt(6 / (math.prod(shape[:-2]) * (shape[-2] + shape[-1])))
    w = rng.uniform(-limit, limit, shape).astype("float32")
    return {**_at_zero(*shape), "w": w}


def _at_zero(*shape):
    return {"w": np.zeros(shape, "float32"), "b": np.zeros(shape[-1], "float32")}


def _norm(channels):
    ones = np.ones(channels, "float32")
    return {"scale": ones, "shift": np.zeros_like(ones)}
