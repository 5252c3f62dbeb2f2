"""Steps of adaptive length: their orders, their errors, and densities by them."""

import math

import numpy as np
import pytest
from keras import ops
from scipy import stats

from keras_genmod import (
    CosineSchedule,
    DiffusionModel,
    FlowMatching,
    LinearSchedule,
    StraightSchedule,
)
from keras_genmod.models.diffusion import adaptive_steps
from tests.contracts import array_of, torch_param
from tests.models.diffusion.oracle import Oracle, VarianceExploding

MEAN, SHAPE = np.array([0.5, -1.0]), np.array([[0.4, 0.3], [0.3, 0.5]])
X = np.random.default_rng(0).multivariate_normal(MEAN, SHAPE, 8).astype("float32")


@pytest.mark.any_backend
def test_shares_are_those_of_a_pair_of_orders_five_and_four():
    places = np.zeros((7, 7))
    for i, shares in enumerate(adaptive_steps._PLACES):
        places[i + 1, : len(shares)] = shares
    times = np.array([0, *adaptive_steps._TIMES])
    np.testing.assert_allclose(places.sum(axis=1), times, atol=1e-15)
    fourth = np.array(adaptive_steps._OF_FOURTH_ORDER)
    errors = np.array(adaptive_steps._ERRORS)
    for order, shares in ((5, fourth + errors), (4, fourth)):
        for power in range(order):  # of the conditions those of quadrature,
            assert shares @ times**power == pytest.approx(1 / (power + 1))
        # and of the others those of two and of three slopes in a row.
        assert shares @ places @ times == pytest.approx(1 / 6)
        assert shares @ places @ places @ times == pytest.approx(1 / 24)
    assert abs(fourth @ times**4 - 1 / 5) > 1e-4


def end_of(slope, start, end, tolerance, z=1.0):
    z = ops.convert_to_tensor(np.full((1, 1), z, "float32"))
    found = adaptive_steps.integrate(slope, z, start, end, tolerance)
    return [array_of(value).item() for value in found]


def test_one_step_is_of_fifth_order():
    def slope(z, place):
        return 2.0 * z, 5.0 * place**4

    for length in (0.5, 0.25):
        z, total = end_of(slope, length, 2 * length, 0.1)
        x = 2 * length
        series = sum(x**n / math.factorial(n) for n in range(6)) + x**6 / 600
        assert z == pytest.approx(series, rel=1e-6)  # the pair's for exp(x)
        assert total == pytest.approx(31 * length**5, rel=1e-5)  # without an error


@pytest.mark.parametrize("tolerance", [1e-2, 1e-4, 1e-6])
def test_errors_are_those_allowed(tolerance):
    """z = sin(6 place), its integral beside it, in few steps for a loose tolerance."""

    def slope(z, place):
        wave = 6.0 * ops.cos(6.0 * place)
        return wave[:, None] - (z - ops.sin(6.0 * place)[:, None]), z[:, 0]

    z, total = end_of(slope, 1.0, 3.0, tolerance, np.sin(6.0))  # a wave a step at first
    assert z == pytest.approx(np.sin(18.0), abs=4 * tolerance + 1e-6)
    integral = (np.cos(6.0) - np.cos(18.0)) / 6
    assert total == pytest.approx(integral, abs=4 * tolerance + 1e-6)


def test_each_example_goes_by_its_own_steps():
    def slope(z, place):
        return ops.sin(z * z * place[:, None]), z[:, 0]

    z = ops.convert_to_tensor(np.float32([[0.2], [5.0]]))
    together = adaptive_steps.integrate(slope, z, 0.5, 2.0, 1e-2)
    alone = adaptive_steps.integrate(slope, z[:1], 0.5, 2.0, 1e-2)
    for many, one in zip(together, alone, strict=True):
        np.testing.assert_allclose(array_of(many)[:1], array_of(one), rtol=1e-6)


def test_who_does_not_get_there_has_no_result(monkeypatch):
    monkeypatch.setattr(adaptive_steps, "MAX_STEPS", 5)

    def slope(z, place):
        return ops.where(z > 5.0, np.nan, 1.0) + 0.0 * z, 0.0 * place

    z = ops.convert_to_tensor(np.float32([[1.0], [10.0]]))
    found = map(array_of, adaptive_steps.integrate(slope, z, 0.5, 1.0, 1e-3))
    for value, expected in zip(found, ([1.5], [0.0]), strict=True):
        np.testing.assert_allclose(value.ravel(), [*expected, np.nan])


def exact_model(schedule, prediction):
    oracle = Oracle(schedule, MEAN, SHAPE, prediction)
    if prediction == "velocity":
        return FlowMatching(oracle, (2,))
    return DiffusionModel(oracle, (2,), schedule, prediction)


@pytest.mark.parametrize(
    "schedule,prediction",
    [
        (LinearSchedule(None), "noise"),
        torch_param(CosineSchedule(None), "v"),
        (StraightSchedule(), "velocity"),
        torch_param(VarianceExploding(), "data"),
    ],
    ids=["vp", "zero-snr", "straight", "ve"],
)
def test_density_of_normal_data(schedule, prediction):
    model = exact_model(schedule, prediction)
    expected = stats.multivariate_normal(MEAN, SHAPE).logpdf(X)
    found = array_of(model.log_prob(X, method="ode", tolerance=1e-5))
    # What is left of the mean at the noisiest time is not the prior's.
    left = schedule.alpha(np.float64(1)) / schedule.prior_std
    np.testing.assert_allclose(found, expected, atol=1e-3 + 4 * left)
    coarse = array_of(model.log_prob(X, method="ode", tolerance=1e-2))
    assert 1e-5 < np.abs(coarse - found).max() < 0.1


@pytest.mark.parametrize("options", [{}, {"num_probes": 1}])
def test_what_is_computed_is_said(options):
    model = exact_model(LinearSchedule(), "v")
    protocol = model.likelihood_protocol("ode", tolerance=1e-5, **options)
    assert protocol["solver"] == "dormand_prince_45"
    assert protocol["tolerance"] == 1e-5 and "steps" not in protocol
    kind = model.kind_of_log_prob("ode", tolerance=1e-5, **options)
    assert kind == ("estimate" if options else "exact")


@pytest.mark.parametrize(
    "arguments",
    [
        {"tolerance": 1e-7},
        {"tolerance": 0.5},
        {"tolerance": "fine"},
        {"tolerance": 1e-3, "num_steps": 10},
        {"tolerance": 1e-3, "method": "bound"},
    ],
)
def test_tolerance_is_checked(arguments):
    model = exact_model(LinearSchedule(), "v")
    with pytest.raises(ValueError, match="`tolerance` must .*Received: "):
        model.log_prob(X, **{"method": "ode", **arguments})
