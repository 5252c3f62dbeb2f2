"""The radial flow against its equations in float64."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

from keras_genmod.bijectors import Radial
from tests.autodiff import gradient, gradients, jacobians

POINTS = np.random.default_rng(0).normal(size=(16, 3)).astype("float32") * 2.0
SHARED = Radial(3, seed=0)


def radial(center, a, c, bijector=None):
    bijector = bijector or Radial(len(center))
    bijector.center.assign(np.asarray(center, "float32"))
    bijector.a.assign(a)
    bijector.c.assign(c)
    return bijector


class Paper:
    """f(z) = z + beta (z - z0) / (alpha + r) in float64."""

    def __init__(self, bijector):
        arrays = (bijector.center, bijector.a, bijector.c)
        arrays = (ops.convert_to_numpy(x).astype("float64") for x in arrays)
        self.center, a, c = arrays
        self.alpha = np.logaddexp(0.0, a) + 1e-6
        self.beta = np.logaddexp(0.0, c) + 1e-6 - self.alpha

    def forward(self, z):
        r = np.linalg.norm(z - self.center, axis=-1, keepdims=True)
        return z + self.beta * (z - self.center) / (self.alpha + r)

    def log_det(self, z):
        r = np.linalg.norm(z - self.center, axis=-1)
        h, slope = 1 / (self.alpha + r), -1 / (self.alpha + r) ** 2
        stretch = 1 + self.beta * h
        return (z.shape[-1] - 1) * np.log(stretch) + np.log(
            stretch + self.beta * slope * r
        )

    def rounding(self, z):
        """What rounding z in float32 moves f(z) and the log-det by, `(batch,)`."""
        r = np.linalg.norm(z - self.center, axis=-1)
        size = 8 * 2.0**-24 * (1 + np.abs(z).max(-1) + np.abs(self.center).max())
        nearness = size / (self.alpha + r)
        return size + nearness * (self.alpha + self.beta + r), 4 * nearness


def arrays(tensors):
    return [ops.convert_to_numpy(x).astype("float64") for x in tensors]


number = st.floats(-15.0, 15.0, width=32)


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(a=number, c=number, x0=st.floats(-4, 4, width=32))
def test_both_directions_are_exact(a, c, x0):
    bijector = radial([x0, -0.5, 1.0], a, c, SHARED)
    paper = Paper(bijector)
    x, log_det = arrays(bijector.forward_and_log_det(POINTS))
    z, inverse_log_det = arrays(bijector.inverse_and_log_det(POINTS))
    latents = POINTS.astype("float64")
    for start, end, found in ((latents, x, log_det), (z, latents, -inverse_log_det)):
        allowed, allowed_log_det = paper.rounding(start)
        error = np.abs(paper.forward(start) - end).max(axis=-1)
        np.testing.assert_array_less(error, allowed)
        expected = paper.log_det(start)
        allowed_log_det = allowed_log_det + 1e-6 * (1 + np.abs(expected))
        np.testing.assert_array_less(np.abs(found - expected), allowed_log_det)


@pytest.mark.parametrize("direction", ["forward", "inverse"])
def test_at_the_center_the_map_is_a_scale_without_nan(direction):
    center = np.array([0.3, -0.5, 1.0], "float32")
    bijector = radial(center, 0.2, 1.3)
    paper = Paper(bijector)
    points = center[None] + np.array([[0.0], [1e-20], [1e-17]], "float32")
    method = getattr(bijector, f"{direction}_and_log_det")
    moved, log_det = arrays(method(points))
    np.testing.assert_allclose(moved, center[None].repeat(3, 0), atol=1e-6)
    scale = 1 + paper.beta / paper.alpha
    sign = 1 if direction == "forward" else -1
    np.testing.assert_allclose(log_det, sign * 3 * np.log(scale), rtol=1e-5)
    found = jacobians(lambda x: method(x)[0], points, 3)
    np.testing.assert_allclose(found, [scale**sign * np.eye(3)] * 3, rtol=1e-5)
    assert np.all(np.isfinite(gradient(lambda x: ops.sum(method(x)[1]), points)))
    weights = bijector.trainable_variables
    for part in gradients(lambda: ops.sum(method(points)[1]), weights):
        assert np.all(np.isfinite(part))


def test_inverse_has_its_gradient_where_the_two_forms_of_the_root_meet():
    bijector = radial([0.0], np.log(np.e - 1), np.log(np.e - 1))
    gap = np.float32(1.0) + np.float32(1e-6)
    points = np.array([[gap]], "float32")  # s = alpha + beta: the identity, all but
    found = jacobians(lambda x: bijector.inverse(x), points, 1)
    np.testing.assert_allclose(found, 1.0, rtol=1e-4)


def test_a_condition_moves_center_and_shape():
    bijector = Radial(3, condition_dim=2, seed=0)
    rng = np.random.default_rng(1)
    bijector.kernel.assign(rng.normal(size=(2, 5)))
    conditions = rng.normal(size=(4, 2)).astype("float32")
    kernel = ops.convert_to_numpy(bijector.kernel)
    center, a, c = arrays((bijector.center, bijector.a, bijector.c))
    found = bijector.forward_and_log_det(POINTS[:4], conditions)
    for i, move in enumerate(conditions @ kernel):
        plain = radial(center + move[:3], a + move[3], c + move[4])
        expected = plain.forward_and_log_det(POINTS[i : i + 1])
        for value, other in zip(arrays(found), arrays(expected), strict=True):
            np.testing.assert_allclose(value[i], other[0], rtol=1e-5, atol=1e-5)


def test_it_starts_near_the_identity():
    for condition_dim in (None, 4):
        bijector = Radial(3, condition_dim=condition_dim, seed=1)
        condition = None if condition_dim is None else np.ones((16, 4), "float32")
        x, log_det = arrays(bijector.forward_and_log_det(POINTS, condition))
        assert 0 < np.abs(x - POINTS).max() < 0.5 and np.abs(log_det).max() < 0.5


@pytest.mark.parametrize("event_dim", [0, -1, 1.5, "two"])
def test_bad_event_dim_is_an_error(event_dim):
    with pytest.raises(ValueError, match="`event_dim` must be .*Received: event_dim="):
        Radial(event_dim)
