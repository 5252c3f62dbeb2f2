"""A ladder of linear levels, whose p(x) and posterior are known in closed form."""

import keras
import numpy as np
import pytest
import scipy.stats
from keras import ops

from keras_genmod import LadderVAE
from keras_genmod.distributions import Normal
from keras_genmod.models.autoencoders.ladder_posterior import merged, normal_kl
from tests.contracts import slow_elsewhere
from tests.models.autoencoders.test_vae import linear, set_weights

# z_2 ~ N(0, 1), z_1 | z_2 ~ N(z_2 A + B, V I), x | z_1 ~ N(z_1 W + C, S2 I)
A, B, V = np.array([[0.8, -1.1]]), np.array([0.2, 0.1]), 0.5
W, C, S2 = np.array([[1.5, 0.0], [0.0, -0.7]]), np.array([0.3, -1.0]), 0.3
MARGINAL = A.T @ A + V * np.eye(2)  # of z_1
EXACT_P = scipy.stats.multivariate_normal(
    B @ W + C, W.T @ MARGINAL @ W + S2 * np.eye(2)
)
POINT = np.array([1.0, 0.5])


def numpy(x):
    return ops.convert_to_numpy(x)


def posterior_of_top():
    """Returns how the mean of z_2 | x depends on x - its mean, and the variance."""
    slope = A @ W  # of x by z_2
    noise = np.linalg.inv(V * W.T @ W + S2 * np.eye(2))
    variance = 1.0 / (1.0 + (slope @ noise @ slope.T)[0, 0])
    return variance * noise @ slope.T, variance


def made(variance_factor=1.0, shift=0.0, **options):
    """Returns the ladder with its posterior, spoilt by a factor and a shift."""
    model = LadderVAE(
        [linear(2, 2), linear(2, 2)],
        [linear(2, 2), linear(1, 1)],
        (2, 1),
        "normal",
        seed=0,
        **options,
    )
    for network in model.encoders:
        set_weights(network, np.eye(2), np.zeros(2))
    set_weights(model.decoders[0], W, C)
    set_weights(model.decoders[1], np.eye(1), np.zeros(1))
    (mean, log_var), (top_mean, top_log_var) = model.evidence_heads
    # p(x | z_1) as a normal of z_1: W is diagonal.
    set_weights(mean, np.linalg.inv(W), -C @ np.linalg.inv(W) + shift)
    slopes = np.log(S2 / np.diag(W) ** 2 * variance_factor)
    set_weights(log_var, np.zeros((2, 2)), slopes)
    to_mean, variance = posterior_of_top()
    set_weights(top_mean, to_mean, -(B @ W + C) @ to_mean)
    set_weights(top_log_var, np.zeros((2, 1)), [np.log(variance)])
    ((prior_mean, prior_log_var),) = model.prior_heads
    set_weights(prior_mean, A, B)
    set_weights(prior_log_var, np.zeros((1, 2)), np.full(2, np.log(V)))
    model.output_log_var.assign(np.log(S2))
    return model


def points(number):
    return np.tile(POINT, (number, 1)).astype("float32")


def test_merged_precisions_are_the_product_of_two_normals():
    first, second = (0.3, -0.4), (-1.0, 0.7)
    grid = np.linspace(-8, 8, 4001)
    density = np.prod(
        [scipy.stats.norm.pdf(grid, m, np.exp(v / 2)) for m, v in (first, second)], 0
    )
    density /= density.sum()
    mean = (density * grid).sum()
    variance = (density * (grid - mean) ** 2).sum()
    one, other = (
        Normal(np.full((1, 1), m), np.full((1, 1), v)) for m, v in (first, second)
    )
    for found in (merged(one, other), merged(other, one)):
        assert numpy(found.location)[0, 0] == pytest.approx(mean, rel=1e-5)
        assert numpy(found.log_var)[0, 0] == pytest.approx(np.log(variance), rel=1e-4)
    # A normal that says nothing leaves the other as it is, however little it says.
    vague = Normal(np.full((1, 1), 5.0), np.full((1, 1), 200.0))
    for found in (merged(one, vague), merged(vague, one)):
        assert numpy(found.location)[0, 0] == pytest.approx(0.3)
        # To the rounding of 200.
        assert numpy(found.log_var)[0, 0] == pytest.approx(-0.4, abs=2e-5)


def test_kl_of_two_normals_is_the_integral():
    p, q = scipy.stats.norm(-1.0, np.exp(0.35)), scipy.stats.norm(0.3, np.exp(-0.2))
    grid = np.linspace(-8, 8, 4001)
    terms = q.pdf(grid) * (q.logpdf(grid) - p.logpdf(grid))
    expected = terms.sum() * (grid[1] - grid[0])
    parts = (
        Normal(np.full((1, 1), m), np.full((1, 1), v))
        for m, v in ((0.3, -0.4), (-1.0, 0.7))
    )
    assert numpy(normal_kl(*parts))[0] == pytest.approx(expected, rel=1e-5)


