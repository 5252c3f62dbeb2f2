"""A VAE's flows, beside exact densities: in closed form, and on a grid of latents."""

import functools

import keras
import numpy as np
import pytest
import scipy.stats
from keras import ops

from keras_genmod import VAE
from keras_genmod.bijectors import (
    Bijector,
    Chain,
    Invert,
    MaskedAutoregressive,
    Planar,
)
from keras_genmod.networks import made
from tests.autodiff import gradients
from tests.contracts import slow_elsewhere
from tests.models.small_networks import small_network

# p(z) = N(M, T^2), p(x | z) = N(W z + c, s^2 I): p(x) = N(c + W M, T^2 W W' + s^2 I),
# and the posterior has 1 / variance = 1 / T^2 + W'W / s^2.
W, C, LOG_S2 = np.array([[1.0, -0.5, 2.0]]), np.array([0.3, -1.0, 0.5]), -0.4
S2 = np.exp(LOG_S2)
M, T = 0.7, 1.6
X = np.random.default_rng(0).normal(size=(6, 3)).astype("float32")


@keras.saving.register_keras_serializable("tests")
class ConditionalAffine(Bijector):
    """f(z) = exp(log_scale) z + condition @ kernel + bias, by hand."""

    def __init__(self, event_dim, condition_dim=None, **kwargs):
        super().__init__((event_dim,), condition_dim=condition_dim, **kwargs)
        self.event_dim = event_dim
        self.log_scale = self.add_weight((event_dim,), "zeros", name="log_scale")
        self.kernel = self.add_weight((condition_dim or 1, event_dim), "zeros")
        self.bias = self.add_weight((event_dim,), "zeros")
        self.built = True

    def set(self, mean, variance, kernel=None):
        self.log_scale.assign(np.full((self.event_dim,), 0.5 * np.log(variance)))
        self.bias.assign(np.full((self.event_dim,), mean))
        if kernel is not None:
            self.kernel.assign(kernel)
        return self

    def _shift(self, condition):
        shift = ops.convert_to_tensor(self.bias)
        if condition is None:
            return shift
        return shift + ops.matmul(condition, ops.convert_to_tensor(self.kernel))

    def _log_det(self, z, sign):
        total = ops.sum(ops.convert_to_tensor(self.log_scale))
        return sign * total * ops.ones_like(z[:, 0])

    def _forward_and_log_det(self, z, condition):
        scale = ops.exp(ops.convert_to_tensor(self.log_scale))
        return z * scale + self._shift(condition), self._log_det(z, 1.0)

    def _inverse_and_log_det(self, x, condition):
        scale = ops.exp(-ops.convert_to_tensor(self.log_scale))
        return (x - self._shift(condition)) * scale, self._log_det(x, -1.0)

    def get_config(self):
        return {**super().get_config(), "event_dim": self.event_dim}


def arrays(tensors):
    return [ops.convert_to_numpy(tensor).astype("float64") for tensor in tensors]


def dense(inputs, outputs, kernel, bias, labels=None):
    """Returns an affine network of given weights, of x or of x and a one-hot label."""
    x = keras.Input((inputs,))
    if labels is None:
        network = keras.Sequential([x, keras.layers.Dense(outputs)])
    else:
        label = keras.Input((labels,))
        joined = keras.layers.Concatenate()([x, label])
        network = keras.Model([x, label], keras.layers.Dense(outputs)(joined))
    network.layers[-1].set_weights([np.array(kernel), np.array(bias)])
    return network


