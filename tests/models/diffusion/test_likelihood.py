"""Bounds and densities, of normal data and of small models."""

import keras
import numpy as np
import pytest
from keras import ops
from scipy import stats

from keras_genmod import (
    CosineSchedule,
    DiffusionModel,
    DiscreteSchedule,
    LinearSchedule,
)
from keras_genmod.evaluation import evaluate_likelihood
from keras_genmod.models.diffusion import variational_bound
from keras_genmod.models.diffusion.discretized_normal import log_level_prob
from keras_genmod.models.diffusion.time_grid import make_grid
from tests.contracts import array_of, slow_elsewhere, torch_param
from tests.models.diffusion.oracle import Oracle, VarianceExploding
from tests.models.small_networks import small_time_network

MEAN, STD = 0.3, 0.5
NODES = np.sqrt(3) * np.array([-1.0, 0.0, 1.0])  # of Gauss and Hermite: exact for x^5
WEIGHTS = np.array([1, 4, 1]) / 6


def expected_bound(model, std=STD):
    """Returns the mean of the bound on -log p over data and noise, without draws."""
    x, noise = (axis.ravel() for axis in np.meshgrid(NODES, NODES))
    weights = np.outer(WEIGHTS, WEIGHTS).ravel()
    x = ops.convert_to_tensor((MEAN + std * x)[:, None].astype("float32"))
    noise = ops.convert_to_tensor(noise[:, None].astype("float32"))
    grid = make_grid(model.schedule, model.schedule.num_steps)
    rows = variational_bound.steps(grid).astype("float32")
    total = array_of(variational_bound.prior_divergence(x, grid, 1.0))[:, 0]
    # All steps but the last as one batch, each with its own row of numbers.
    each, times = len(x), len(rows) - 1
    time, *others = np.repeat(rows[:-1], each, axis=0).T
    row = [time, *(column[:, None] for column in others)]
    row = list(map(ops.convert_to_tensor, row))
    tiled, noises = (ops.tile(values, (times, 1)) for values in (x, noise))
    terms = array_of(model._bound_term(tiled, None, row, noises, False))
    total = total + terms.reshape(times, each).sum(axis=0, dtype="float64")
    last = ops.convert_to_tensor(rows[-1])
    total = total + array_of(model._bound_term(x, None, last, noise, True))
    return weights @ total.astype("float64")


def exact_bound(schedule):
    alpha, sigma = schedule.alpha(np.float64(1)), schedule.sigma(np.float64(1))
    variance = alpha**2 * STD**2 + sigma**2
    entropy = 0.5 * np.log(2 * np.pi * np.e * STD**2)
    return entropy + 0.5 * (variance + (alpha * MEAN) ** 2 - 1 - np.log(variance))


@pytest.mark.every_backend
@pytest.mark.parametrize(
    "schedule",
    [
        DiscreteSchedule([0.3, 0.6]),
        DiscreteSchedule(np.linspace(0.05, 0.7, 10)),
    ],
    ids=["two", "ten"],
)
@pytest.mark.parametrize("prediction", ["v", "noise", "data"])
def test_bound_of_normal_data_is_entropy_and_what_the_prior_lacks(schedule, prediction):
    oracle = Oracle(
        schedule, [MEAN], STD**2 * np.eye(1), prediction, outputs_per_value=2
    )
    model = DiffusionModel(oracle, (1,), schedule, prediction, learned_variance=True)
    np.testing.assert_allclose(expected_bound(model), exact_bound(schedule), atol=1e-5)
    # The draws of log_prob have this mean.
    x = np.random.default_rng(0).normal(MEAN, STD, (4000, 1)).astype("float32")
    log_prob = array_of(model.log_prob(x, seed=0, batch_size=4000))
    assert log_prob.shape == (4000,)
    np.testing.assert_allclose(-log_prob.mean(), exact_bound(schedule), atol=0.05)


def test_fixed_variance_costs_little():
    schedule = LinearSchedule()
    oracle = Oracle(schedule, [MEAN], STD**2 * np.eye(1), "v")
    model = DiffusionModel(oracle, (1,), schedule)
    cost = expected_bound(model) - exact_bound(schedule)
    # With the posterior's variance at the last step it is 0.115.
    np.testing.assert_allclose(cost, 0.0011, atol=2e-4)