def test_with_the_exact_posterior_any_draw_gives_log_p():
    found = numpy(made().log_prob(points(5), num_samples=1, seed=0))
    np.testing.assert_allclose(found, EXACT_P.logpdf(POINT), rtol=1e-5)


@slow_elsewhere
def test_bounds_of_a_spoilt_posterior_are_below_and_rise():
    model = made(variance_factor=3.0, shift=0.5)
    exact = EXACT_P.logpdf(POINT)
    x = points(3000)
    options = {"seed": 0, "batch_size": 3000}
    one, many = (
        numpy(model.log_prob(x, num_samples=k, **options)).mean() for k in (1, 8)
    )
    elbo = numpy(model.elbo(x, seed=1))
    error = float(elbo.std()) / len(x) ** 0.5
    assert one < many - 0.05 < exact
    # KLs in closed form: the same mean by less noise.
    assert elbo.mean() == pytest.approx(one, abs=0.1)
    model.compile("sgd")
    logs = model.evaluate(x, batch_size=3000, verbose=0, return_dict=True)
    assert -logs["loss"] == pytest.approx(elbo.mean(), abs=6 * error)
    assert logs["kl"] == pytest.approx(logs["kl_1"] + logs["kl_2"], rel=1e-5)
    # KL(q(z_2 | x), N(0, 1)) in closed form, the latter of any draw
    to_mean, variance = posterior_of_top()
    mean = ((POINT - B @ W - C) @ to_mean)[0]
    kl = 0.5 * (variance + mean**2 - 1 - np.log(variance))
    assert logs["kl_2"] == pytest.approx(kl, rel=1e-4)


def test_samples_of_the_prior_and_means_of_each_level():
    model = made()
    z = numpy(model.prior.sample(50_000, 3))
    np.testing.assert_allclose(z[:, :2].mean(axis=0), B, atol=0.03)
    covariance = np.block([[MARGINAL, A.T], [A, np.ones((1, 1))]])
    np.testing.assert_allclose(np.cov(z.T), covariance, atol=0.04)
    joint = scipy.stats.multivariate_normal([*B, 0.0], covariance)
    found = numpy(model.prior.log_prob(ops.convert_to_tensor(z[:4])))
    np.testing.assert_allclose(found, joint.logpdf(z[:4]), rtol=1e-4)
    top = np.array([[0.7]], "float32")
    found = numpy(model.decode_from(top, level=1))
    np.testing.assert_allclose(found, (0.7 * A + B) @ W + C, rtol=1e-5)
    np.testing.assert_allclose(
        numpy(model.decode_from(z[:3, :2], 0)), numpy(model.decode(z[:3]))
    )
    assert numpy(model.sample(3, seed=0)).shape == (3, 2)


def test_encodings_are_means_given_those_above():
    z = numpy(made().encode(points(1)))[0]
    to_mean, _ = posterior_of_top()
    top = ((POINT - B @ W - C) @ to_mean)[0]
    assert z[2] == pytest.approx(top, rel=1e-5)
    evidence, precision = (POINT - C) / np.diag(W), np.diag(W) ** 2 / S2
    prior = top * A[0] + B
    mean = (evidence * precision + prior / V) / (precision + 1 / V)
    np.testing.assert_allclose(z[:2], mean, rtol=1e-5)


def test_the_weight_of_the_kl_warms_up():
    model = made(kl_warm_up=2, beta=3.0)
    model.compile(keras.optimizers.SGD(0.0))
    weights = []
    for _ in range(3):
        logs = model.train_on_batch(points(2), return_dict=True)
        weights.append((logs["loss"] - logs["reconstruction"]) / logs["kl"])
        model.reset_metrics()
    np.testing.assert_allclose(weights, [0.0, 1.5, 3.0], rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(
    "change,message",
    [
        ({"encoders": [linear(2, 2)]}, "`encoders` must be a list of a network for"),
        ({"decoders": [linear(2, 2)] * 2}, "`decoders.1.` must take the latents"),
        ({"encoders": [linear(2, 2), linear(3, 2)]}, "`encoders.1.` must take"),
        ({"decoders": [linear(1, 2), linear(1, 1)]}, "`decoders.0.` must map"),
        ({"latent_dims": (2, 0)}, "`latent_dims` must"),
        ({"likelihood": "cauchy"}, "`likelihood` must"),
    ],
)
def test_networks_that_do_not_follow_one_another_are_refused(change, message):
    good = {
        "encoders": [linear(2, 2), linear(2, 2)],
        "decoders": [linear(2, 2), linear(1, 1)],
        "latent_dims": (2, 1),
    }
    with pytest.raises(ValueError, match=message):
        LadderVAE(**{**good, **change})


def test_a_level_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="`level` must be below 2"):
        made().decode_from(np.zeros((1, 1)), level=2)
