"""Encoding, editing and completing data, with a network that knows normal data."""

import numpy as np
import pytest

import keras_genmod
from keras_genmod import (
    CosineSchedule,
    DiffusionModel,
    LinearSchedule,
    StraightSchedule,
)
from keras_genmod.models.diffusion import repaint
from keras_genmod.models.diffusion.time_grid import make_grid
from tests.contracts import array_of, slow_elsewhere
from tests.models.diffusion.oracle import Oracle
from tests.models.small_networks import small_time_network

MEAN, SHAPE = np.array([0.5, -1.0]), np.array([[0.4, 0.3], [0.3, 0.5]])
IMAGE = (2, 2, 1)
X = np.random.default_rng(0).multivariate_normal(MEAN, SHAPE, 64).astype("float32")


@pytest.fixture(scope="module")
def model():
    schedule = LinearSchedule()
    return DiffusionModel(Oracle(schedule, MEAN, SHAPE, "v"), (2,), schedule)


@pytest.fixture(scope="module")
def of_images():
    return DiffusionModel(small_time_network(IMAGE), IMAGE)


def whitened(x):
    # The equation's exact map from data to noise, whose variance is I, is C^(-1/2).
    values, vectors = np.linalg.eigh(SHAPE)
    return (x - MEAN) @ vectors / np.sqrt(values) @ vectors.T


@pytest.mark.every_backend
@pytest.mark.parametrize(
    "sampler,num_steps,error,back",
    [
        ("ddim", 200, 0.1, 0.05),
        ("heun", 100, 0.05, 2e-4),  # its last step too is good to second order
        ("dpm_solver_2m", 100, 0.05, 0.01),
    ],
)
def test_codes_are_those_of_the_exact_map(model, sampler, num_steps, error, back):
    way = {"sampler": sampler, "num_steps": num_steps}
    z = array_of(model.encode(X, **way))
    np.testing.assert_allclose(z, whitened(X), atol=error)
    np.testing.assert_allclose(array_of(model.decode(z, **way)), X, atol=back)


def test_latents_are_interpolated(model):
    z = keras_genmod.latents.encode(model, X[:2])
    path = keras_genmod.latents.interpolate(z[:1], z[1:], 3)
    found = keras_genmod.latents.decode(model, path)
    assert found.shape == (1, 3, 2)
    np.testing.assert_allclose(found[0, ::2], X[:2], atol=0.05)


def test_latents_need_a_way_back(model):
    with pytest.raises(ValueError, match="`sampler` must be one without noise"):
        model.encode(X, sampler="ddpm")
    with pytest.raises(ValueError, match="`num_steps` must be an int of at least 2"):
        model.encode(X, num_steps=1)


def test_noise_has_the_schedules_mean_and_deviation(model):
    x = np.tile(X[:1], (4000, 1))
    noisy = array_of(model.add_noise(x, 0.3, seed=0))
    np.testing.assert_allclose(
        noisy.mean(0), model.schedule.alpha(0.3) * X[0], atol=0.05
    )
    np.testing.assert_allclose(noisy.std(0), model.schedule.sigma(0.3), rtol=0.05)


@pytest.mark.every_backend
def test_denoise_and_score_are_exact_for_normal_data(model):
    t = np.linspace(0.1, 1, 64).astype("float32")
    noisy = array_of(model.add_noise(X, t, seed=0))
    alpha, sigma = model.schedule.alpha(t), model.schedule.sigma(t)
    for i in (0, 20, 63):
        covariance = alpha[i] ** 2 * SHAPE + sigma[i] ** 2 * np.eye(2)
        off = np.linalg.solve(covariance, noisy[i] - alpha[i] * MEAN)
        score = array_of(model.score(noisy, t))[i]
        np.testing.assert_allclose(score, -off, atol=1e-4)
        data = array_of(model.denoise(noisy, t))[i]
        np.testing.assert_allclose(data, MEAN + alpha[i] * SHAPE @ off, atol=1e-4)


def test_score_of_images_is_on_their_scale(of_images):
    x = np.full((1, *IMAGE), 0.25, "float32")
    alpha, sigma = of_images.schedule.alpha(0.5), of_images.schedule.sigma(0.5)
    data = 2 * array_of(of_images.denoise(x, 0.5)) - 1
    expected = 2 * (alpha * data - (2 * x - 1)) / sigma**2
    np.testing.assert_allclose(array_of(of_images.score(x, 0.5)), expected, rtol=1e-4)


@pytest.mark.parametrize("t", [0.0, 1.5, [0.1, 0.2], np.nan])
def test_times_are_checked(model, t):
    with pytest.raises(ValueError, match=r"`t` must be a number in \(0, 1\], or 64"):
        model.score(X, t)