@slow_elsewhere
def test_learned_variance_trains_on_the_bound():
    schedule = DiscreteSchedule(np.linspace(0.05, 0.7, 10))
    network = small_time_network((1,), outputs_per_value=2)
    model = DiffusionModel(network, (1,), schedule, learned_variance=True)
    x, data, fraction = (
        np.random.default_rng(i).normal(size=(10, 1)).astype("float32")
        for i in range(3)
    )
    t = np.arange(1, 11).astype("float32") / 10
    tensors = map(ops.convert_to_tensor, (x, data, fraction, t))
    found = array_of(model._bound_terms(*tensors))[::-1, 0]
    rows = variational_bound.steps(make_grid(schedule, 10)).astype("float32")
    for i, row in enumerate(rows):
        at = slice(9 - i, 10 - i)
        error, weight, span = data[at] - x[at], row[3], row[5]
        if i < 9:
            tensors = map(ops.convert_to_tensor, (error, fraction[at]))
            expected = variational_bound.divergences(*tensors, weight, span)
        else:
            log_var = row[4] + fraction[at] * span
            expected = -stats.norm.logpdf(x[at], data[at], np.exp(log_var / 2))
        np.testing.assert_allclose(found[i], array_of(expected)[0, 0], rtol=1e-4)
    model.compile(keras.optimizers.Adam(0.01))
    points = np.random.default_rng(0).normal(MEAN, 0.2, (256, 1)).astype("float32")
    model.fit(points, batch_size=64, epochs=3, verbose=0)
    assert np.all(np.isfinite(array_of(model.sample(4, sampler="ddpm", seed=0))))


def test_divergence_is_that_of_normal_distributions():
    small, span, fraction, error, weight = -2.0, 1.5, 0.4, 0.7, 3.0
    log_var = small + fraction * span
    gap = np.sqrt(weight * np.exp(small)) * error  # c of the data times its error
    expected = 0.5 * (log_var - small + (np.exp(small) + gap**2) / np.exp(log_var) - 1)
    tensors = [ops.convert_to_tensor(np.float32(v)) for v in (error, fraction)]
    found = variational_bound.divergences(*tensors, weight, span)
    np.testing.assert_allclose(array_of(found), expected, rtol=1e-5)


@pytest.mark.parametrize("mean", [0.0, 0.97, -1.3])
@pytest.mark.parametrize("std", [0.001, 0.05, 0.6, 5.0])
def test_probabilities_of_levels_sum_to_one(mean, std):
    levels = np.linspace(-1, 1, 256).astype("float32")
    mean_of = ops.convert_to_tensor(np.full(256, mean, "float32"))
    found = array_of(
        log_level_prob(
            ops.convert_to_tensor(levels), mean_of, float(2 * np.log(std)), 256
        )
    ).astype("float64")
    np.testing.assert_allclose(np.exp(found).sum(), 1, atol=2e-4)
    edges = np.concatenate([[-np.inf], (levels[1:] + levels[:-1]) / 2.0, [np.inf]])
    sides = [(edges[1:] - mean) / std, (edges[:-1] - mean) / std]
    flip = levels > mean  # left tails are exact
    upper = np.where(flip, -sides[1], sides[0])
    lower = np.where(flip, -sides[0], sides[1])
    logs = stats.norm.logcdf(upper), stats.norm.logcdf(lower)
    expected = logs[0] + np.log1p(-np.exp(np.minimum(logs[1] - logs[0], -1e-15)))
    shown = expected > -80
    np.testing.assert_allclose(found[shown], expected[shown], rtol=2e-3, atol=2e-3)


class Uniform(keras.layers.Layer):
    """E[x_0 | x_t] where nothing is known but that all levels are alike."""

    def __init__(self, schedule, num_levels):
        super().__init__()
        self.schedule, self.num_levels = schedule, num_levels

    def call(self, inputs):
        x, t = inputs
        alpha = ops.reshape(self.schedule.alpha(t), (-1, 1, 1, 1, 1))
        sigma = ops.reshape(self.schedule.sigma(t), (-1, 1, 1, 1, 1))
        levels = np.linspace(-1, 1, self.num_levels).astype("float32")
        levels = ops.convert_to_tensor(levels)
        logits = -ops.square((x[..., None] - alpha * levels) / sigma) / 2
        return ops.sum(ops.softmax(logits) * levels, axis=-1)


@pytest.mark.parametrize(
    "num_levels,num_steps,low,high",
    [
        torch_param(256, 400, 7.93, 8.1),  # the standard error is 0.02
        (17, 100, 4.08, 4.25),  # log2 17 = 4.087
        (2, 50, 0.97, 1.09),
    ],
)
def test_levels_that_are_alike_cost_their_log(num_levels, num_steps, low, high):
    schedule = CosineSchedule()
    shape = (20, 20, 1)
    network = Uniform(schedule, num_levels)
    model = DiffusionModel(network, shape, schedule, "data", num_levels=num_levels)
    x = np.random.default_rng(0).integers(0, num_levels, (16, *shape))
    x = (x / (num_levels - 1)).astype("float32")
    found = evaluate_likelihood(
        model, x, dataset="noise", split="test", num_steps=num_steps, seed=0
    )
    assert found.kind == "lower_bound"
    assert dict(found.protocol.options)["steps"] == num_steps
    assert low < found.bits_per_dim < high


