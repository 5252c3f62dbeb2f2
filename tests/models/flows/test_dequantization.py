"""Levels get the probability that the density integrates to, bounded from below."""

import math

import keras
import numpy as np
import pytest
import scipy.special
import scipy.stats
from keras import ops

from keras_genmod import (
    NormalizingFlow,
    UniformDequantization,
    VariationalDequantization,
)
from keras_genmod.bijectors import Affine, Chain, Planar, Sigmoid
from keras_genmod.evaluation import evaluate_likelihood
from keras_genmod.models.flows.dequantization import Dequantization
from keras_genmod.models.importance_weighting import log_mean_weight
from tests.models.small_networks import small_network

NUM_LEVELS = 4
LEVELS = (np.arange(NUM_LEVELS) / (NUM_LEVELS - 1)).reshape(-1, 1).astype("float32")
MEAN, DEVIATION, MARGIN = -0.4, 0.9, 1e-4  # of the logits


def numpy(x):
    return ops.convert_to_numpy(x)


def noise_given_pixel(seed=3):
    """u = sigmoid(planar(eps)) with parameters that depend on the pixel."""
    planar = Planar(1, condition_dim=1, seed=seed)
    rng = np.random.default_rng(seed)
    for variable in planar.trainable_variables:
        variable.assign(rng.normal(size=variable.shape) * 0.7)
    return planar


def one_pixel(dequantization, mean=MEAN, deviation=DEVIATION):
    """A logit-normal density of a single pixel."""
    affine = Affine((1,))
    for variable in affine.trainable_variables:
        is_shift = "shift" in variable.name
        variable.assign([mean if is_shift else math.log(deviation)])
    bijector = Chain([affine, Sigmoid((1,), margin=MARGIN)])
    return NormalizingFlow(bijector, dequantization=dequantization, seed=0)


def exact(mean=MEAN, deviation=DEVIATION):
    """Returns log of the integral over each level, by the normal distribution."""
    edges = MARGIN + (1 - 2 * MARGIN) * np.linspace(0, 1, NUM_LEVELS + 1)
    below = scipy.stats.norm.cdf(scipy.special.logit(edges), mean, deviation)
    return np.log(np.diff(below))


KINDS = {
    "uniform": lambda: UniformDequantization(NUM_LEVELS),
    "variational": lambda: VariationalDequantization(NUM_LEVELS, noise_given_pixel()),
}


@pytest.fixture(scope="module", params=KINDS)
def model(request):
    return one_pixel(KINDS[request.param]())


def bounds(model, num_samples, seed):
    """Returns 4,000 draws of the bound of each level, `(num_levels, 4000)`."""
    x = np.repeat(LEVELS, 4000, axis=0)
    found = numpy(model.log_prob(x, None, num_samples, seed, batch_size=len(x)))
    return found.reshape(NUM_LEVELS, -1).astype("float64")


# The bound.


def test_the_levels_integrate_to_one():
    assert np.exp(exact()).sum() == pytest.approx(1, abs=1e-3)
    model = one_pixel(None)
    v = (np.arange(40_000, dtype="float32")[:, None] + 0.5) / 40_000
    density = np.exp(numpy(model.log_prob(v)).astype("float64"))
    integrals = density.reshape(NUM_LEVELS, -1).mean(axis=1) / NUM_LEVELS
    np.testing.assert_allclose(integrals, np.exp(exact()), atol=1e-4)


def test_the_bound_rises_to_the_probability(model):
    gaps = []
    for num_samples in (1, 23, 230):
        found = bounds(model, num_samples, seed=1)
        gap = exact() - found.mean(1)
        assert np.all(gap > -4 * found.std(1) / math.sqrt(4000))
        gaps.append(gap.mean())
    assert gaps[0] > 0.2  # one draw leaves a gap
    assert gaps[1] < 0.4 * gaps[0] and gaps[2] < 0.15 * gaps[0]