@pytest.mark.every_backend
def test_times_have_noise():
    for schedule in (CosineSchedule(), CosineSchedule(None), StraightSchedule()):
        network = Oracle(schedule, MEAN, SHAPE, "data")
        model = DiffusionModel(network, (2,), schedule, "data")
        first = schedule.first_time
        assert np.all(np.isfinite(array_of(model.score(X, 0.01 * first))))
        with pytest.raises(ValueError, match="`t` must be at least .*first_time"):
            model.score(X, np.linspace(1e-4 * first, 1, 64))


def test_edit_starts_at_its_strength(model):
    x = np.tile(X[:1], (2000, 1))
    little = array_of(model.edit(x, 0.02, seed=0, num_steps=10))
    np.testing.assert_allclose(little, x, atol=0.4)


@slow_elsewhere
def test_edits_have_the_moments_of_what_is_left(model):
    x = np.tile(X[:1], (2000, 1))
    # At the end nothing is left of x: samples of the model.
    all_of_it = array_of(model.edit(x, 1.0, seed=0, sampler="heun", num_steps=80))
    np.testing.assert_allclose(all_of_it.mean(0), MEAN, atol=0.06)
    np.testing.assert_allclose(np.cov(all_of_it.T), SHAPE, atol=0.06)
    # In between, x_0 given x_t, by the exact map, has the moments of this mixture.
    middle = array_of(model.edit(x, 0.4, seed=0, sampler="ddpm", num_steps=400))
    alpha, sigma = model.schedule.alpha(0.4), model.schedule.sigma(0.4)
    gain = alpha * SHAPE @ np.linalg.inv(alpha**2 * SHAPE + sigma**2 * np.eye(2))
    expected = MEAN + alpha * gain @ (X[0] - MEAN)
    np.testing.assert_allclose(middle.mean(0), expected, atol=0.06)
    spread = SHAPE - alpha * gain @ SHAPE + sigma**2 * gain @ gain.T
    np.testing.assert_allclose(np.cov(middle.T), spread, atol=0.06)


@pytest.mark.parametrize("strength", [0, -0.1, 1.1, None])
def test_strength_is_checked(model, strength):
    with pytest.raises(ValueError, match="`strength` must be a .*number"):
        model.edit(X, strength)


def test_steps_of_an_edit_are_those_that_are_left(model):
    with pytest.raises(ValueError, match="`num_steps` must be at most 20"):
        model.edit(X, 0.02, num_steps=30)


@pytest.mark.every_backend
def test_resamplings_bring_the_unknown_to_fit():
    correlated = np.array([[1.0, 0.8], [0.8, 1.0]])
    schedule = LinearSchedule()
    model = DiffusionModel(
        Oracle(schedule, np.zeros(2), correlated, "v"), (2,), schedule
    )
    x = np.full((1500, 2), [1.5, np.nan], "float32")
    means, mask = [], np.array([True, False])
    for resamplings in (1, 5, 20):
        found = array_of(
            model.inpaint(
                x,
                mask,
                seed=0,
                num_steps=50,
                jump_length=1,
                num_resamplings=resamplings,
            )
        )
        assert np.all(found[:, 0] == np.float32(1.5))
        means.append(found[:, 1].mean())
    assert means[0] < means[1] < means[2]
    np.testing.assert_allclose(means[2], 0.8 * 1.5, atol=0.06)
    assert 0.4 < found[:, 1].std() < 0.65  # 0.6 for many steps


def test_known_pixels_stay_bit_for_bit(of_images):
    x = np.random.default_rng(0).random((3, *IMAGE)).astype("float32")
    arguments = {"num_steps": 4, "num_resamplings": 2, "jump_length": 2, "seed": 0}
    everything = of_images.inpaint(x, np.ones((2, 2, 1)), **arguments)
    np.testing.assert_array_equal(array_of(everything), x)
    mask = np.array([[True, False], [False, True]])[..., None]
    found = array_of(of_images.inpaint(x, mask, **arguments))
    np.testing.assert_array_equal(found[:, [0, 1], [0, 1]], x[:, [0, 1], [0, 1]])
    assert np.all(found[:, [0, 1], [1, 0]] != x[:, [0, 1], [1, 0]])


def test_steps_are_gone_back_and_never_from_the_data():
    assert repaint.visits(3, 1, 1) == [(0, 0), (1, 0), (2, 0)]
    assert repaint.visits(3, 2, 1) == [(0, 1), (0, 0), (1, 1), (1, 0), (2, 0)]
    visits = repaint.visits(250, 10, 10)
    assert len(visits) == 250 + 24 * 9 * 10 and visits[-1] == (249, 0)


@pytest.mark.any_backend
@pytest.mark.parametrize("num_steps,jump", [(1, 1), (4, 1), (25, 2), (250, 10)])
def test_default_jumps_are_a_tenth_of_the_steps(num_steps, jump):
    assert repaint.standardize_jumps(3, None, num_steps) == (3, jump)
    again = len(repaint.visits(num_steps, 3, jump)) > num_steps
    assert again == (num_steps > 1)