def linear_vae(has_posterior_flow, has_prior_flow):
    """Returns a linear VAE whose posterior is exact, and its p(x)."""
    mean, deviation = (M, T) if has_prior_flow else (0.0, 1.0)
    variance = 1.0 / (1.0 / deviation**2 + (W @ W.T)[0, 0] / S2)
    # posterior mean = variance (W'(x - c) / s^2 + M / T^2)
    kernel = variance / S2 * W.T
    bias = variance * mean / deviation**2 - (C @ kernel)[0]
    model = VAE(
        dense(3, 3, np.eye(3), np.zeros(3)),
        dense(1, 3, W, C),
        latent_dim=1,
        likelihood="normal",
        posterior_flow=ConditionalAffine(1, 3) if has_posterior_flow else None,
        prior_flow=ConditionalAffine(1).set(M, T**2) if has_prior_flow else None,
        seed=0,
    )
    model.output_log_var.assign(LOG_S2)
    zero = np.zeros((3, 1))
    if has_posterior_flow:  # N(-0.4, 0.3), moved to where it belongs
        model.mean_head.set_weights([zero, np.array([-0.4])])
        model.log_var_head.set_weights([zero, np.log([0.3])])
        scale = np.sqrt(variance / 0.3)
        model.posterior_flow.set(bias + 0.4 * scale, scale**2, kernel)
    else:
        model.mean_head.set_weights([kernel, np.array([bias])])
        model.log_var_head.set_weights([zero, np.log([variance])])
    covariance = deviation**2 * W.T @ W + S2 * np.eye(3)
    return model, scipy.stats.multivariate_normal(C + W[0] * mean, covariance)


FLOWS = [(True, False), (False, True), (True, True)]


@slow_elsewhere
@pytest.mark.parametrize("flows", FLOWS)
def test_with_an_affine_flow_to_the_exact_posterior_every_bound_is_tight(flows):
    # All weights p(x, z) / q(z | x) are p(x), however many and in whatever chunks.
    model, exact = linear_vae(*flows)
    bounds = [model.elbo(X, seed=0)]
    bounds += [model.log_prob(X, num_samples=k, seed=0) for k in (1, 80)]
    for bound in arrays(bounds):
        np.testing.assert_allclose(bound, exact.logpdf(X), rtol=2e-5)
    model.compile()
    loss = model.evaluate(X, batch_size=6, verbose=0, return_dict=True)["loss"]
    np.testing.assert_allclose(-loss, exact.logpdf(X).mean(), rtol=2e-5)


def test_beta_weighs_the_divergence_of_the_draw_in_the_loss_and_nowhere_else():
    model, _ = linear_vae(True, True)
    elbo = arrays([model.elbo(X, seed=0)])
    model.beta = 3.0
    model.compile()
    parts = model.evaluate(X, batch_size=6, verbose=0, return_dict=True)
    expected = parts["reconstruction"] + 3.0 * parts["kl"]
    np.testing.assert_allclose(parts["loss"], expected, rtol=1e-5)
    np.testing.assert_array_equal(arrays([model.elbo(X, seed=0)]), elbo)


def test_latents_and_samples_pass_through_the_flows():
    model, exact = linear_vae(True, True)
    z = model.posterior_flow.forward(np.full((6, 1), -0.4, "float32"), X)
    encoded, moved, decoded, reconstructed = arrays(
        [model.encode(X), z, model.decode(z), model.reconstruct(X)]
    )
    np.testing.assert_allclose(encoded, moved, rtol=1e-6)
    np.testing.assert_allclose(decoded, moved @ W + C, rtol=1e-5)
    np.testing.assert_allclose(reconstructed, decoded, rtol=1e-5)
    (draws,) = arrays([model.sample(4_000, seed=0)])
    latents = (draws - C) @ W.T / (W @ W.T)
    np.testing.assert_allclose(draws, latents @ W + C, atol=1e-4)
    assert scipy.stats.kstest((latents[:, 0] - M) / T, "norm").pvalue > 1e-3
    seed = keras.random.SeedGenerator(0)  # what `callbacks.Interpolation` draws
    (latents,) = arrays([model.prior.sample(4_000, seed)])
    assert scipy.stats.kstest((latents[:, 0] - M) / T, "norm").pvalue > 1e-3


