"""Affine, Sigmoid, Logit and LeakyReLU against their equations in float64."""

import math

import numpy as np
import pytest
from keras import ops
from scipy import special

from keras_genmod.bijectors import Affine, Chain, LeakyReLU, Logit, Sigmoid, Squeeze
from tests.autodiff import gradient
from tests.bijectors.cases import arrays

WIDE = np.linspace(-80, 80, 321).reshape(-1, 1).astype("float32")


def test_affine_starts_as_the_identity_and_scales_and_shifts(rng):
    bijector, z = Affine((2, 3)), rng.normal(size=(4, 2, 3)).astype("float32")
    x, log_det = arrays(bijector.forward_and_log_det(z))
    np.testing.assert_array_equal(x, z)
    np.testing.assert_array_equal(log_det, np.zeros(4))
    log_scale, shift = rng.normal(size=(2, 2, 3))
    bijector.log_scale.assign(log_scale)
    bijector.shift.assign(shift)
    x, log_det = arrays(bijector.forward_and_log_det(z))
    np.testing.assert_allclose(x, np.exp(log_scale) * z + shift, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(log_det, np.full(4, log_scale.sum()), rtol=1e-5)


@pytest.mark.parametrize("margin", [0.0, 1e-6, 0.05, 0.25])
def test_sigmoid_is_its_equation_far_out_too(margin):
    x, log_det = arrays(Sigmoid((1,), margin).forward_and_log_det(WIDE))
    z, width = WIDE.astype("float64"), 1 - 2 * margin
    expected = (special.expit(z) - margin) / width
    np.testing.assert_allclose(x, expected, rtol=1e-5, atol=1e-7)
    log_slope = special.log_expit(z) + special.log_expit(-z) - math.log(width)
    np.testing.assert_allclose(log_det, log_slope[:, 0], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("margin", [0.0, 1e-6, 0.05, 0.25])
def test_inverse_of_sigmoid_is_the_preprocessing_of_real_nvp(margin):
    x = np.linspace(1e-3, 1 - 1e-3, 101).reshape(-1, 1).astype("float32")
    z, log_det = arrays(Sigmoid((1,), margin).inverse_and_log_det(x))
    y = margin + (1 - 2 * margin) * x.astype("float64")
    np.testing.assert_allclose(z, special.logit(y), rtol=1e-4, atol=1e-5)
    log_slope = math.log(1 - 2 * margin) - np.log(y * (1 - y))
    np.testing.assert_allclose(log_det, log_slope[:, 0], rtol=1e-4)


@pytest.mark.parametrize("margin", [1e-6, 0.05])
def test_ends_of_the_unit_interval_are_finite_with_a_margin(margin):
    bijector, ends = Sigmoid((1,), margin), np.array([[0.0], [1.0]], "float32")
    z, log_det = arrays(bijector.inverse_and_log_det(ends))
    largest = special.logit(1 - margin)
    np.testing.assert_allclose(z[:, 0], [-largest, largest], rtol=5e-3)
    assert np.all(np.isfinite(log_det))
    slopes = gradient(lambda x: ops.sum(bijector.inverse(x)), ends)
    expected = (1 - 2 * margin) / (margin * (1 - margin))
    np.testing.assert_allclose(slopes, np.full((2, 1), expected), rtol=0.1)


@pytest.mark.parametrize("margin", [0.0, 1e-6, 0.05])
def test_images_lie_in_the_domain_and_others_give_nan(margin):
    bijector = Sigmoid((1,), margin)
    low, high = bijector.domain
    assert (low < 0 and high > 1) if margin else (0 < low and high < 1)
    z = np.array([[-1e6], [-200], [-30], [30], [200], [1e6]], "float32")
    x, log_det = arrays(bijector.forward_and_log_det(z))
    assert np.all((np.float32(low) <= x) & (x <= np.float32(high)))
    assert np.all(np.isfinite(log_det))
    for values in arrays(bijector.inverse_and_log_det(x)):
        assert np.all(np.isfinite(values))
    outside = np.array([[2.0], [-1.0], [255.0], [np.nan]], "float32")
    for values in arrays(bijector.inverse_and_log_det(outside)):
        assert np.all(np.isnan(values))


@pytest.mark.parametrize("margin", [0.0, 0.05])
def test_logit_is_sigmoid_the_other_way_round(margin, rng):
    sigmoid, logit = Sigmoid((2,), margin), Logit((2,), margin)
    assert logit.latent_domain == sigmoid.domain
    assert logit.domain == (-math.inf, math.inf)
    z = rng.uniform(0.01, 0.99, size=(8, 2)).astype("float32")
    for found, expected in (
        (logit.forward_and_log_det(z), sigmoid.inverse_and_log_det(z)),
        (logit.inverse_and_log_det(4 * z), sigmoid.forward_and_log_det(4 * z)),
    ):
        for values, others in zip(arrays(found), arrays(expected), strict=True):
            np.testing.assert_array_equal(values, others)


def test_a_chain_has_the_domain_of_the_member_at_its_end():
    unit = Sigmoid((4, 4, 1), 0.05)
    assert Chain([Affine((4, 4, 1)), unit]).domain == unit.domain
    moved = Chain([Sigmoid((2, 2, 4), 0.05), Squeeze((4, 4, 1))])
    assert moved.domain == unit.domain  # the same values in other places
    assert Chain([unit, Affine((4, 4, 1))]).domain == (-math.inf, math.inf)
    logit = Logit((4, 4, 1), 0.05)
    assert Chain([logit, Affine((4, 4, 1))]).latent_domain == unit.domain


@pytest.mark.parametrize("slope", [0.2, 1.0, 3.0])
def test_leaky_relu_has_one_slope_a_side(slope):
    z = np.array([[-2.0, 1.0], [-1.0, -3.0], [0.0, 2.0]], "float32")
    x, log_det = arrays(LeakyReLU((2,), slope).forward_and_log_det(z))
    np.testing.assert_allclose(x, np.where(z < 0, slope * z, z), rtol=1e-6)
    np.testing.assert_allclose(log_det, np.log(slope) * np.array([1, 2, 0]), rtol=1e-6)


@pytest.mark.parametrize("make", [Sigmoid, Logit])
@pytest.mark.parametrize("margin", [-0.1, 0.5, 1, math.nan, "a", None, True])
def test_bad_margins_are_errors(make, margin):
    with pytest.raises(ValueError, match=r"`margin` must be .*in .*Received: margin="):
        make((2,), margin)


@pytest.mark.parametrize("slope", [0, -1.0, math.inf, math.nan, "a", True])
def test_bad_slopes_are_errors(slope):
    with pytest.raises(ValueError, match="`slope` must be .*Received: slope="):
        LeakyReLU((2,), slope)
