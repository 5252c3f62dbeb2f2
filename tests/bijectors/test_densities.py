"""Densities of flows of these bijectors integrate to one."""

import numpy as np
import pytest
from keras import ops

from keras_genmod import NormalizingFlow
from keras_genmod.bijectors import (
    Affine,
    AffineCoupling,
    Chain,
    InvertibleLinear,
    LeakyReLU,
    MaskedAutoregressive,
    Radial,
    RationalQuadraticSpline,
    Sigmoid,
    Split,
)
from keras_genmod.networks import coupling_mlp, made
from tests.models.small_networks import small_network


def lines():
    """A piecewise linear flow of the plane."""
    members = [InvertibleLinear(2, seed=0), LeakyReLU((2,), 0.3)]
    return Chain([*members, InvertibleLinear(2, seed=1), LeakyReLU((2,), 2.0)])


def split():
    """A banana: the first coordinate depends on the second."""
    network = small_network((1,), (2,))
    rng = np.random.default_rng(0)
    for weight in network.weights:
        weight.assign(rng.normal(size=weight.shape) * 0.5)
    return Split((2,), Affine((1,)), network)


def unit_square():
    return Chain([lines(), Affine((2,)), Sigmoid((2,), margin=0.0)])


def curves():
    """Couplings, an autoregressive map, a radial one and splines."""
    members = [
        AffineCoupling((2,), coupling_mlp(2, (4,), activation="tanh")),
        Radial(2, seed=0),
        MaskedAutoregressive(2, made(2, (4,), activation="tanh")),
        AffineCoupling((2,), coupling_mlp(2, (4,), activation="tanh"), flip=True),
        RationalQuadraticSpline((2,), num_bins=4),
    ]
    chain = Chain(members)
    rng = np.random.default_rng(0)
    for weight in chain.trainable_variables:
        weight.assign(rng.normal(size=weight.shape) * 0.5)
    return chain


@pytest.mark.parametrize(
    ("make", "low", "high"),
    [(lines, -15, 15), (curves, -15, 15), (split, -20, 20), (unit_square, 0, 1)],
)
def test_density_integrates_to_one(make, low, high):
    edges = np.linspace(low, high, 501)
    axis, step = (edges[1:] + edges[:-1]) / 2, edges[1] - edges[0]  # midpoints
    grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2).astype("float32")
    model = NormalizingFlow(make())
    log_prob = ops.convert_to_numpy(model.log_prob(grid, batch_size=2**16))
    mass = np.exp(log_prob.astype("float64")).sum() * step**2
    assert abs(mass - 1.0) < 5e-3  # the kinks are jumps of the density