def test_features_that_condition_the_flow_hold_the_label():
    # c moves by label[1] d; the encoder takes it off, and all bounds are tight again.
    shift = np.array([4.0, 5.0, -6.0])
    rows = np.stack([np.zeros(3), shift])
    model, exact = linear_vae(True, True)
    conditional = VAE(
        dense(3, 3, np.vstack([np.eye(3), -rows]), np.zeros(3), labels=2),
        dense(1, 3, np.vstack([W, rows]), C, labels=2),
        latent_dim=1,
        likelihood="normal",
        num_classes=2,
        posterior_flow=model.posterior_flow,
        prior_flow=model.prior_flow,
        seed=0,
    )
    conditional.output_log_var.assign(LOG_S2)
    for name in ("mean_head", "log_var_head"):
        getattr(conditional, name).set_weights(getattr(model, name).get_weights())
    labels = np.arange(6) % 2
    found = arrays(
        [
            conditional.elbo(X, labels, seed=0),
            conditional.log_prob(X, labels, num_samples=30, seed=0),
        ]
    )
    expected = exact.logpdf(X - labels[:, None] * shift)
    np.testing.assert_allclose(found, [expected, expected], rtol=1e-4)


# A model of two latents that is linear in nothing: p(x) by an integral on a grid.

CORNERS = np.array([[0, 0, 0, 0], [1, 0, 1, 1], [1, 1, 1, 1]], "float32")


def planar_flows():
    """Returns a posterior's and a prior's flow."""
    posterior = Chain([Planar(2, condition_dim=3), Planar(2)])
    return posterior, Chain([Planar(2), Planar(2)])


def autoregressive_flows():
    """Returns the same: IAF, which draws in one pass, and MAF."""
    drawn = MaskedAutoregressive(2, made(2, (4,), condition_dim=3), condition_dim=3)
    return Invert(drawn), MaskedAutoregressive(2, made(2, (4,)))


@functools.cache
def nonlinear_vae(make_flows):
    """Returns a VAE of weights that are far from those of a normal's posterior."""
    keras.utils.set_random_seed(3)
    flows = dict(zip(("posterior_flow", "prior_flow"), make_flows(), strict=True))
    networks = small_network((4,), (3,)), small_network((2,), (4,))
    model = VAE(*networks, latent_dim=2, seed=0, **flows)
    rng = np.random.default_rng(0)
    for variable in model.trainable_variables:
        scale = 0.8 if "planar" in variable.path else 0.5
        variable.assign(rng.normal(0.0, scale, variable.shape))
    return model


@functools.cache
def exact_log_prob(make_flows):
    """Returns log p(x), the integral of N(w; 0, I) p(x | g(w)) over the plane of w."""
    model, ticks = nonlinear_vae(make_flows), np.linspace(-7, 7, 281)
    w = np.stack(np.meshgrid(ticks, ticks, indexing="ij"), axis=-1).reshape(-1, 2)
    (chances,) = arrays([model.decode(model.prior_flow.forward(w.astype("float32")))])
    weights = scipy.stats.norm.logpdf(w).sum(1) + 2 * np.log(ticks[1] - ticks[0])
    terms = np.where(CORNERS[:, None] == 1, chances, 1 - chances)
    return scipy.special.logsumexp(np.log(terms).sum(axis=2) + weights, axis=1)


def rows_of(bound, number, **kwargs):
    """Returns bounds of every corner, `(corners, number)`, each of its own draws."""
    found = bound(np.repeat(CORNERS, number, axis=0), seed=0, **kwargs)
    return arrays([found])[0].reshape(len(CORNERS), number)