def test_weights_average_to_the_probability(model):
    # E_q[p(v) / q(v | x)] = P(x), whatever q is
    weights = np.exp(bounds(model, 10, 2))
    error = weights.std(1) / math.sqrt(4000)
    np.testing.assert_array_less(np.abs(weights.mean(1) - np.exp(exact())), 5 * error)


def test_the_loss_is_the_mean_bound(model):
    model.compile()
    x = np.repeat(LEVELS, 4000, axis=0)
    loss = model.evaluate(x, batch_size=len(x), verbose=0)
    found = bounds(model, 1, 3)
    error = math.sqrt(2) * found.std() / found.size**0.5  # of both means
    assert abs(loss + found.mean()) < 4 * error < 0.15


def test_the_ledger_gets_a_bound_with_its_protocol(model):
    found = evaluate_likelihood(
        model, LEVELS, dataset="levels", split="test", seed=5, num_samples=7
    )
    assert found.kind == "lower_bound"
    assert dict(found.protocol.options) == {"importance_samples": 7, "seed": 5}
    assert found.bits_per_dim == pytest.approx(-found.mean / math.log(2))


@pytest.mark.parametrize("num_samples", [3, 10, 23, 40])
def test_every_draw_counts_once(num_samples):
    def log_weights(chunk, size):  # those of chunk c weigh 1 + c
        weight = ops.cast(1 + chunk, "float32") * ops.ones((2, size))
        return ops.log(weight)

    found = numpy(log_mean_weight(log_weights, num_samples, batch_size=3, limit=30))
    # Ten draws at a time at most, in chunks as equal as can be.
    size = math.ceil(num_samples / math.ceil(num_samples / 10))
    expected = np.log(np.mean([1 + k // size for k in range(num_samples)]))
    np.testing.assert_allclose(found, [expected] * 2, rtol=1e-5)


def test_trained_noise_tightens_the_bound():
    # A density of little more than one corner of each level, which stays as it is.
    model = one_pixel(KINDS["variational"](), mean=-1.5, deviation=0.4)
    model.bijector.trainable = False
    model.compile(keras.optimizers.Adam(0.05))
    x = np.repeat(LEVELS[:2], 64, axis=0)
    history = model.fit(x, batch_size=128, epochs=60, verbose=0).history["loss"]
    probable = -exact(-1.5, 0.4)[:2].mean()
    uniform = one_pixel(KINDS["uniform"](), mean=-1.5, deviation=0.4)
    uniform.compile()
    even = uniform.evaluate(np.repeat(x, 20, axis=0), batch_size=2560, verbose=0)
    trained = np.mean(history[-5:])
    assert trained < history[0] and trained - probable < 0.5 * (even - probable)


# The noise.


def test_the_density_of_the_noise_is_the_change_of_variables():
    noise = KINDS["variational"]()
    x = np.repeat(LEVELS, 8, axis=0)
    v, log_prob = noise.sample_and_log_prob(
        ops.convert_to_tensor(x), keras.random.SeedGenerator(0)
    )
    u = (numpy(v) * NUM_LEVELS - np.round(x * (NUM_LEVELS - 1))).astype("float64")
    a = scipy.special.logit(u).astype("float32")
    eps, log_det = noise.bijector.inverse_and_log_det(a, x)
    expected = scipy.stats.norm.logpdf(numpy(eps))[:, 0] + numpy(log_det)
    expected = expected - np.log(u * (1 - u))[:, 0] + math.log(NUM_LEVELS)
    np.testing.assert_allclose(numpy(log_prob), expected, atol=1e-3)


def test_noise_sees_the_pixels_through_a_network():
    network = small_network((2, 2, 1), (3,))
    bijector = Chain([Affine((2, 2, 1))])
    with pytest.raises(ValueError, match="`network` must be None where"):
        VariationalDequantization(4, bijector, network)
    with pytest.raises(ValueError, match=r"`network` must map shape \(1,\) to \(1,\)"):
        VariationalDequantization(4, noise_given_pixel(), network)
    noise = VariationalDequantization(
        4, noise_given_pixel(), keras.Sequential([keras.Input((1,)), Halve()])
    )
    plain = VariationalDequantization(4, noise.bijector)
    half = noise.noise(ops.convert_to_tensor(LEVELS), 0)
    same = plain.noise(ops.convert_to_tensor(LEVELS / 2), 0)
    np.testing.assert_array_equal(numpy(half[0]), numpy(same[0]))
    np.testing.assert_array_equal(numpy(half[1]), numpy(same[1]))
    with pytest.raises(ValueError, match="`bijector` must have condition_dim=2"):
        VariationalDequantization(4, Planar(2, condition_dim=1))


class Halve(keras.layers.Layer):
    def call(self, x):
        return x / 2


class Full(Dequantization):
    """Noise at the upper end, as rounding may give it."""

    def noise(self, x, seed):
        return ops.ones_like(x), ops.zeros_like(x[:, 0])


@pytest.mark.parametrize("make", [UniformDequantization, Full])
@pytest.mark.parametrize("num_levels", [2, 17, 256, 1000])
def test_values_stay_on_their_level(make, num_levels):
    x = np.linspace(0, 1, num_levels, dtype="float32")[None].repeat(20, axis=0)
    noise = make(num_levels)
    v, log_prob = noise.sample_and_log_prob(
        ops.convert_to_tensor(x), keras.random.SeedGenerator(0)
    )
    assert numpy(v).min() >= 0 and numpy(v).max() < 1
    np.testing.assert_allclose(numpy(noise.to_levels(v)), x, atol=1e-6)
    np.testing.assert_allclose(numpy(noise.to_levels(noise.centre(x))), x, atol=1e-6)
    middles = (np.arange(num_levels) + 0.5) / num_levels
    np.testing.assert_allclose(numpy(noise.centre(x))[0], middles, rtol=1e-5)
    np.testing.assert_allclose(numpy(log_prob), num_levels * math.log(num_levels))


def test_values_beyond_fall_on_the_outer_levels():
    levels = UniformDequantization(5).to_levels(np.array([[-0.2, 1.0, 1.3]]))
    np.testing.assert_array_equal(numpy(levels), [[0, 1, 1]])


def test_noise_is_uniform():
    x = np.full((4000, 1), 1 / 3, "float32")
    v, _ = UniformDequantization(4).sample_and_log_prob(
        ops.convert_to_tensor(x), keras.random.SeedGenerator(0)
    )
    assert scipy.stats.kstest(numpy(v)[:, 0] * 4 - 1, "uniform").pvalue > 1e-3


# Bad input.


def test_values_between_levels_are_refused(model):
    with pytest.raises(ValueError, match="`x` must hold the values k / 3"):
        model.log_prob(0.9 * LEVELS)
    # In a later batch of a stream, which nobody looks at, the loss says so.
    model.compile(run_eagerly=True)
    losses = [
        float(keras.Model.test_on_batch(model, scale * LEVELS)) for scale in (1.0, 0.9)
    ]
    assert np.isfinite(losses[0]) and np.isnan(losses[1])


@pytest.mark.parametrize("num_levels", [1, 2.0, True, 2**17])
def test_the_number_of_levels_is_checked(num_levels):
    with pytest.raises(
        ValueError, match="`num_levels` must be (an int of at least 2|at m)"
    ):
        UniformDequantization(num_levels)


def test_the_bijector_must_take_all_levels():
    with pytest.raises(ValueError, match="`bijector` must take all of.*a margin"):
        NormalizingFlow(Sigmoid((1,)), dequantization=UniformDequantization(2))
    with pytest.raises(ValueError, match="`dequantization` must be of events of"):
        NormalizingFlow(Affine((2,)), dequantization=KINDS["variational"]())
    with pytest.raises(ValueError, match="`dequantization` must be a Uniform"):
        NormalizingFlow(Affine((2,)), dequantization=256)
    with pytest.raises(ValueError, match="`bijector` must be a keras_genmod"):
        VariationalDequantization(4, None)


def test_a_target_density_has_no_levels():
    with pytest.raises(ValueError, match="`target_log_prob` must be None"):
        one_pixel(KINDS["uniform"]()).compile(target_log_prob=lambda x: x[:, 0])
