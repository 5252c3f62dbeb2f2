"""Mixtures of logistics against SciPy's logistic, and against their own draws."""

import itertools

import keras
import numpy as np
import pytest
import scipy.integrate
import scipy.special
import scipy.stats
from keras import ops

from keras_genmod.distributions import DiscretizedLogisticMixture
from tests.autodiff import gradient
from tests.contracts import slow_elsewhere, torch_param


def numpy(tensor):
    return ops.convert_to_numpy(tensor)


def grey(mean, log_scale, num_levels, num_rows):
    """One component, a row a level."""
    ones = np.ones((num_rows, 1, 1), "float32")
    return DiscretizedLogisticMixture(
        ones[:, 0], mean * ones, log_scale * ones, num_levels=num_levels
    )


def colours(num_rows, num_levels=4, num_mixtures=3, scale=1.0, **kwargs):
    """Three channels, the same parameters for each row; and these as NumPy."""
    rng = np.random.default_rng(2)
    parameters = [
        rng.normal(size=shape).astype("float32") * scale
        for shape in (
            (num_mixtures,),
            (3, num_mixtures),
            (3, num_mixtures),
            (3, num_mixtures),
        )
    ]
    parameters[2] = parameters[2] - 1.0
    rows = [np.repeat(p[None], num_rows, axis=0) for p in parameters]
    mixture = DiscretizedLogisticMixture(*rows, num_levels=num_levels, **kwargs)
    return mixture, parameters


def all_pixels(num_levels):
    levels = itertools.product(range(num_levels), repeat=3)
    return (np.array(list(levels)) / (num_levels - 1)).astype("float32")


def chances(mixture, values):
    return np.exp(numpy(mixture.log_prob(values)).astype("float64"))


@pytest.mark.parametrize("num_levels", [2, 3, 16, 256])
@pytest.mark.parametrize("mean,log_scale", [(0.3, -1.0), (-0.8, -3.0), (1.4, 0.5)])
def test_probabilities_are_integrals_of_the_logistic(num_levels, mean, log_scale):
    step = 2 / (num_levels - 1)
    edges = -1 + step * (np.arange(num_levels - 1) + 0.5)
    density = scipy.stats.logistic(mean, np.exp(log_scale)).pdf
    inner = [
        scipy.integrate.quad(density, low, low + step)[0]
        for low in edges[:: len(edges)]
    ]
    cdf = scipy.stats.logistic(mean, np.exp(log_scale)).cdf
    expected = np.diff([0.0, *cdf(edges), 1.0])
    if num_levels > 2:  # the first inner level, by quadrature too
        np.testing.assert_allclose(expected[1], inner[0], rtol=1e-6)
    values = np.arange(num_levels)[:, None] / (num_levels - 1)
    found = chances(grey(mean, log_scale, num_levels, num_levels), values)
    np.testing.assert_allclose(found, expected, rtol=2e-4, atol=1e-9)


@pytest.mark.parametrize("num_levels", [2, 5, 256, 4096])
@pytest.mark.parametrize(
    "log_scale", [-1e4, -5, 1e4, *map(torch_param, (-20, -7, -2, 0, 3, 7, 50))]
)
def test_levels_sum_to_one_over_the_whole_range(num_levels, log_scale):
    means = [0, 1 / 3, 1, -1, 0.9999, 1 + 1 / 255, 3, -50, 1e4, -1e8, 1e30]
    values = np.arange(num_levels)[:, None] / (num_levels - 1)
    for mean in means:
        p = chances(grey(mean, log_scale, num_levels, num_levels), values)
        assert abs(p.sum() - 1) < 1e-5, (mean, p.sum())


@pytest.mark.parametrize("scale", [1.0, 5.0, 100.0])
def test_all_colours_sum_to_one(scale):
    pixels = all_pixels(6)
    mixture, _ = colours(len(pixels), num_levels=6, scale=scale)
    assert abs(chances(mixture, pixels).sum() - 1) < 1e-5


def test_channels_depend_linearly_on_those_before():
    pixels = all_pixels(4)
    mixture, (logits, means, log_scales, coefficients) = colours(len(pixels))
    x = 2 * pixels.astype("float64") - 1
    expected = 0.0
    for m, weight in enumerate(scipy.special.softmax(logits.astype("float64"))):
        a, b, c = coefficients[:, m]
        for i, mean in enumerate(
            [
                means[0, m] + 0 * x[:, 0],
                means[1, m] + a * x[:, 0],
                means[2, m] + b * x[:, 0] + c * x[:, 1],
            ]
        ):
            cdf = scipy.stats.logistic(mean, np.exp(log_scales[i, m])).cdf
            upper = np.where(x[:, i] > 0.99, 1, cdf(x[:, i] + 1 / 3))
            lower = np.where(x[:, i] < -0.99, 0, cdf(x[:, i] - 1 / 3))
            weight = weight * (upper - lower)
        expected = expected + weight
    np.testing.assert_allclose(chances(mixture, pixels), expected, rtol=1e-4)


