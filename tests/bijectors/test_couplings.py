"""Coupling layers: masks, what depends on what, maps against their formulas."""

import numpy as np
import pytest
from keras import ops

from keras_genmod.bijectors import AdditiveCoupling, AffineCoupling, SplineCoupling
from keras_genmod.networks import coupling_cnn, coupling_mlp
from tests.autodiff import jacobians

IMAGE = (2, 3, 2)


def with_random_weights(network):
    rng = np.random.default_rng(1)
    network.set_weights([0.5 * rng.normal(size=w.shape) for w in network.get_weights()])
    return network


def vectors(cls, event_dim=4, outputs=2, condition_dim=None, **kwargs):
    network = coupling_mlp(event_dim, (8,), outputs, condition_dim, activation="tanh")
    with_random_weights(network)
    return cls((event_dim,), network, condition_dim=condition_dim, **kwargs)


def images(cls, outputs=2, shape=IMAGE, **kwargs):
    network = with_random_weights(coupling_cnn(shape, 4, 1, outputs))
    return cls(shape, network, **kwargs)


HALF, ODD_HALF = np.array([1, 1, 0, 0]), np.array([1, 1, 0, 0, 0])
CHECKERBOARD = np.array([[1, 0, 1], [0, 1, 0]])[..., None] * [1, 1]
CHANNEL = np.ones((2, 3, 1), int) * [1, 0]
CASES = {
    "affine": (lambda **k: vectors(AffineCoupling, **k), HALF),
    "affine_odd": (lambda **k: vectors(AffineCoupling, 5, **k), ODD_HALF),
    "additive": (
        lambda **k: vectors(AdditiveCoupling, outputs=1, mask="checkerboard", **k),
        np.array([1, 0, 1, 0]),
    ),
    "spline": (
        lambda **k: vectors(SplineCoupling, outputs=11, num_bins=4, bound=4.0, **k),
        HALF,
    ),
    "affine_channel": (
        lambda **k: images(AffineCoupling, mask="channel", **k),
        CHANNEL,
    ),
    "affine_checkerboard": (
        lambda **k: images(AffineCoupling, mask="checkerboard", **k),
        CHECKERBOARD,
    ),
    "spline_checkerboard": (
        lambda **k: images(SplineCoupling, 5, mask="checkerboard", num_bins=2, **k),
        CHECKERBOARD,
    ),
}