def test_few_steps_are_taken_again_unless_one_says():
    correlated = np.array([[1.0, 0.8], [0.8, 1.0]])
    schedule = CosineSchedule(10)
    network = Oracle(schedule, np.zeros(2), correlated, "v")
    model = DiffusionModel(network, (2,), schedule)
    x, mask = np.full((1500, 2), 1.5, "float32"), [True, False]
    means = [
        array_of(model.inpaint(x, mask, seed=0, **options))[:, 1].mean()
        for options in ({}, {"num_resamplings": 1, "jump_length": 10})
    ]
    assert means[0] > 0.95 and means[1] < 0.8  # 1.2 is exact
    message = "`jump_length` must be below `num_steps`.* take a smaller .*=10$"
    with pytest.raises(ValueError, match=message):
        model.inpaint(x, mask, jump_length=10)


@pytest.mark.parametrize("name", ["num_resamplings", "jump_length"])
def test_resamplings_are_checked(model, name):
    with pytest.raises(ValueError, match=f"`{name}` must be a positive int"):
        model.inpaint(X, np.ones(2), **{name: 0})


def test_known_values_are_finite(model):
    x = np.where(np.arange(2), np.nan, X)
    assert np.all(np.isfinite(array_of(model.inpaint(x, [1, 0], num_steps=2))))
    with pytest.raises(ValueError, match="`x` must be finite where `mask` .* 64 NaN"):
        model.inpaint(x, [0, 1])


def test_going_back_keeps_the_schedule():
    grid = make_grid(CosineSchedule(), 20)
    for row in repaint.plan(grid, 3, 4):
        alpha = row[repaint.KNOWN_ALPHA] * row[repaint.BACK]
        sigma = np.hypot(row[repaint.KNOWN_SIGMA] * row[repaint.BACK], row[-1])
        place = np.abs(grid.alphas - alpha).argmin()
        np.testing.assert_allclose(alpha, grid.alphas[place], rtol=1e-9)
        np.testing.assert_allclose(sigma, grid.sigmas[place], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("mask", [np.ones(2), np.ones((3, 3, 1)), np.ones((2, 2, 3))])
def test_shape_of_a_mask_is_checked(of_images, mask):
    with pytest.raises(ValueError, match="`mask` must have the shape of `x`"):
        of_images.inpaint(np.zeros((3, *IMAGE), "float32"), mask)


def test_shapes_of_a_mask_are_named_once(of_images):
    message = r"example, \(2, 2, 1\) or \(3, 2, 2, 1\)\. Received"
    with pytest.raises(ValueError, match=message):
        of_images.inpaint(np.zeros((3, *IMAGE), "float32"), np.ones(2))


def test_values_of_a_mask_are_checked(of_images):
    with pytest.raises(ValueError, match="`mask` must hold True or 1 where"):
        of_images.inpaint(np.zeros((3, *IMAGE), "float32"), np.full(IMAGE, 0.5))


@pytest.mark.parametrize(
    "method,arguments",
    [
        ("fit", ()),
        ("evaluate", ()),
        ("log_prob", ()),
        ("encode", ()),
        ("add_noise", (0.5,)),
        ("edit", (0.5,)),
        ("inpaint", (np.ones(IMAGE),)),
    ],
)
def test_images_of_another_range_are_refused(of_images, method, arguments):
    of_images.compile()
    ways_out = {255: "divide pixels", -1: r"pixels of \[-1, 1\] are brought"}
    for value, way_out in ways_out.items():
        x = np.full((2, *IMAGE), value, "float32")
        with pytest.raises(ValueError, match=r"`x` must lie in \[0, 1\]; " + way_out):
            getattr(of_images, method)(x, *arguments)


def test_an_unknown_sampler_is_told_of_the_known_ones(of_images):
    x = np.zeros((2, *IMAGE), "float32")
    for call in (
        lambda: of_images.sample(2, sampler="plms"),
        lambda: of_images.edit(x, 0.5, sampler="plms"),
        lambda: of_images.encode(x, sampler="plms"),
        lambda: of_images.sample_path(2, sampler="plms"),
    ):
        with pytest.raises(ValueError, match="`sampler` must be one of .*'ddim'.*plms"):
            call()


def test_paths_end_in_samples(of_images):
    for way in ({"sampler": "heun"}, {"sampler": "ddim", "eta": 0.5}):
        path = array_of(of_images.sample_path(3, seed=1, num_steps=4, **way))
        assert path.shape == (3, 4, *IMAGE)
        samples = array_of(of_images.sample(3, seed=1, num_steps=4, **way))
        np.testing.assert_allclose(path[:, -1], samples, atol=1e-6)
    with pytest.raises(ValueError, match="Arguments of `sample_path` must be some"):
        of_images.sample_path(3, steps=4)
