"""The spline against the paper's formulas in float64, at knots and far outside."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

from keras_genmod.bijectors import RationalQuadraticSpline, SplineCoupling
from keras_genmod.networks import coupling_mlp
from tests.autodiff import gradient, gradients, jacobians
from tests.contracts import ON_TORCH

NUM_BINS, BOUND = 5, 3.0
SHARED = RationalQuadraticSpline((1,), NUM_BINS, BOUND)


def spline(raw, bijector=None):
    bijector = bijector or RationalQuadraticSpline((1,), NUM_BINS, BOUND)
    bijector.raw.assign(np.reshape(raw, (1, 3 * NUM_BINS - 1)).astype("float32"))
    return bijector


def raw_values(seed, scale=2.0):
    return scale * np.random.default_rng(seed).normal(size=3 * NUM_BINS - 1)


class Paper:
    """Equations 4 to 6 of arXiv:1906.04032, in float64, for one value."""

    def __init__(self, bijector):
        raw = ops.convert_to_numpy(bijector.raw).astype("float64")[0]
        widths, heights, slopes = np.split(raw, [NUM_BINS, 2 * NUM_BINS])
        self.x, self.y = (self._knots(part) for part in (widths, heights))
        offset = np.log(np.expm1(1.0 - 1e-3))
        inner = 1e-3 + np.logaddexp(0.0, slopes + offset)
        self.d = np.concatenate([[1.0], inner, [1.0]])

    @staticmethod
    def _knots(raw):
        share = np.exp(raw - raw.max())
        share = 1e-3 + (1 - 1e-3 * NUM_BINS) * share / share.sum()
        return BOUND * (2.0 * np.concatenate([[0.0], np.cumsum(share)]) - 1.0)

    def steepest(self):
        """Returns what no slope exceeds, between the grid's points either."""
        return 2.0 * max(self.d.max(), (np.diff(self.y) / np.diff(self.x)).max())

    def __call__(self, x):
        """Returns g(x) and log g'(x)."""
        k = np.clip(np.searchsorted(self.x, x, "right") - 1, 0, NUM_BINS - 1)
        width, height = np.diff(self.x)[k], np.diff(self.y)[k]
        s, xi = height / width, (x - self.x[k]) / width
        d0, d1, q = self.d[k], self.d[k + 1], xi * (1 - xi)
        below = s + (d1 + d0 - 2 * s) * q
        y = self.y[k] + height * (s * xi**2 + d0 * q) / below
        above = d1 * xi**2 + 2 * s * q + d0 * (1 - xi) ** 2
        inside = np.abs(x) < BOUND
        slope = np.where(inside, s**2 * above / below**2, 1.0)
        return np.where(inside, y, x), np.log(slope)


def run(bijector, direction, points):
    values = getattr(bijector, f"{direction}_and_log_det")(
        np.reshape(points, (-1, 1)).astype("float32")
    )
    values, log_det = (ops.convert_to_numpy(x).astype("float64") for x in values)
    return values[:, 0], log_det


GRID = np.linspace(-4, 4, 801).astype("float32")


@settings(
    max_examples=200 if ON_TORCH else 25, deadline=None, derandomize=True, database=None
)
@given(seed=st.integers(0, 2**16), scale=st.floats(0, 3, width=32))
def test_both_directions_are_those_of_the_paper(seed, scale):
    bijector = spline(raw_values(seed, scale), SHARED)
    paper = Paper(bijector)
    y, log_det = run(bijector, "forward", GRID)
    expected, expected_log_det = paper(GRID.astype("float64"))
    steepest = paper.steepest()
    np.testing.assert_allclose(y, expected, atol=2e-6 * (1 + steepest))
    x, inverse_log_det = run(bijector, "inverse", GRID)
    found, found_log_det = paper(x)
    np.testing.assert_allclose(found, GRID, atol=2e-6 * (1 + steepest))
    # Log-derivatives bend by no more than the sharpest bin lets them.
    sharpest = steepest / np.diff(paper.x).min()
    for value, other in (
        (log_det, expected_log_det),
        (-inverse_log_det, found_log_det),
    ):
        np.testing.assert_allclose(value, other, atol=1e-4 + 2e-6 * sharpest)