@slow_elsewhere
@pytest.mark.parametrize("flows", [planar_flows, autoregressive_flows])
def test_mean_weight_is_the_integral_over_the_latents(flows):
    # E_q[p(x, z) / q(z | x)] = p(x): holds where both densities are right, no else.
    bound = rows_of(nonlinear_vae(flows).log_prob, 20_000, num_samples=1)
    weights = np.exp(bound)
    error = weights.std(axis=1) / weights.shape[1] ** 0.5
    exact = np.exp(exact_log_prob(flows))
    assert np.all(error < 0.05 * exact)
    assert np.all(np.abs(weights.mean(axis=1) - exact) < 4 * error)


def test_bounds_rise_to_the_integral_and_do_not_pass_it():
    model, exact = nonlinear_vae(planar_flows), exact_log_prob(planar_flows)
    elbo = rows_of(model.elbo, 4_000)
    errors = elbo.std(axis=1) / elbo.shape[1] ** 0.5
    assert np.all(elbo.mean(axis=1) < exact - 4 * errors)
    bound = rows_of(model.log_prob, 1_000, num_samples=60)
    errors = bound.std(axis=1) / bound.shape[1] ** 0.5
    assert np.all(bound.mean(axis=1) < exact + 4 * errors)
    assert np.all(exact - bound.mean(axis=1) < 0.2 * (exact - elbo.mean(axis=1)))


@slow_elsewhere
def test_gradient_of_the_loss_is_that_of_finite_differences():
    model = nonlinear_vae(planar_flows)
    state = model.sampling.seed_generator.state
    start = ops.convert_to_numpy(state)

    def loss():
        return model.compute_loss(CORNERS, y_pred=model(CORNERS))

    variables, step = model.trainable_variables, 4e-3
    found = gradients(loss, variables)
    rng = np.random.default_rng(1)
    for variable, gradient in zip(variables, found, strict=True):
        value = ops.convert_to_numpy(variable)
        direction = np.sign(rng.normal(size=value.shape))
        sides = []
        for sign in (1.0, -1.0):
            variable.assign(value + sign * step * direction)
            state.assign(start)  # the same draws
            sides.append(float(ops.convert_to_numpy(loss())))
        variable.assign(value)
        slope, expected = (
            (sides[0] - sides[1]) / (2 * step),
            np.sum(gradient * direction),
        )
        np.testing.assert_allclose(slope, expected, 1e-2, 5e-3, err_msg=variable.path)
        assert np.any(gradient != 0)


@keras.saving.register_keras_serializable("tests")
class Bounded(ConditionalAffine):
    """A map onto an interval, by its word."""

    domain = (0.0, 1.0)


@keras.saving.register_keras_serializable("tests")
class FromBounded(ConditionalAffine):
    """A map from an interval, by its word."""

    latent_domain = (0.0, 1.0)


@pytest.mark.parametrize(
    "flows,message",
    [
        ({"posterior_flow": "planar"}, "`posterior_flow` must be a .*Received: post"),
        ({"prior_flow": small_network((2,), (2,))}, "`prior_flow` must be a"),
        ({"posterior_flow": Planar(3)}, r"`posterior_flow` must map \(2,\) to"),
        ({"prior_flow": Planar(1)}, r"`prior_flow` must map \(2,\) to"),
        ({"posterior_flow": Planar(2, condition_dim=2)}, "features.*condition_dim=3"),
        ({"prior_flow": Planar(2, condition_dim=3)}, "`prior_flow` must have no cond"),
        ({"prior_flow": Bounded(2)}, "`prior_flow` must give a density to all"),
        ({"prior_flow": FromBounded(2)}, "`prior_flow` must take all real values"),
    ],
)
def test_flow_that_does_not_fit_is_an_error(flows, message):
    with pytest.raises(ValueError, match=message):
        VAE(small_network((4,), (3,)), small_network((2,), (4,)), 2, **flows)


def test_prior_of_an_interval_goes_with_a_posterior_there():
    networks = small_network((4,), (3,)), small_network((2,), (4,))
    model = VAE(*networks, 2, posterior_flow=Bounded(2), prior_flow=Bounded(2))
    assert model.sample(3).shape == (3, 4)