@pytest.mark.parametrize("num_levels", [2, 256])
@pytest.mark.parametrize("size", [1.0, 30.0, 1e4, 1e8])
def test_gradients_are_finite_everywhere(num_levels, size):
    rng = np.random.default_rng(0)
    outputs = size * rng.normal(size=(64, 10 * 2)).astype("float32")
    outputs[0] = 0
    values = rng.integers(0, num_levels, size=(64, 3)) / (num_levels - 1)
    values[:8], values[8:16] = 0, 1

    def total(outputs):
        mixture = DiscretizedLogisticMixture.from_outputs(outputs, 3, num_levels)
        return ops.sum(mixture.log_prob(values.astype("float32")))

    found = gradient(total, outputs)
    assert np.all(np.isfinite(found)) and np.any(found != 0)


def test_gradients_are_those_of_the_probabilities(rng):
    values = np.array([[0.0, 0.5, 1.0], [0.25, 0.0, 0.75]], "float32")
    outputs = rng.normal(size=(2, 20)).astype("float32")

    def total(outputs):
        mixture = DiscretizedLogisticMixture.from_outputs(outputs, 3, 5)
        return ops.sum(mixture.log_prob(values))

    found, step = gradient(total, outputs), 1e-2
    for i, j in [(0, 0), (0, 3), (0, 8), (1, 12), (1, 15), (1, 18)]:
        nudge = np.zeros_like(outputs)
        nudge[i, j] = step
        difference = numpy(total(outputs + nudge)) - numpy(total(outputs - nudge))
        assert abs(difference / (2 * step) - found[i, j]) < 2e-3


@slow_elsewhere
@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_draws_have_the_frequencies_of_the_probabilities(temperature):
    pixels = all_pixels(3)
    p = chances(colours(27, 3, temperature=temperature)[0], pixels)
    draws = numpy(colours(20_000, 3, temperature=temperature)[0].sample(seed=0))
    assert draws.shape == (20_000, 3)
    counts = np.bincount((draws @ [18, 6, 2]).round().astype(int), minlength=27)
    assert counts.sum() == 20_000
    assert scipy.stats.chisquare(counts, 20_000 * p / p.sum()).pvalue > 1e-3


@slow_elsewhere
@pytest.mark.parametrize(
    "keep", [(1, 0, 0), (0, 1, 0), (1, 0, 1), (0, 0, 0), (1, 1, 0)], ids=str
)
def test_completion_draws_each_channel_given_those_before(keep):
    # As the model's: known channels condition those after them, not those before.
    keep, known = np.array(keep, bool), np.array([1, 2, 0])
    joint = chances(colours(27, 3)[0], all_pixels(3)).reshape(3, 3, 3)
    first = joint.sum(axis=(1, 2))
    second = joint.sum(axis=2) / first[:, None]
    third = joint / joint.sum(axis=2, keepdims=True)
    shapes = [first[:, None, None], second[:, :, None], third]
    expected = np.ones((3, 3, 3))
    for c, conditional in enumerate(shapes):
        if keep[c]:
            at = [1, 1, 1]
            at[c] = 3
            conditional = np.eye(3)[known[c]].reshape(at)
        expected = expected * conditional
    num = 20_000
    value = np.repeat((known / 2).astype("float32")[None], num, axis=0)
    noise = np.random.default_rng(3).random((num, 4), "float32")
    draws, log_prob = colours(num, 3)[0].complete(
        value, ops.convert_to_tensor(np.repeat(keep[None], num, axis=0)), noise
    )
    draws = (numpy(draws) * 2).round().astype(int)
    assert np.all(draws[:, keep] == known[keep])
    index = draws @ [9, 3, 1]
    counts, expected = np.bincount(index, minlength=27), expected.reshape(27)
    assert np.all(counts[expected == 0] == 0)
    possible = expected > 0
    frequencies = expected[possible] / expected.sum() * num
    assert scipy.stats.chisquare(counts[possible], frequencies).pvalue > 1e-3
    np.testing.assert_allclose(np.exp(numpy(log_prob)), expected[index], rtol=1e-3)


def test_nothing_known_is_a_plain_draw(rng):
    noise = rng.random((50, 4), "float32")
    mixture, _ = colours(50, 256)
    draws, log_prob = mixture.complete(np.zeros((50, 3), "float32"), None, noise)
    np.testing.assert_array_equal(numpy(draws), numpy(mixture.from_noise(noise)))
    np.testing.assert_allclose(
        numpy(log_prob), numpy(mixture.log_prob(draws)), rtol=1e-5
    )
    levels = numpy(draws) * 255
    np.testing.assert_allclose(levels, np.round(levels), atol=1e-4)


