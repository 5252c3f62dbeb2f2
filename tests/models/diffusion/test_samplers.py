"""Samplers against what normal data make of them."""

import numpy as np
import pytest
from keras import ops

from keras_genmod import CosineSchedule, DiffusionModel, LinearSchedule
from keras_genmod.engine import Seeds
from keras_genmod.models.diffusion import samplers
from keras_genmod.models.diffusion.noise_schedule import NoiseSchedule
from keras_genmod.models.diffusion.time_grid import make_grid
from tests.contracts import array_of, torch_param
from tests.models.diffusion.oracle import Oracle, VarianceExploding

STD = 0.5


def final_scale(schedule: NoiseSchedule, sampler, num_steps, spacing, std=STD):
    """Returns the factor from noise to sample, the sampler on normal data is linear.

    In float64: orders are seen free of rounding.
    """
    grid = make_grid(schedule, num_steps, spacing)

    def gain(alpha, sigma):
        return alpha * std**2 / (alpha**2 * std**2 + sigma**2)

    if sampler == "heun":
        rows = samplers.coefficients(grid, "euler", 0.0)
        x, corrections = 1.0, samplers._heun_rows(grid)
        for i, row in enumerate(rows):
            data = gain(grid.alphas[i], grid.sigmas[i]) * x
            new = row[samplers.OF_X] * x + row[samplers.OF_DATA] * data
            later = gain(grid.alphas[i + 1], grid.sigmas[i + 1]) * new
            x = corrections[i] @ np.array([x, data, new, later])
        return x
    x, previous = 1.0, 0.0
    for row in samplers.coefficients(grid, sampler, 0.0):
        data = gain(row[samplers.ALPHA], row[samplers.SIGMA]) * x
        x, previous = row[3:6] @ np.array([x, data, previous]), data
    return x


def relative_error(schedule, sampler, num_steps, spacing):
    end = schedule.alpha(np.float64(1)) ** 2 * STD**2 + schedule.prior_std**2
    if schedule.prior_std == 1:
        end -= schedule.alpha(np.float64(1)) ** 2
    exact = STD / np.sqrt(end)
    return final_scale(schedule, sampler, num_steps, spacing) / exact - 1


@pytest.mark.parametrize(
    "sampler,steps,errors",
    [
        ("euler", (18, 36, 72), (-0.154, -0.078, -0.039)),
        ("heun", (18, 36, 72), (0.0553, 0.0122, 0.0029)),
        ("dpm_solver_2m", (20, 40, 80), (0.0493, 0.0104, 0.0024)),
    ],
)
def test_orders_on_the_grid_of_karras(sampler, steps, errors):
    found = [relative_error(VarianceExploding(), sampler, n, "karras") for n in steps]
    np.testing.assert_allclose(found, errors, atol=5e-4)


def test_ddim_on_the_linear_schedule():
    steps, errors = (10, 20, 50, 1000), (-0.252, -0.133, -0.055, -0.003)
    found = [relative_error(LinearSchedule(), "ddim", n, "leading") for n in steps]
    np.testing.assert_allclose(found, errors, atol=1e-3)


def test_only_grids_from_the_noisiest_time_keep_the_mean():
    """Noise is taken for data of t = 1: at a lesser time more of their mean is due."""
    schedule, mean, ends = LinearSchedule(), 3.0, {}
    for spacing in ("uniform", "leading"):
        found = 0.0  # of the noise
        for row in samplers.coefficients(make_grid(schedule, 10, spacing), "ddim", 0):
            alpha, sigma = row[samplers.ALPHA], row[samplers.SIGMA]
            gain = alpha * STD**2 / (alpha**2 * STD**2 + sigma**2)
            data = mean + gain * (found - alpha * mean)
            found = row[samplers.OF_X] * found + row[samplers.OF_DATA] * data
        ends[spacing] = abs(found - mean)
    assert ends["leading"] > 1.5 * ends["uniform"]


# Each sampler and each prediction on every backend, all pairs on torch.
EVERYWHERE = {
    "ddpm": "noise",
    "ddim": "data",
    "euler": "noise",
    "heun": "v",
    "dpm_solver_2m": "v",
}
PAIRS = [
    (sampler, prediction) if prediction == here else torch_param(sampler, prediction)
    for sampler, here in EVERYWHERE.items()
    for prediction in ("noise", "data", "v")
]
MEAN, SHAPE = np.array([0.5, -1.0]), np.array([[0.4, 0.3], [0.3, 0.5]])


@pytest.fixture(scope="module")
def models():
    """Models that know normal data, one a schedule and prediction."""

    def make(schedule, prediction):
        oracle = Oracle(schedule, MEAN, SHAPE, prediction)
        return DiffusionModel(oracle, (2,), schedule, prediction)

    return {
        "noise": make(LinearSchedule(), "noise"),
        "data": make(CosineSchedule(), "data"),
        "v": make(CosineSchedule(None), "v"),  # nothing of the data at t = 1
    }