def test_a_thousandfold_stretch_comes_back_in_every_bin():
    raw = np.zeros(3 * NUM_BINS - 1)
    raw[0], raw[NUM_BINS + 1] = 12.0, 12.0  # wide and flat, then thin and steep
    raw[2 * NUM_BINS :] = [-12.0, 9.0, -12.0, 9.0]
    bijector = spline(raw)
    x, inverse_log_det = run(bijector, "inverse", GRID)
    y, _ = run(bijector, "forward", x)
    slope = np.exp(-inverse_log_det)
    assert slope.max() > 500
    assert np.all(np.abs(y - GRID) <= 1e-6 * (1.0 + slope))


def test_zeros_are_the_identity_and_the_start():
    bijector = RationalQuadraticSpline((1,), NUM_BINS, BOUND)
    for direction in ("forward", "inverse"):
        values, log_det = run(bijector, direction, GRID)
        np.testing.assert_allclose(values, GRID, atol=2e-6)
        np.testing.assert_allclose(log_det, 0.0, atol=1e-5)


def test_value_and_slope_are_continuous_at_the_edges_of_the_box():
    bijector = spline(raw_values(0))
    for edge in (-BOUND, BOUND):
        points = np.nextafter(np.float32(edge), np.array([-9, 0, 9], "float32"))
        for direction in ("forward", "inverse"):
            values, log_det = run(bijector, direction, points)
            np.testing.assert_allclose(values, edge, atol=1e-5)
            np.testing.assert_allclose(log_det, 0.0, atol=1e-3)


@pytest.mark.parametrize("direction", ["forward", "inverse"])
@pytest.mark.parametrize("scale", [0.0, 2.0, 30.0])
def test_gradients_at_knots_and_far_outside_are_finite(direction, scale):
    bijector = spline(raw_values(1, scale))
    paper = Paper(bijector)
    knots = (paper.x if direction == "forward" else paper.y).astype("float32")
    points = np.concatenate([knots, [-BOUND, BOUND, 0.0, 1e3, -1e6, 1e20, -1e20]])
    points = points.astype("float32")[:, None]
    method, weights = getattr(bijector, f"{direction}_and_log_det"), [bijector.raw]
    for part in (0, 1):
        found = gradient(lambda x, part=part: ops.sum(method(x)[part]), points)
        assert np.all(np.isfinite(found))
        np.testing.assert_array_equal(found[-4:], 1.0 if part == 0 else 0.0)
        (found,) = gradients(lambda part=part: ops.sum(method(points)[part]), weights)
        assert np.all(np.isfinite(found))


@pytest.mark.parametrize("direction", ["forward", "inverse"])
def test_gradients_at_knots_are_the_slopes(direction):
    bijector = spline(raw_values(2, 1.0))
    paper = Paper(bijector)
    points = (paper.x if direction == "forward" else paper.y)[1:-1]
    found = jacobians(
        getattr(bijector, direction), points.astype("float32")[:, None], 1
    )
    sign = 1 if direction == "forward" else -1
    np.testing.assert_allclose(found.reshape(-1), paper.d[1:-1] ** sign, rtol=1e-3)


def test_every_value_has_a_spline_of_its_own():
    bijector = RationalQuadraticSpline((2, 2), NUM_BINS, BOUND)
    raw = np.random.default_rng(0).normal(size=(2, 2, 3 * NUM_BINS - 1))
    bijector.raw.assign(raw)
    points = np.random.default_rng(1).normal(size=(7, 2, 2)).astype("float32")
    values, log_det = map(ops.convert_to_numpy, bijector.forward_and_log_det(points))
    total = np.zeros(7)
    for i, j in np.ndindex(2, 2):
        expected, one_log_det = run(spline(raw[i, j]), "forward", points[:, i, j])
        np.testing.assert_allclose(values[:, i, j], expected, rtol=1e-5, atol=1e-6)
        total = total + one_log_det
    np.testing.assert_allclose(log_det, total, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("num_bins", [1, 0, 101, 2.0, True, None])
def test_bad_num_bins_is_an_error(num_bins):
    with pytest.raises(ValueError, match="`num_bins` must be .*Received: num_bins="):
        RationalQuadraticSpline((2,), num_bins)
    with pytest.raises(ValueError, match="`num_bins` must be .*Received: num_bins="):
        SplineCoupling((4,), coupling_mlp(4), num_bins=num_bins)


@pytest.mark.parametrize("bound", [0, -1.0, np.inf, np.nan, "3", True])
def test_bad_bound_is_an_error(bound):
    with pytest.raises(ValueError, match="`bound` must be .*Received: bound="):
        RationalQuadraticSpline((2,), bound=bound)
