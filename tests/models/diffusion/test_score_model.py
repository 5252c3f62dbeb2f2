"""Scores of normal data are linear, and Langevin dynamics along them exact."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_genmod import GeometricSchedule, ScoreModel
from keras_genmod.models.diffusion import samplers
from keras_genmod.models.diffusion.score_model import langevin_rows
from keras_genmod.models.diffusion.time_grid import make_grid
from tests.contracts import array_of
from tests.models.diffusion.oracle import Oracle
from tests.models.small_networks import small_time_network

MEAN, STD = 0.7, 0.5
SCHEDULE = GeometricSchedule(0.01, 8.0)


class Scaled(Oracle):
    """The oracle, asked as score models ask their networks."""

    def call(self, inputs):
        x, t = inputs[:2]
        sigma = ops.expand_dims(self.schedule.sigma(t), 1)
        return super().call([x * ops.sqrt(1 + sigma**2), t])


def exact_model(mean, covariance):
    network = Scaled(SCHEDULE, mean, covariance, "noise")
    return ScoreModel(network, (len(mean),), 0.01, 8.0)


@pytest.fixture(scope="module")
def exact():
    return exact_model([MEAN], [[STD**2]])


def test_levels_are_those_of_the_paper():
    t = np.array([0.0, 0.3, 1.0])
    variances = 0.01**2 * 800 ** (2 * t) - 0.01**2
    np.testing.assert_allclose(SCHEDULE.sigma(t) ** 2, variances, rtol=1e-9)
    np.testing.assert_array_equal(SCHEDULE.alpha(t), 1)
    found = SCHEDULE.sigma(ops.convert_to_tensor(t.astype("float32")))
    np.testing.assert_allclose(array_of(found), SCHEDULE.sigma(t), rtol=1e-4)


def test_score_is_the_gradient_of_the_noisy_density(exact):
    x, t = np.float32([[0.3], [-2.0]]), np.float32([0.4, 0.9])
    variance = STD**2 + SCHEDULE.sigma(t)[:, None] ** 2
    expected = -(x - MEAN) / variance
    np.testing.assert_allclose(array_of(exact.score(x, t)), expected, rtol=1e-4)


def test_the_loss_is_the_distance_to_the_noise():
    model = ScoreModel(small_time_network((2,)), (2,), 0.01, 8.0)
    x, noise = np.float32([[1.0, 2.0]]), np.float32([[-1.0, 0.5]])
    t, sigma = np.float32([0.6]), float(SCHEDULE.sigma(0.6))
    noisy = x + sigma * noise
    score = array_of(model.score(noisy, t))
    # sigma^2 |s + (x~ - x) / sigma^2|^2
    expected = np.mean(sigma**2 * (score + (noisy - x) / sigma**2) ** 2)
    parts = map(ops.convert_to_tensor, (x, t, noise))
    found = array_of(model._example_losses(*parts, None, False))
    np.testing.assert_allclose(found, [expected], rtol=1e-4)


def moments(rows, mean=0.0, variance=None):
    """Returns mean and variance of what steps make of the noise, in float64."""
    variance = SCHEDULE.prior_std**2 if variance is None else variance
    for row in rows:
        sigma2 = row[samplers.SIGMA] ** 2
        gain = STD**2 / (STD**2 + sigma2)
        factor = row[samplers.OF_X] + row[samplers.OF_DATA] * gain
        mean = factor * mean + row[samplers.OF_DATA] * (1 - gain) * MEAN
        variance = factor**2 * variance + row[samplers.OF_NOISE] ** 2
    return mean, variance


@pytest.mark.any_backend
@pytest.mark.parametrize(
    "sampler,steps,corrections",
    [("predictor_corrector", 200, 1), ("annealed_langevin", 50, 40)],
)
def test_moments_come_near_those_of_the_data(sampler, steps, corrections):
    grid = make_grid(SCHEDULE, steps)
    mean, variance = moments(langevin_rows(grid, sampler, corrections, 0.1))
    assert mean == pytest.approx(MEAN, rel=0.02)
    assert np.sqrt(variance) == pytest.approx(STD, rel=0.04)


@pytest.mark.any_backend
def test_langevin_steps_at_one_level_come_to_its_density():
    """Up to the known error of finite steps, v / (1 - step sigma^2 / (4 v))."""
    row = langevin_rows(make_grid(SCHEDULE, 10), "annealed_langevin", 1, 0.4)[3]
    mean, variance = moments([row] * 2000, 5.0, 100.0)
    sigma2 = row[samplers.SIGMA] ** 2
    level = STD**2 + sigma2
    assert mean == pytest.approx(MEAN)
    assert variance == pytest.approx(level / (1 - 0.1 * sigma2 / level))


@pytest.mark.parametrize("sampler", ["predictor_corrector", "annealed_langevin"])
def test_samples_have_the_moments_of_their_steps(exact, sampler):
    arguments = {"num_corrections": 3, "step_size": 0.3}
    x = exact.sample(4000, sampler=sampler, num_steps=20, seed=1, **arguments)
    rows = langevin_rows(make_grid(SCHEDULE, 20), sampler, **arguments)
    mean, variance = moments(rows)
    deviation = np.sqrt(variance)
    assert array_of(x).mean() == pytest.approx(mean, abs=4 * deviation / 63)
    assert array_of(x).std() == pytest.approx(deviation, rel=0.05)


def test_other_samplers_and_the_density_are_those_of_diffusion():
    covariance = np.array([[0.4, 0.3], [0.3, 0.5]])
    model = exact_model([0.0, 0.0], covariance)
    x = array_of(model.sample(4000, sampler="heun", num_steps=40, seed=0))
    np.testing.assert_allclose(np.cov(x.T), covariance, atol=0.05)
    x = np.float32([[0.0, 0.0], [-0.5, 1.0]])
    squares = np.sum(x @ np.linalg.inv(covariance) * x, axis=1)
    exact = -0.5 * (squares + np.linalg.slogdet(2 * np.pi * covariance)[1])
    # What is left of the data in noise of deviation 8 costs 0.01.
    np.testing.assert_allclose(array_of(model.log_prob(x)), exact, atol=0.03)


@pytest.mark.parametrize(
    "name,value",
    [
        ("sampler", "langevin"),
        ("step_size", 2.0),
        ("num_corrections", 0),
        ("eta", 1.0),
        ("guidance", 2.0),
    ],
)
def test_bad_argument_is_named(exact, name, value):
    with pytest.raises(ValueError, match=f"`{name}` must .*Received: "):
        exact.sample(2, **{name: value})


def test_other_samplers_take_no_corrections(exact):
    for options in ({"num_corrections": 7}, {"step_size": 5}):
        with pytest.raises(ValueError, match="`num_corrections` and `step_size` must"):
            exact.sample(2, sampler="ddim", **options)


def test_paths_and_edits_have_the_samplers_of_diffusion(exact):
    path = array_of(exact.sample_path(3, seed=1, num_steps=4))
    samples = array_of(exact.sample(3, seed=1, sampler="ddim", num_steps=4))
    np.testing.assert_allclose(path[:, -1], samples, atol=1e-5)
    for draw in (exact.sample_path, lambda n, **kw: exact.edit(path[:, 0], 0.5, **kw)):
        with pytest.raises(ValueError, match="`sampler` must be one of .*'ddim'"):
            draw(3, sampler="predictor_corrector")


def test_file_keeps_the_levels(tmp_path):
    model = ScoreModel(small_time_network((2,)), (2,), 0.02, 5.0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.schedule.get_config() == {"sigma_min": 0.02, "sigma_max": 5.0}