@pytest.mark.every_backend
@pytest.mark.parametrize("sampler,prediction", PAIRS)
def test_samples_are_normal(models, sampler, prediction):
    steps = 80 if sampler == "heun" else 200
    model = models[prediction]
    x = array_of(model.sample(4000, sampler=sampler, num_steps=steps, seed=0))
    np.testing.assert_allclose(x.mean(0), MEAN, atol=0.05)
    np.testing.assert_allclose(np.cov(x.T), SHAPE, atol=0.05)


@pytest.mark.every_backend
def test_the_loop_is_what_the_coefficients_say(models):
    seeds = Seeds(ops.convert_to_tensor(np.array([3, 0], "uint32")))
    grid = make_grid(VarianceExploding(), 18, "karras")
    for sampler in ("euler", "heun", "dpm_solver_2m"):

        def predict(x, row):
            alpha, sigma = row[1], row[2]
            gain = alpha * STD**2 / (alpha**2 * STD**2 + sigma**2)
            return gain * x, None

        start = ops.ones((1, 2))
        end = samplers.solve(predict, start, grid, sampler, 0.0, seeds)
        expected = final_scale(VarianceExploding(), sampler, 18, "karras")
        np.testing.assert_allclose(array_of(end), expected, rtol=1e-4)
        path = samplers.solve(predict, start, grid, sampler, 0.0, seeds, path=True)
        assert path.shape == (18, 1, 2)
        np.testing.assert_allclose(array_of(path[-1]), array_of(end), rtol=1e-6)


@pytest.mark.every_backend
def test_ddim_with_all_noise_is_ddpm(models):
    arguments = {"num_steps": 10, "seed": 4}
    ddpm = models["noise"].sample(3, sampler="ddpm", **arguments)
    ddim = models["noise"].sample(3, sampler="ddim", eta=1, **arguments)
    np.testing.assert_array_equal(array_of(ddpm), array_of(ddim))
    # beta~_t = beta_t (1 - a_{t-1}) / (1 - a_t)
    betas = np.linspace(1e-4, 0.02, 1000)
    bars = np.cumprod(1 - betas)
    expected = betas[1:] * (1 - bars[:-1]) / (1 - bars[1:])
    rows = samplers.coefficients(make_grid(LinearSchedule(), 1000), "ddim", 1.0)
    found = rows[:-1, samplers.OF_NOISE] ** 2
    np.testing.assert_allclose(found[::-1], expected, rtol=1e-9)


def test_clipped_data_stand_for_another_noise():
    def predict(x, row):
        return ops.clip(3 * x, -1.0, 1.0), None

    grid = make_grid(LinearSchedule(), 2)
    x = ops.convert_to_tensor(np.array([[2.0, -0.1]], "float32"))
    one = samplers.solve(predict, x, grid, "ddim", 0.0, None, path=True)[0]
    data, noise = np.array([[1.0, -0.3]]), None
    alpha, sigma = grid.alphas, grid.sigmas
    noise = (np.array([[2.0, -0.1]]) - alpha[0] * data) / sigma[0]
    np.testing.assert_allclose(
        array_of(one), alpha[1] * data + sigma[1] * noise, rtol=1e-5
    )


@pytest.mark.every_backend
def test_guidance_gives_the_power_of_the_deviations():
    schedule = LinearSchedule()
    free = (np.zeros(1), np.eye(1))
    oracle = Oracle(schedule, np.zeros(1), 0.25 * np.eye(1), "v", free)
    model = DiffusionModel(oracle, (1,), schedule, num_classes=2)

    def deviation(**arguments):
        way = {"sampler": "heun", "num_steps": 80, "spacing": "karras"}
        return array_of(model.sample(2000, 0, seed=1, **way, **arguments)).std()

    start = deviation(guidance=0.0)
    np.testing.assert_allclose(deviation(guidance=3.0) / start, 0.125, rtol=0.01)
    np.testing.assert_allclose(deviation(guidance=1.0) / start, 0.5, rtol=0.01)


@pytest.mark.parametrize(
    "arguments,message",
    [
        ({"sampler": "dpm"}, "`sampler` must be one of .*'heun'"),
        ({"spacing": "even"}, "`spacing` must be one of .*'karras'"),
        ({"num_steps": 1001}, "`num_steps` must be at most 1000, the steps"),
        ({"num_steps": 0}, "`num_steps` must be a positive int"),
        ({"spacing": "leading", "num_steps": 600}, "`num_steps` must divide 1000, the"),
        ({"eta": 1.5}, r"`eta` must be a number in \[0, 1\]"),
        ({"sampler": "heun", "eta": 0.5}, '`eta` is an argument of sampler="ddim"'),
        ({"guidance": 2.0}, "`guidance` must be 1: it needs a model of .*_rate=0.1$"),
        ({"clip": 1}, "`clip` must be True, False or None"),
    ],
)
def test_arguments_are_checked(models, arguments, message):
    with pytest.raises(ValueError, match=message):
        models["noise"].sample(2, **{"sampler": "ddim", **arguments})