@pytest.mark.parametrize("broken", ["logits", "means", "log_scales", "coefficients"])
def test_draws_of_nan_parameters_are_nan(broken):
    parameters = {
        "logits": np.zeros((2, 3)),
        "means": np.zeros((2, 2, 3)),
        "log_scales": np.zeros((2, 2, 3)),
        "coefficients": np.zeros((2, 1, 3)),
    }
    parameters[broken][1] = np.nan
    parameters = {name: value.astype("float32") for name, value in parameters.items()}
    mixture = DiscretizedLogisticMixture(**parameters, num_levels=4)
    is_nan = np.isnan(numpy(mixture.sample(seed=0)))
    # No coefficient enters the first channel.
    np.testing.assert_array_equal(is_nan[0], [False, False])
    np.testing.assert_array_equal(is_nan[1], [broken != "coefficients", True])


@pytest.mark.parametrize("noise", [0.0, np.nextafter(np.float32(1), np.float32(0))])
def test_extreme_noise_gives_levels(noise):
    mixture, _ = colours(2, 256, scale=20.0)
    draws = numpy(mixture.from_noise(np.full((2, 4), noise, "float32")))
    assert np.all((draws >= 0) & (draws <= 1))


def test_cold_draws_are_the_mean_of_the_heaviest_component():
    mixture, (logits, means, _, coefficients) = colours(10, 256, temperature=1e-6)
    m = np.argmax(logits)
    a, b, c = coefficients[:, m]
    red = np.clip(means[0, m], -1, 1)
    green = np.clip(means[1, m] + a * red, -1, 1)
    blue = np.clip(means[2, m] + b * red + c * green, -1, 1)
    expected = (np.array([red, green, blue]) + 1) / 2
    draws = numpy(mixture.sample(seed=0))
    np.testing.assert_allclose(draws, np.repeat(expected[None], 10, 0), atol=3 / 255)


def test_temperature_divides_logits_and_multiplies_scales():
    values = np.arange(4)[:, None] / 3
    logits, means = np.array([[1.0, -1.0]] * 4), np.array([[[0.5, -0.5]]] * 4)
    scales = np.full((4, 1, 2), -1.0)
    warm = DiscretizedLogisticMixture(logits, means, scales, None, 4, temperature=2.0)
    scales = scales + np.log(2)
    plain = DiscretizedLogisticMixture(logits / 2, means, scales, None, 4)
    np.testing.assert_allclose(
        numpy(warm.log_prob(values)), numpy(plain.log_prob(values)), rtol=1e-5
    )


def test_mean_is_the_expected_value(rng):
    values = np.arange(8)[:, None] / 7
    outputs = np.repeat(rng.normal(size=(1, 12)), 8, axis=0)
    mixture = DiscretizedLogisticMixture.from_outputs(outputs, 1, 8)
    expected = chances(mixture, values) @ values
    np.testing.assert_allclose(numpy(mixture.mean())[0], expected, rtol=1e-4)


@slow_elsewhere
def test_mean_of_dependent_channels_is_close():
    pixels = all_pixels(6)
    mixture, _ = colours(len(pixels), 6, scale=0.5)
    expected = chances(mixture, pixels) @ pixels
    np.testing.assert_allclose(numpy(mixture.mean())[0, 0], expected[0], rtol=1e-4)
    np.testing.assert_allclose(numpy(mixture.mean())[0], expected, atol=0.03)


def test_events_are_summed(rng):
    outputs = rng.normal(size=(2, 3, 4, 20)).astype("float32")
    values = rng.integers(0, 256, size=(2, 3, 4, 3)) / 255
    mixture = DiscretizedLogisticMixture.from_outputs(outputs, 3)
    pixels = DiscretizedLogisticMixture.from_outputs(outputs.reshape(24, 20), 3)
    expected = numpy(pixels.log_prob(values.reshape(24, 3))).reshape(2, 12).sum(1)
    found = numpy(mixture.log_prob(values))
    assert mixture.mean().shape == (2, 3, 4, 3)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_sums_are_float32_under_every_policy(policy, dtype_policy):
    dtype_policy(policy)
    dtype = policy.removeprefix("mixed_")
    outputs = ops.ones((2, 20), dtype=dtype)
    mixture = DiscretizedLogisticMixture.from_outputs(outputs, 3)
    value = ops.ones((2, 3), dtype=dtype)
    for result in (mixture.log_prob(value), mixture.mean(), mixture.sample(0)):
        assert keras.backend.standardize_dtype(result.dtype) == "float32"


def test_a_seed_repeats_the_draw():
    mixture, _ = colours(20, 256)
    np.testing.assert_array_equal(numpy(mixture.sample(1)), numpy(mixture.sample(1)))
    assert np.any(numpy(mixture.sample(1)) != numpy(mixture.sample(2)))
