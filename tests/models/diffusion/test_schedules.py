"""Schedules: their values, on both sides, and grids of times."""

import math

import keras
import numpy as np
import pytest
from keras import ops

from keras_genmod import CosineSchedule, DiscreteSchedule, LinearSchedule
from keras_genmod.models.diffusion.time_grid import make_grid
from tests.contracts import array_of
from tests.models.diffusion.oracle import VarianceExploding

SCHEDULES = {
    "cosine": CosineSchedule(),
    "continuous cosine": CosineSchedule(None),
    "linear": LinearSchedule(),
    "continuous linear": LinearSchedule(None),
    "four steps": DiscreteSchedule([0.1, 0.2, 0.5, 1.0]),
}
EVERY = pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=SCHEDULES)


@EVERY
def test_it_preserves_variance_and_loses_the_data(schedule):
    t = np.linspace(0, 1, 50)
    np.testing.assert_allclose(schedule.alpha(t) ** 2 + schedule.sigma(t) ** 2, 1)
    assert schedule.alpha(0.0) == 1 and schedule.sigma(0.0) == 0
    log_snr = schedule.log_snr(t)
    assert np.isposinf(log_snr[0]) and np.all(np.diff(log_snr) < 0)


@EVERY
def test_tensors_and_arrays_agree(schedule):
    t = np.array([0.0, 0.001, 0.0105, 0.25, 0.5, 0.9, 0.999, 1.0])
    tensor = ops.convert_to_tensor(t.astype("float32"))
    for name in ("alpha", "sigma"):
        expected = getattr(schedule, name)(t)
        found = array_of(getattr(schedule, name)(tensor))
        np.testing.assert_allclose(found, expected, rtol=2e-5, atol=5e-6)


@EVERY
def test_times_have_their_log_snr(schedule):
    t = np.array([0.1, 0.37, 0.9])
    np.testing.assert_allclose(schedule.time_of(schedule.log_snr(t)), t, rtol=1e-9)


@EVERY
def test_config_round_trip(schedule):
    again = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(schedule)
    )
    t = np.linspace(0, 1, 9)
    np.testing.assert_array_equal(again.alpha(t), schedule.alpha(t))


def test_linear_schedule_is_that_of_ddpm():
    betas = np.linspace(1e-4, 0.02, 1000)
    expected = np.sqrt(np.cumprod(1 - betas))
    found = LinearSchedule().alpha(np.arange(1, 1001) / 1000)
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    np.testing.assert_allclose(
        found[[999, 980, 900]], [0.0064, 0.0077, 0.0164], atol=5e-5
    )
    assert not LinearSchedule().has_zero_snr
    # Stable Diffusion's, of even square roots.
    betas = np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2
    found = DiscreteSchedule(betas).alpha(np.array([1000, 981]) / 1000)
    np.testing.assert_allclose(found, [0.068, 0.076], atol=5e-4)


def test_fewer_linear_steps_have_larger_betas():
    fewer, all_steps = (LinearSchedule(n).log_alpha(1.0) for n in (100, 1000))
    np.testing.assert_allclose(fewer, all_steps, rtol=0.1)


def test_cosine_schedule_is_that_of_improved_ddpm():
    def f(t):
        return np.cos((t + 0.008) / 1.008 * math.pi / 2) ** 2

    t = np.array([0.1, 0.5, 0.9])
    np.testing.assert_allclose(CosineSchedule(None).alpha(t) ** 2, f(t) / f(0))
    np.testing.assert_allclose(CosineSchedule().alpha(t) ** 2, f(t) / f(0), rtol=1e-9)
    ends = CosineSchedule().alpha(np.array([0.999, 1.0])) ** 2
    np.testing.assert_allclose(1 - ends[1] / ends[0], 0.999)  # the largest beta
    assert CosineSchedule(None).has_zero_snr and not CosineSchedule().has_zero_snr


def test_continuous_linear_schedule_is_the_variance_preserving_equation():
    t = np.array([0.2, 0.8])
    integral = 0.1 * t + 19.9 * t**2 / 2
    np.testing.assert_allclose(LinearSchedule(None).alpha(t), np.exp(-integral / 2))


@pytest.mark.parametrize("spacing", ["uniform", "quadratic", "karras"])
@pytest.mark.parametrize("num_steps", [2, 10, 50])
def test_grids_hold_both_ends(spacing, num_steps):
    times = make_grid(LinearSchedule(), num_steps, spacing).times
    assert len(times) == num_steps + 1 and np.all(np.diff(times) < 0)
    assert times[0] == 1 and times[-1] == 0 and times[-2] == 1 / 1000


def test_leading_grid_leaves_out_the_noisiest_times():
    times = make_grid(LinearSchedule(), 50, "leading").times
    np.testing.assert_allclose(times[0] * 1000 - 1, 980)


@pytest.mark.parametrize(
    "num_steps,start,steps", [(501, 1, 1000), (600, 1, 1000), (50, 0.31, 310)]
)
def test_leading_grid_needs_whole_strides(num_steps, start, steps):
    """Those of 501 steps would end at t = 0.501, where noise is not all there is."""
    message = f'`num_steps` must divide {steps}, the steps .*"uniform".*={num_steps}$'
    with pytest.raises(ValueError, match=message):
        make_grid(LinearSchedule(), num_steps, "leading", start)


def test_karras_grid():
    grid = make_grid(VarianceExploding(), 18, "karras")
    roots = np.linspace(80 ** (1 / 7), 0.002 ** (1 / 7), 18)
    np.testing.assert_allclose(grid.sigmas, [*roots**7, 0], rtol=1e-9)


def test_dense_grids_hold_every_step():
    times = make_grid(LinearSchedule(100), 100, "quadratic").times
    np.testing.assert_allclose(times, np.arange(100, -1, -1) / 100)


def test_infinite_noise_has_no_root():
    with pytest.raises(ValueError, match='`spacing` must not be "karras"'):
        make_grid(CosineSchedule(None), 10, "karras")


@pytest.mark.parametrize("betas", [[], [0.5, 0.0], [1.0, 0.5], [[0.1]], "x", [np.nan]])
def test_betas_are_checked(betas):
    with pytest.raises(ValueError, match=r"`betas` must be a sequence .* Received"):
        DiscreteSchedule(betas)


def test_too_few_linear_steps_are_refused():
    with pytest.raises(ValueError, match="`num_steps` must be larger, or `first` and"):
        LinearSchedule(10)