@pytest.mark.parametrize(("direction", "flip"), [("forward", False), ("inverse", True)])
@pytest.mark.parametrize("name", CASES)
def test_kept_values_stay_and_move_the_others_one_by_one(direction, name, flip, rng):
    make, kept = CASES[name]
    kept = np.reshape(kept, -1).astype(bool) != flip
    bijector = make(flip=flip)
    points = rng.normal(size=(8, *bijector.event_shape)).astype("float32")
    method = getattr(bijector, direction)
    moved = ops.convert_to_numpy(method(points)).reshape(8, -1)
    flat = points.reshape(8, -1)
    np.testing.assert_array_equal(moved[:, kept], flat[:, kept])
    assert np.all(moved[:, ~kept] != flat[:, ~kept])
    found = jacobians(method, points, kept.size)
    found = np.abs(found.reshape(8, kept.size, kept.size)).max(axis=0)
    np.testing.assert_array_equal(found[kept], np.eye(kept.size)[kept])
    moving = found[np.ix_(~kept, ~kept)]
    assert np.all((moving > 0) == np.eye(len(moving)))
    assert np.all(found[np.ix_(~kept, kept)].max(axis=1) > 0)


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize(
    "cls,count,event_shape",
    [
        (AffineCoupling, 2, (5,)),
        (AdditiveCoupling, 1, (2, 1, 3)),
        (SplineCoupling, 11, (2, 1, 3)),
    ],
)
def test_networks_may_leave_out_the_values_that_stay(cls, count, event_shape, flip):
    # The same network without the outputs of the values that stay: the same map.
    is_vector = len(event_shape) == 1
    channels = event_shape[-1]
    moving = np.flatnonzero((np.arange(channels) < channels // 2) == flip)

    def network(**options):
        if is_vector:
            return coupling_mlp(5, (4,), count, **options)
        return coupling_cnn(event_shape, 4, 0, count, **options)

    whole, part = with_random_weights(network()), network(num_moving=len(moving))
    if cls is SplineCoupling:
        chosen = np.arange(channels * count).reshape(channels, count)[moving]
    else:
        chosen = np.arange(channels * count).reshape(count, channels)[:, moving]
    *inner, kernel, bias = whole.get_weights()
    part.set_weights([*inner, kernel[..., chosen.ravel()], bias[chosen.ravel()]])
    options = {"mask": "half" if is_vector else "channel", "flip": flip}
    if cls is SplineCoupling:
        options["num_bins"] = 4
    z = np.random.default_rng(0).normal(size=(6, *event_shape)).astype("float32")
    for direction in ("forward", "inverse"):
        found, expected = (
            getattr(cls(event_shape, n, **options), f"{direction}_and_log_det")(z)
            for n in (part, whole)
        )
        for value, other in zip(found, expected, strict=True):
            np.testing.assert_allclose(
                *map(ops.convert_to_numpy, (value, other)), rtol=1e-4, atol=1e-5
            )


def test_numbers_that_move_are_checked():
    for make, event in ((coupling_mlp, 5), (coupling_cnn, (2, 2, 5))):
        for count in (0, 6, 1.5):
            with pytest.raises(ValueError, match="`num_moving` must be"):
                make(event, num_moving=count)
    with pytest.raises(ValueError, match=r"\(None, 10\) or \(None, 6\). Rec.* 8\)"):
        AffineCoupling((5,), coupling_mlp(5, num_moving=4))
    with pytest.raises(ValueError, match=r"output shape \(None, 8\). Rec.* 4\)"):
        AffineCoupling((4,), coupling_mlp(4, num_moving=2), mask="checkerboard")


def test_affine_map_is_that_of_the_paper(rng):
    bijector = vectors(AffineCoupling)
    z = rng.normal(size=(6, 4)).astype("float32")
    outputs = ops.convert_to_numpy(bijector.network(z * HALF.astype("float32")))
    shift, raw = outputs[:, :4], outputs[:, 4:]
    s = 5.0 * np.tanh(raw / 5.0)
    x, log_det = map(ops.convert_to_numpy, bijector.forward_and_log_det(z))
    expected = np.where(HALF, z, z * np.exp(s) + shift)
    np.testing.assert_allclose(x, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(log_det, s[:, 2:].sum(axis=1), rtol=1e-5)


def test_additive_map_keeps_volumes(rng):
    bijector = images(AdditiveCoupling, 1, mask="channel")
    z = rng.normal(size=(6, *IMAGE)).astype("float32")
    kept = np.where(CHANNEL, z, 0.0).astype("float32")
    shift = ops.convert_to_numpy(bijector.network(kept))
    x, log_det = map(ops.convert_to_numpy, bijector.forward_and_log_det(z))
    np.testing.assert_allclose(x, np.where(CHANNEL, z, z + shift), rtol=1e-5)
    np.testing.assert_array_equal(log_det, np.zeros(6))


@pytest.mark.parametrize(
    "cls,outputs", [(AffineCoupling, 2), (AdditiveCoupling, 1), (SplineCoupling, 23)]
)
def test_networks_that_are_zero_make_the_identity(cls, outputs, rng):
    bijector = cls(IMAGE, coupling_cnn(IMAGE, 4, 1, outputs), mask="checkerboard")
    z = 2.0 * rng.normal(size=(6, *IMAGE)).astype("float32")
    x, log_det = map(ops.convert_to_numpy, bijector.forward_and_log_det(z))
    np.testing.assert_allclose(x, z, atol=1e-6)
    np.testing.assert_allclose(log_det, 0.0, atol=1e-5)


@pytest.mark.parametrize("size", [1e2, 1e4])
def test_scales_are_bounded_whatever_the_network_says(size, rng):
    bijector = vectors(AffineCoupling)
    z = size * rng.normal(size=(64, 4)).astype("float32")
    for direction in ("forward", "inverse"):
        values = getattr(bijector, f"{direction}_and_log_det")(z)
        moved, log_det = map(ops.convert_to_numpy, values)
        assert np.all(np.isfinite(moved)) and np.abs(log_det).max() <= 10.0


@pytest.mark.parametrize(
    "event_shape,mask,match",
    [
        ((4,), "channel", '`mask` must be "half" or "checkerboard" for vectors'),
        ((2, 2, 2), "half", '"checkerboard" or "channel" for images'),
        ((2, 2), "checkerboard", "for vectors .* for images .*Received: "),
        ((4,), "quarter", "`mask` must be one of 'channel', 'check.*'quarter'"),
        ((1,), "half", "`event_shape` must have values on both sides .*Received: "),
        ((4, 4, 1), "channel", "`event_shape` must have values on both sides"),
        ((1, 1, 3), "checkerboard", "`event_shape` must have values on both sides"),
        ((0,), "half", "`event_shape` must be a non-empty tuple"),
    ],
)
def test_masks_that_do_not_fit_are_an_error(event_shape, mask, match):
    with pytest.raises(ValueError, match=match):
        AffineCoupling(event_shape, coupling_mlp(4), mask=mask)


def test_networks_that_do_not_fit_are_an_error():
    with pytest.raises(ValueError, match=r"output shape \(None, 8\) or.*\(None, 3\)"):
        AffineCoupling((4,), coupling_mlp(4, outputs_per_dim=1, num_moving=3))
    with pytest.raises(ValueError, match=r"output shape \(None, 92\).*\(None, 8\)"):
        SplineCoupling((4,), coupling_mlp(4))
    with pytest.raises(ValueError, match=r"take one input, of shape \(None, 4\)"):
        AffineCoupling((4,), coupling_mlp(5))
    with pytest.raises(ValueError, match=r"take one input.*\(None, 3\)\]"):
        AffineCoupling((4,), coupling_mlp(4, condition_dim=3))
    with pytest.raises(ValueError, match=r"list \[event, condition\].*\(None, 3\)\]"):
        AffineCoupling((4,), coupling_mlp(4, condition_dim=2), condition_dim=3)
    for network in (None, lambda x: x):
        with pytest.raises(ValueError, match="`network` must be a built Keras model"):
            AffineCoupling((4,), network)
