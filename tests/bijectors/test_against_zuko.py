"""Flows and splines against zuko's, on torch, with the same weights."""

import math

import keras
import numpy as np
import pytest
from keras import ops

from keras_genmod import NormalizingFlow
from keras_genmod.bijectors import (
    AffineCoupling,
    Chain,
    MaskedAutoregressive,
    RationalQuadraticSpline,
)
from keras_genmod.layers import MaskedDense
from keras_genmod.networks import coupling_mlp

pytestmark = pytest.mark.any_backend
torch = pytest.importorskip("torch")
zuko = pytest.importorskip("zuko")

EVENT_DIM, HIDDEN = 4, (16, 16)
POINTS = 1.5 * np.random.default_rng(0).normal(size=(64, EVENT_DIM)).astype("float32")
SLOPE = 1e-3  # zuko bounds the logarithm of a scale by that of this
TINY_SLOPE = 1e-30


def unbounded(log_scale, slope=SLOPE, factor=1.0):
    """Returns what zuko's soft clipping takes to `log_scale`."""
    return log_scale / (1.0 - abs(factor * log_scale / math.log(slope)))


def univariate(shift, raw):
    """Our map from data to latents as zuko's: (x - shift) exp(-s)."""
    s = 5.0 * torch.tanh(raw / 5.0)
    return zuko.transforms.MonotonicAffineTransform(
        -shift * torch.exp(-s), unbounded(-s)
    )


def arrays(tensors):
    return [tensor.detach().numpy() for tensor in tensors]


def zuko_log_prob(transforms):
    base = zuko.lazy.UnconditionalDistribution(
        zuko.distributions.DiagNormal,
        torch.zeros(EVENT_DIM),
        torch.ones(EVENT_DIM),
        buffer=True,
    )
    with torch.no_grad():
        points = torch.from_numpy(POINTS)
        return zuko.flows.Flow(transforms, base)().log_prob(points).numpy()


def our_log_prob(members):
    # zuko lists transforms from data to latents, a `Chain` its members backwards.
    log_prob = NormalizingFlow(Chain(members[::-1])).log_prob(POINTS)
    return ops.convert_to_numpy(log_prob)


@pytest.fixture(autouse=True)
def seeded_torch():
    torch.manual_seed(0)


def test_log_prob_of_a_masked_autoregressive_flow():
    transforms, members = [], []
    for _ in range(3):
        transform = zuko.flows.MaskedAutoregressiveTransform(
            EVENT_DIM, hidden_features=HIDDEN, univariate=univariate
        )
        network = copy_of_masked(transform)
        transforms.append(transform)
        members.append(MaskedAutoregressive(EVENT_DIM, network))
    found, expected = our_log_prob(members), zuko_log_prob(transforms)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-4)
    assert np.ptp(expected) > 1.0


def copy_of_masked(transform):
    """Makes a network of `MaskedDense` layers with zuko's masks and weights."""
    inputs = x = keras.Input((EVENT_DIM,))
    degrees, weights = np.arange(1, EVENT_DIM + 1), []
    for layer in linear_layers(transform):
        mask = layer.mask.numpy()
        following = (mask * degrees).max(axis=1)
        x = MaskedDense(degrees.tolist(), following.tolist())(x)
        x = x if layer.out_features == 2 * EVENT_DIM else keras.layers.ReLU()(x)
        np.testing.assert_array_equal(mask, degrees <= following[:, None])
        degrees, weights = following, weights + arrays((layer.weight.T, layer.bias))
    network = keras.Model(inputs, keras.layers.Reshape((EVENT_DIM, 2))(x))
    network.set_weights(weights)
    return network


def linear_layers(transform):
    return [layer for layer in transform.hyper if hasattr(layer, "weight")]


@pytest.mark.parametrize("mask", ["half", "checkerboard"])
def test_log_prob_of_a_real_nvp(mask):
    transforms, members = [], []
    for flip in (False, True, False):
        kept = np.arange(EVENT_DIM) < EVENT_DIM // 2
        kept = kept if mask == "half" else np.arange(EVENT_DIM) % 2 == 0
        kept = kept != flip
        transform = zuko.flows.GeneralCouplingTransform(
            EVENT_DIM,
            mask=torch.from_numpy(kept),
            hidden_features=HIDDEN,
            univariate=univariate,
        )
        network = coupling_mlp(EVENT_DIM, HIDDEN)
        copy_coupling(network, transform, kept)
        transforms.append(transform)
        members.append(AffineCoupling((EVENT_DIM,), network, mask, flip))
    found, expected = our_log_prob(members), zuko_log_prob(transforms)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-4)
    assert np.ptp(expected) > 1.0


def copy_coupling(network, transform, kept):
    """Copies a network of kept values into one of all, which has rows of zeros."""
    layers = linear_layers(transform)
    weights = [arrays((layer.weight.T, layer.bias)) for layer in layers]
    first, last = weights[0][0], weights[-1]
    weights[0][0] = np.zeros((EVENT_DIM, first.shape[1]))
    weights[0][0][kept] = first
    # zuko's outputs are (shift, scale) a moved value; ours all shifts, then scales.
    columns = np.flatnonzero(~kept)[:, None] + [0, EVENT_DIM]
    for i, values in enumerate(last):
        last[i] = np.zeros((*values.shape[:-1], 2 * EVENT_DIM))
        last[i][..., columns.reshape(-1)] = values
    network.set_weights([array for pair in weights for array in pair])


def test_spline_and_its_inverse():
    num_bins, bound = 6, 2.5
    bijector = RationalQuadraticSpline((EVENT_DIM,), num_bins, bound)
    raw = np.random.default_rng(1).normal(size=bijector.raw.shape)
    bijector.raw.assign(raw)
    parts = np.split(raw, [num_bins, 2 * num_bins], axis=-1)
    # zuko has no smallest bin and other derivatives: it gets what makes ours of them.
    shares = [torch.softmax(torch.tensor(part), dim=-1) for part in parts[:2]]
    widths, heights = (
        unbounded(torch.log(1e-3 + (1 - 1e-3 * num_bins) * s), TINY_SLOPE, 2.0)
        for s in shares
    )
    slopes = torch.nn.functional.softplus(
        torch.tensor(parts[2]) + math.log(math.expm1(1 - 1e-3))
    )
    slopes = unbounded(torch.log(1e-3 + slopes), TINY_SLOPE)
    transform = zuko.transforms.MonotonicRQSTransform(
        widths, heights, slopes, bound=bound, slope=TINY_SLOPE
    )
    points = torch.from_numpy(2.0 * POINTS.astype("float64"))  # some outside the box
    assert np.any(np.abs(points.numpy()) > bound)
    expected, log_det = transform.call_and_ladj(points)
    found = bijector.forward_and_log_det(2.0 * POINTS)
    check(found, (expected, log_det.sum(dim=-1)))
    expected, log_det = transform.inv.call_and_ladj(points)
    found = bijector.inverse_and_log_det(2.0 * POINTS)
    check(found, (expected, log_det.sum(dim=-1)))


def check(found, expected):
    for value, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(ops.convert_to_numpy(value), other, atol=1e-4)
