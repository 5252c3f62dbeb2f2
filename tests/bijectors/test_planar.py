"""The planar flow against its equations in float64 and against autodiff."""

import functools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops
from scipy.optimize import brentq

from keras_genmod import NormalizingFlow
from keras_genmod.bijectors import Planar
from keras_genmod.engine import compiled
from tests.autodiff import gradients, jacobians
from tests.contracts import ON_TORCH

POINTS = np.random.default_rng(0).normal(size=(16, 3)).astype("float32") * 2.0


def planar(w, v, b=0.0):
    bijector = Planar(len(w))
    assign(bijector, w, v, b)
    return bijector


def assign(bijector, w, v, b):
    bijector.w.assign(np.asarray(w, "float32"))
    bijector.v.assign(np.asarray(v, "float32"))
    bijector.b.assign(np.float32(b))


class Paper:
    """f(z) = z + u tanh(w.z + b) in float64, u(w, v) of appendix A.1 and a floor."""

    def __init__(self, w, v, b):
        self.w, v = np.asarray(w, "float64"), np.asarray(v, "float64")
        self.b = float(b)
        product = self.w @ v
        self.gap = np.logaddexp(0.0, product) + 1e-6  # 1 + w.u
        m = self.gap - 1.0
        self.u = v + (m - product) * self.w / (self.w @ self.w)

    def jacobian(self, z):
        slope = 1.0 / np.cosh(self.w @ z + self.b) ** 2
        return np.eye(len(z)) + slope * np.outer(self.u, self.w)

    def log_det(self, z):
        tanh = np.tanh(np.asarray(z, "float64") @ self.w + self.b)
        return np.log(tanh**2 + (1.0 - tanh**2) * self.gap)

    def forward(self, z):
        z = np.asarray(z, "float64")
        return z + np.tanh(z @ self.w + self.b)[:, None] * self.u

    def inverse(self, x):
        x = np.asarray(x, "float64")
        return np.stack([self._invert(point) for point in x])

    def _invert(self, x):
        target, size = self.w @ x, abs(self.gap - 1.0) + 1.0

        def residual(a):
            return a + (self.gap - 1.0) * np.tanh(a + self.b) - target

        a = brentq(residual, target - size, target + size, xtol=1e-14, rtol=1e-14)
        return x - np.tanh(a + self.b) * self.u


class Maps(NormalizingFlow):
    """Both directions of a bijector in one compiled call."""

    @compiled()
    def there_and_back(self, points):
        x, log_det = self.bijector.forward_and_log_det(points)
        z, inverse_log_det = self.bijector.inverse_and_log_det(x)
        return x, log_det, z, inverse_log_det

    @compiled()
    def back_and_there(self, points):
        z, inverse_log_det = self.bijector.inverse_and_log_det(points)
        x, log_det = self.bijector.forward_and_log_det(z)
        return z, inverse_log_det, x, log_det


@functools.cache
def maps():
    return Maps(Planar(3, seed=0))


def run(method, points):
    return [ops.convert_to_numpy(x).astype("float64") for x in method(points)]


number = functools.partial(st.floats, allow_nan=False, width=32)


@st.composite
def parameters(draw):
    """w, v and b with a chosen length of w and a chosen w.v, from -25 to 25."""
    direction = np.array([1.0, draw(number(-2, 2)), draw(number(-2, 2))])
    w = direction / np.linalg.norm(direction) * draw(number(0.125, 4.0))
    other = np.array([draw(number(-2, 2)) for _ in range(3)])
    product = draw(st.one_of(number(-25.0, -15.0), number(-25.0, 25.0)))
    v = other + (product - w @ other) * w / (w @ w)
    return w.astype("float32"), v.astype("float32"), draw(number(-4, 4))


def rounding(paper, x):
    """What float32 may move f(x) by: the rounding of w.x + b, times |u|."""
    argument = np.abs(x) @ np.abs(paper.w) + abs(paper.b) + abs(paper.gap) + 1.0
    size = np.abs(x).max(axis=1) + np.abs(paper.u).max() * argument
    return 8 * 2.0**-24 * (1.0 + size)


fast = settings(
    max_examples=200 if ON_TORCH else 50, deadline=None, derandomize=True, database=None
)


@fast
@given(parameters())
def test_forward_of_inverse_is_the_point(parameters):
    assign(maps().bijector, *parameters)
    paper = Paper(*parameters)
    z, inverse_log_det, x, log_det = run(maps().back_and_there, POINTS)
    error = np.abs(x - POINTS).max(axis=1)
    assert np.all(error <= rounding(paper, POINTS) + rounding(paper, z))
    wide = np.exp(paper.log_det(z)) > 0.1
    np.testing.assert_allclose(inverse_log_det[wide], -log_det[wide], atol=2e-3)
    assert np.all(np.isfinite(inverse_log_det)) and np.all(np.isfinite(log_det))