def test_bounds_of_levels_end_where_these_are_told_apart():
    for schedule in (CosineSchedule(), CosineSchedule(None), LinearSchedule()):
        for num_levels in (2, 17):
            grid = variational_bound.make_bound_grid(schedule, 30, num_levels)
            noise = grid.sigmas[-2] / grid.alphas[-2]
            assert 2 * noise * (num_levels - 1) == pytest.approx(1, rel=0.05)
            assert len(grid.times) == 31 and np.all(np.diff(grid.times) < 0)
    # 256 levels are hidden by the first step's noise: the grid of the paper.
    grid = variational_bound.make_bound_grid(CosineSchedule(), 1000, 256)
    np.testing.assert_allclose(grid.times, np.arange(1000, -1, -1) / 1000)


CORRELATED = np.array([[0.4, 0.3], [0.3, 0.5]])


@pytest.mark.every_backend
@pytest.mark.parametrize(
    "schedule,prediction,mean",
    [
        # What is left of the mean at t = 1 is not the samplers' prior's.
        (LinearSchedule(None), "noise", [0.0, 0.0]),
        (CosineSchedule(None), "v", [0.5, -1.0]),
        (VarianceExploding(), "data", [0.0, 0.0]),
    ],
    ids=["vp", "zero-snr", "ve"],
)
def test_density_of_normal_data(schedule, prediction, mean):
    oracle = Oracle(schedule, mean, CORRELATED, prediction)
    model = DiffusionModel(oracle, (2,), schedule, prediction)
    x = np.random.default_rng(0).normal(size=(16, 2)).astype("float32")
    expected = stats.multivariate_normal(mean, CORRELATED).logpdf(x)
    found = array_of(model.log_prob(x, method="ode", num_steps=60))
    np.testing.assert_allclose(found, expected, atol=2e-3)


def test_density_of_the_papers_example():
    schedule = LinearSchedule(None)
    oracle = Oracle(schedule, [0.0], 0.25 * np.eye(1), "noise")
    model = DiffusionModel(oracle, (1,), schedule, "noise")
    x = np.array([[0.37]], "float32")
    found = array_of(model.log_prob(x, method="ode"))
    np.testing.assert_allclose(found, stats.norm(0, 0.5).logpdf(0.37), atol=1e-4)


def test_random_probes_have_the_known_variance():
    schedule = LinearSchedule(None)
    oracle = Oracle(schedule, [0.0, 0.0], CORRELATED, "v")
    model = DiffusionModel(oracle, (2,), schedule)
    x = np.zeros((2000, 2), "float32")
    options = {"method": "ode", "num_steps": 40, "batch_size": 2000, "seed": 0}
    exact = array_of(model.log_prob(x[:1], method="ode", num_steps=40))
    found = array_of(model.log_prob(x, num_probes=1, **options))
    # p^T A p = tr A + 2 a_12 p_1 p_2: two values, both alike often.
    deviation = np.abs(found - exact)
    np.testing.assert_allclose(deviation, deviation[0], rtol=1e-3)
    np.testing.assert_allclose(found.mean(), exact[0], atol=4 * deviation[0] / 45)
    # The integral of 2 a_12: half the log of the variances' quotient along (1, 1), as
    # A commutes with the covariance, in its rotation.
    values, vectors = np.linalg.eigh(CORRELATED)
    log_end = -0.5 * np.log(values)
    matrix = vectors @ np.diag(log_end) @ vectors.T
    np.testing.assert_allclose(deviation[0], 2 * abs(matrix[0, 1]), rtol=0.02)
    two = array_of(model.log_prob(x, num_probes=2, **options))
    np.testing.assert_allclose(two.std(), deviation[0] / np.sqrt(2), rtol=0.1)