@fast
@given(parameters())
def test_inverse_of_forward_is_the_latent(parameters):
    assign(maps().bijector, *parameters)
    paper = Paper(*parameters)
    x, log_det, z, _ = run(maps().there_and_back, POINTS)
    # `rounding` counts the steps by hand: some per cent more are no fault.
    allowed = 1.25 * (rounding(paper, POINTS) + rounding(paper, x))
    np.testing.assert_array_less(np.abs(x - paper.forward(POINTS)).max(axis=1), allowed)
    # An error e in x is one of about e |df/dz^-1| in z: far from the fold, little.
    wide = np.exp(paper.log_det(POINTS)) > 0.1
    stretch = 10.0 * (1.0 + np.linalg.norm(paper.u) * np.linalg.norm(paper.w))
    error = np.abs(z - POINTS).max(axis=1)
    np.testing.assert_array_less(error[wide], (stretch * allowed)[wide])
    error = np.abs(log_det - paper.log_det(POINTS))
    assert np.all(error[wide] < 1e-3)


@pytest.mark.parametrize("scale", [0.3, 1.0])
def test_round_trip_to_five_digits_for_ordinary_weights(scale):
    rng = np.random.default_rng(1)
    for _ in range(100):
        w, v = rng.normal(size=(2, 3))
        w *= max(1.0, 0.5 / np.linalg.norm(w))
        assign(maps().bijector, w, scale * v, rng.normal())
        _, _, x, _ = run(maps().back_and_there, POINTS)
        np.testing.assert_allclose(x, POINTS, atol=1e-5)


@pytest.mark.parametrize("offset", [0.0, 1e-6, 1e-4, 1e-2, 1.0, -1e-3])
@pytest.mark.parametrize("product", [-20.0, -60.0])
@pytest.mark.parametrize("b", [0.0, 0.7, -5.3])
def test_round_trip_at_the_fold(product, b, offset):
    # w.u is all but -1: df/dz is all but singular where w.z + b = 0.
    w = np.array([1.3, -0.4, 0.9])
    v = product * w / (w @ w)
    assign(maps().bijector, w, v, b)
    z = (POINTS - np.outer((POINTS @ w + b - offset) / (w @ w), w)).astype("float32")
    x = Paper(w, v, b).forward(z).astype("float32")
    latents, inverse_log_det, back, _ = run(maps().back_and_there, x)
    np.testing.assert_allclose(back, x, atol=1e-5)
    np.testing.assert_allclose(latents, z, atol=0.05)
    assert np.all(np.isfinite(inverse_log_det))


@pytest.mark.parametrize("product", [-200.0, -60.0, -20.0, -1.0, 0.0, 1.0, 20.0, 80.0])
def test_one_plus_w_u_is_softplus_and_positive(product):
    w = np.array([0.5, -1.0, 2.0])
    flow = planar(w, product * w / (w @ w))
    _, log_det = flow.forward_and_log_det(np.zeros((1, 3), "float32"))
    # log(1 + w.u), where tanh' = 1
    expected = np.log(np.logaddexp(0.0, product) + 1e-6)
    np.testing.assert_allclose(ops.convert_to_numpy(log_det), [expected], rtol=1e-5)


@pytest.mark.parametrize("v", [(0.0, 0.0, 0.0), (0.4, -1.0, 2.0)])
def test_without_w_the_map_is_a_shift(v):
    flow = planar((0.0, 0.0, 0.0), v, 0.7)
    x, log_det = flow.forward_and_log_det(POINTS)
    np.testing.assert_allclose(
        ops.convert_to_numpy(x), POINTS + np.tanh(0.7) * np.array(v), rtol=1e-5
    )
    np.testing.assert_allclose(ops.convert_to_numpy(log_det), 0.0, atol=1e-6)
    z, log_det = flow.inverse_and_log_det(ops.convert_to_numpy(x))
    np.testing.assert_allclose(ops.convert_to_numpy(z), POINTS, atol=1e-5)
    np.testing.assert_allclose(ops.convert_to_numpy(log_det), 0.0, atol=1e-6)


WEIGHTS = [
    ((1.0, -0.5, 0.3), (0.5, 0.8, -1.0), 0.2),  # stretches
    ((1.0, -0.5, 0.3), (-2.0, 0.8, -1.0), -0.3),  # presses, w.u close to -1
]


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("direction", ["forward_and_log_det", "inverse_and_log_det"])
def test_log_det_is_that_of_the_autodiff_jacobian(direction, weights):
    method = getattr(planar(*weights), direction)
    points = POINTS[:6]
    sign, expected = np.linalg.slogdet(jacobians(lambda z: method(z)[0], points, 3))
    np.testing.assert_array_equal(sign, 1.0)
    log_det = ops.convert_to_numpy(method(points)[1])
    np.testing.assert_allclose(log_det, expected, atol=1e-4)


@pytest.mark.parametrize("weights", WEIGHTS)
def test_inverse_has_the_gradient_of_the_implicit_function_theorem(weights):
    paper, flow, points = Paper(*weights), planar(*weights), POINTS[:6]
    latents = paper.inverse(points)
    expected = [np.linalg.inv(paper.jacobian(z)) for z in latents]
    result = jacobians(lambda x: flow.inverse_and_log_det(x)[0], points, 3)
    np.testing.assert_allclose(result, expected, atol=1e-4)


@pytest.mark.parametrize("weights", WEIGHTS)
def test_parameter_gradients_of_the_inverse_are_finite_differences(weights):
    flow, points = planar(*weights), POINTS[:6]
    mix = np.random.default_rng(2).normal(size=points.shape)

    def loss():
        z, log_det = flow.inverse_and_log_det(points)
        return ops.sum(ops.multiply(z, mix.astype("float32"))) + ops.sum(log_det)

    def loss_of(flat):
        paper = Paper(flat[:3], flat[3:6], flat[6])
        z = paper.inverse(points)
        return np.sum(z * mix) - np.sum(paper.log_det(z))

    flat = np.array([*weights[0], *weights[1], weights[2]])
    steps = 1e-5 * np.eye(7)
    expected = [(loss_of(flat + h) - loss_of(flat - h)) / 2e-5 for h in steps]
    found = gradients(loss, [flow.w, flow.v, flow.b])
    found = np.concatenate([np.reshape(part, -1) for part in found])
    np.testing.assert_allclose(found, expected, rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("scale", [0.0, 10.0])  # at the fold, and far from it
@pytest.mark.parametrize("product", [-1000.0, -200.0, -95.0, -90.0, -20.0, 20.0])
@pytest.mark.parametrize("direction", ["forward_and_log_det", "inverse_and_log_det"])
def test_gradients_are_finite_far_out(direction, product, scale):
    w = np.array([1.0, -0.5, 0.3])
    flow = planar(w, product * w / (w @ w))

    def loss():
        moved, log_det = getattr(flow, direction)(scale * POINTS)
        return ops.sum(ops.square(moved)) + ops.sum(log_det)

    for part in gradients(loss, [flow.w, flow.v, flow.b]):
        assert np.all(np.isfinite(part))


@pytest.mark.parametrize("event_dim", [0, -1, 1.5, "two"])
def test_bad_event_dim_is_an_error(event_dim):
    with pytest.raises(ValueError, match="`event_dim` must be .*Received: event_dim="):
        Planar(event_dim)


@pytest.mark.parametrize("direction", ["forward_and_log_det", "inverse_and_log_det"])
def test_a_condition_moves_the_weights(direction):
    flow = Planar(3, condition_dim=2, seed=0)
    rng = np.random.default_rng(1)
    flow.kernel.assign(rng.normal(size=(2, 7)))
    conditions = rng.normal(size=(6, 2)).astype("float32")
    moves = conditions @ ops.convert_to_numpy(flow.kernel)
    w, v, b = (ops.convert_to_numpy(x) for x in (flow.w, flow.v, flow.b))
    found = getattr(flow, direction)(POINTS[:6], conditions)
    for i, move in enumerate(moves):
        plain = planar(w + move[:3], v + move[3:6], b + move[6])
        expected = getattr(plain, direction)(POINTS[i : i + 1])
        for value, other in zip(found, expected, strict=True):
            value, other = (ops.convert_to_numpy(x) for x in (value, other))
            np.testing.assert_allclose(value[i], other[0], rtol=1e-4, atol=1e-5)


def test_conditions_move_little_at_the_start():
    conditions = np.random.default_rng(1).normal(size=(16, 4)).astype("float32")
    plain, conditional = Planar(3, seed=0), Planar(3, condition_dim=4, seed=0)
    difference = plain.forward(POINTS) - conditional.forward(POINTS, conditions)
    assert 0 < np.abs(ops.convert_to_numpy(difference)).max() < 0.1