def test_levels_get_noise_and_their_width_counts():
    class Wide(Oracle):
        def call(self, inputs):
            x, t = inputs
            flat = super().call([ops.reshape(x, (-1, 1)), t])
            return ops.reshape(flat, (-1, 1, 1, 1))

        def compute_output_shape(self, input_shape):
            return input_shape[0]

    schedule = LinearSchedule(None)
    oracle = Wide(schedule, [0.1], 0.25 * np.eye(1), "v")
    x = np.full((3000, 1, 1, 1), 2 / 3, "float32")
    for levels, log_width in ((4, np.log(4)), (None, 0.0)):
        model = DiffusionModel(oracle, (1, 1, 1), schedule, num_levels=levels)
        found = array_of(model.log_prob(x, method="ode", seed=0, batch_size=3000))
        u = (2 + (np.arange(2000) + 0.5) / 2000) / 4 if levels else np.array([2 / 3])
        density = stats.norm(0.1, 0.5).logpdf(2 * u - 1) + np.log(2)
        np.testing.assert_allclose(found.mean(), density.mean() - log_width, atol=0.02)


@slow_elsewhere
def test_density_of_a_small_model_integrates_to_one():
    rng = np.random.default_rng(0)
    angles = rng.uniform(0, np.pi, 1024)
    x = np.stack([np.cos(angles), np.sin(angles)], 1) + 0.15 * rng.normal(
        size=(1024, 2)
    )
    schedule = LinearSchedule(None)
    network = small_time_network((2,), hidden_dim=64)
    model = DiffusionModel(network, (2,), schedule, seed=0)
    model.compile(keras.optimizers.Adam(0.01))
    model.fit(x.astype("float32"), batch_size=256, epochs=40, verbose=0)
    side = np.linspace(-4, 4, 81)
    grid = np.stack(np.meshgrid(side, side, indexing="ij"), -1).reshape(-1, 2)
    log_prob = model.log_prob(
        grid.astype("float32"), method="ode", num_steps=30, batch_size=len(grid)
    )
    cells = np.exp(array_of(log_prob).astype("float64")).reshape(81, 81) * 0.1**2
    np.testing.assert_allclose(cells.sum(), 1, atol=0.01)
    way = {"sampler": "heun", "num_steps": 40, "seed": 1}
    samples = array_of(model.sample(4000, **way))
    edges = np.linspace(-4.05, 4.05, 82)
    counts = np.histogram2d(*samples.T, bins=[edges, edges])[0] / 4000
    coarse = [c[:80, :80].reshape(10, 8, 10, 8).sum((1, 3)) for c in (counts, cells)]
    assert np.abs(coarse[0] - coarse[1]).sum() < 0.15


@pytest.fixture(scope="module")
def small():
    return DiffusionModel(small_time_network((2,)), (2,))


def test_kinds_and_protocols(small):
    assert small.kind_of_log_prob() == "lower_bound"
    assert small.kind_of_log_prob("ode") == "exact"
    assert small.kind_of_log_prob("ode", num_probes=3) == "estimate"
    images = DiffusionModel(small_time_network((4, 4, 1)), (4, 4, 1))
    assert images.kind_of_log_prob("ode") == "estimated_lower_bound"
    assert images.kind_of_log_prob("ode", num_probes=0) == "lower_bound"
    assert images.likelihood_protocol("ode", seed=3) == {
        "method": "ode",
        "steps": 50,
        "solver": "rk4",
        "probes": 1,
        "first_time": 0.001,
        "noise_in_levels": "uniform",
        "seed": 3,
    }
    x = np.zeros((4, 2), "float32")
    found = evaluate_likelihood(
        small, x, dataset="zeros", split="test", method="ode", num_steps=2, num_probes=1
    )
    assert found.kind == "estimate"
    assert dict(found.protocol.options)["probes"] == 1


@pytest.mark.parametrize(
    "arguments,message",
    [
        ({"method": "exact"}, "`method` must be one of 'bound', 'ode'"),
        ({"num_steps": 1001}, "`num_steps` must be at most 1000, the steps of its"),
        ({"num_probes": 1}, '`num_probes` must be None for method="bound"'),
        ({"method": "ode", "num_probes": -1}, "`num_probes` must be a non-negative"),
        ({"method": "ode", "num_steps": 0}, "`num_steps` must be a positive int"),
    ],
)
def test_arguments_are_checked(small, arguments, message):
    with pytest.raises(ValueError, match=message):
        small.log_prob(np.zeros((2, 2), "float32"), **arguments)


def test_values_between_levels_have_no_probability():
    model = DiffusionModel(small_time_network((2, 2, 1)), (2, 2, 1), num_levels=4)
    with pytest.raises(ValueError, match=r"`x` must hold the values k / 3"):
        model.log_prob(np.full((1, 2, 2, 1), 0.5, "float32"))


def test_learned_variance_needs_steps():
    network = small_time_network((2,), outputs_per_value=2)
    with pytest.raises(ValueError, match="`learned_variance` must be False in cont"):
        DiffusionModel(network, (2,), CosineSchedule(None), learned_variance=True)
