"""The VAE's bounds, beside a linear one whose p(x) is known in closed form."""

import functools

import keras
import numpy as np
import pytest
import scipy.stats
from keras import ops

from keras_genmod import VAE

# p(z) = N(0, 1), p(x | z) = N(W z + c, s^2 I), so p(x) = N(c, W W' + s^2 I), and the
# posterior is N(mean, variance) with 1 / variance = 1 + W'W / s^2.
W, C, LOG_S2 = np.array([[1.0, -0.5, 2.0]]), np.array([0.3, -1.0, 0.5]), -0.4
S2 = np.exp(LOG_S2)
VARIANCE = 1.0 / (1.0 + (W @ W.T)[0, 0] / S2)
TO_MEAN = VARIANCE / S2 * W.T  # posterior mean = (x - c) @ TO_MEAN
EXACT_P = scipy.stats.multivariate_normal(C, W.T @ W + S2 * np.eye(3))
POINT = np.array([1.0, 0.5, -0.3])


def linear(inputs, outputs, labels=None):
    """Returns an affine network of the data, or of the data and a one-hot label."""
    x = keras.Input((inputs,))
    if labels is None:
        return keras.Sequential([x, keras.layers.Dense(outputs)])
    label = keras.Input((labels,))
    joined = keras.layers.Concatenate()([x, label])
    return keras.Model([x, label], keras.layers.Dense(outputs)(joined))


def set_weights(layer, kernel, bias):
    layer.set_weights([np.array(kernel), np.array(bias)])


def linear_vae(mean_shift=0.0, variance_factor=1.0, **kwargs):
    """Returns the VAE above; shift and factor spoil its posterior."""
    model = VAE(linear(3, 3), linear(1, 3), 1, likelihood="normal", seed=0, **kwargs)
    set_weights(model.encoder, np.eye(3), np.zeros(3))
    set_weights(model.decoder, W, C)
    set_weights(model.mean_head, TO_MEAN, -C @ TO_MEAN + mean_shift)
    log_var = np.log(VARIANCE * variance_factor)
    set_weights(model.log_var_head, np.zeros((3, 1)), [log_var])
    model.output_log_var.assign(LOG_S2)
    return model


@functools.cache
def spoilt_vae():
    return linear_vae(mean_shift=0.3, variance_factor=1.5)


def points(number):
    return np.tile(POINT, (number, 1)).astype("float32")


def bounds(model, num_samples, number=2_000, seed=0):
    x = points(number)
    found = model.log_prob(x, None, num_samples, seed, batch_size=number)
    return ops.convert_to_numpy(found).astype("float64")


# KL(q, posterior) of the spoilt VAE: two normals of known moments.
GAP = 0.5 * (1.5 - 1.0 - np.log(1.5) + 0.3**2 / VARIANCE)


def test_kl_in_closed_form_is_the_monte_carlo_estimate():
    model = VAE(linear(2, 2), linear(2, 2), 2, seed=0)
    set_weights(model.encoder, np.eye(2), np.zeros(2))
    set_weights(model.mean_head, np.zeros((2, 2)), [0.7, -1.2])
    set_weights(model.log_var_head, np.zeros((2, 2)), [-1.0, 0.5])
    model.compile()
    model.evaluate(np.zeros((4, 2), "float32"), verbose=0)
    q = scipy.stats.norm([0.7, -1.2], np.exp([-0.5, 0.25]))
    z = q.rvs(size=(100_000, 2), random_state=np.random.default_rng(0))
    ratios = (q.logpdf(z) - scipy.stats.norm.logpdf(z)).sum(axis=1)
    error = ratios.std() / len(z) ** 0.5
    assert abs(float(model.kl_tracker.result()) - ratios.mean()) < 4 * error


@pytest.mark.parametrize("num_samples", [1, 24, 25, 26, 50, 51, 130])
def test_with_the_exact_posterior_every_bound_is_tight(num_samples, monkeypatch):
    monkeypatch.setattr("keras_genmod.models.autoencoders.latent_variables._LIMIT", 100)
    # All weights p(x, z) / q(z | x) are p(x), however many and in whatever chunks.
    x = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")
    found = linear_vae().log_prob(x, num_samples=num_samples, seed=0)
    np.testing.assert_allclose(
        ops.convert_to_numpy(found), EXACT_P.logpdf(x), rtol=2e-5
    )


def test_elbo_falls_short_by_the_kl_to_the_posterior():
    found = ops.convert_to_numpy(spoilt_vae().elbo(points(20_000), seed=0))
    error = found.std() / len(found) ** 0.5
    assert abs(found.mean() - (EXACT_P.logpdf(POINT) - GAP)) < 4 * error


def test_importance_weighted_bound_rises_to_the_exact_log_prob():
    # E over 2,000 rows each; with K = 1 it is the ELBO, whatever the batch size.
    model = spoilt_vae()
    draws = {k: bounds(model, k) for k in (1, 5, 30, 200)}
    means = np.array([draws[k].mean() for k in draws])
    errors = np.array([draws[k].std() / len(draws[k]) ** 0.5 for k in draws])
    exact = EXACT_P.logpdf(POINT)
    assert abs(means[0] - (exact - GAP)) < 4 * errors[0]
    assert np.all(np.diff(means) > 2 * errors[:-1])
    assert np.all(means < exact + 4 * errors)
    assert exact - means[-1] < 0.02 * GAP + 4 * errors[-1]


def test_chunks_draw_their_own_samples():
    # If chunks of 25 repeated each other, K = 100 would be as uncertain as K = 25.
    model = spoilt_vae()
    ratio = bounds(model, 25).std() / bounds(model, 100).std()
    assert 1.6 < ratio < 2.5


def test_number_of_samples_is_honoured_in_every_batch_size():
    # One row with K samples is as good as many rows with K samples each.
    model = spoilt_vae()
    singles = [bounds(model, 1, number=1, seed=i)[0] for i in range(400)]
    many = bounds(model, 1)
    error = np.std(many) / len(singles) ** 0.5
    assert abs(np.mean(singles) - many.mean()) < 4 * error


def test_bounds_repeat_for_a_seed():
    model = spoilt_vae()
    first, second, other = (bounds(model, 30, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, second)
    assert np.all(first != other)


@pytest.mark.parametrize("beta", [0.0, 4.0])
def test_beta_weighs_the_kl_in_the_loss_and_nowhere_else(beta):
    model, plain = linear_vae(beta=beta), linear_vae()
    model.compile()
    parts = model.evaluate(points(8), batch_size=8, verbose=0, return_dict=True)
    expected = parts["reconstruction"] + beta * parts["kl"]
    np.testing.assert_allclose(parts["loss"], expected, rtol=1e-5)
    for method in ("elbo", "log_prob"):
        np.testing.assert_array_equal(
            ops.convert_to_numpy(getattr(model, method)(points(3), seed=0)),
            ops.convert_to_numpy(getattr(plain, method)(points(3), seed=0)),
        )


def test_loss_is_the_negative_elbo():
    model = spoilt_vae()
    model.compile()
    loss = model.evaluate(points(20_000), batch_size=20_000, verbose=0)
    if isinstance(loss, list):
        loss = loss[0]
    assert abs(loss + EXACT_P.logpdf(POINT) - GAP) < 0.03


def test_bernoulli_bound_is_that_of_the_enumeration_of_latents():
    # p(x) by numerical integration over the one latent.
    model = VAE(linear(3, 2), linear(1, 3), 1, seed=0)
    set_weights(model.decoder, W, C)
    set_weights(model.mean_head, np.zeros((2, 1)), [0.1])
    set_weights(model.log_var_head, np.zeros((2, 1)), [0.1])
    x = np.array([[1, 0, 1], [0, 0, 0]], "float32")
    z = np.linspace(-8, 8, 4001)
    chances = 1 / (1 + np.exp(-(z[:, None] * W + C)))  # (latents, 3)
    likelihood = np.prod(
        np.where(x[:, None] == 1, chances, 1 - chances), axis=-1
    )  # (2, latents)
    exact = np.log((likelihood * scipy.stats.norm.pdf(z)).sum(axis=1) * (z[1] - z[0]))
    found = model.log_prob(x, num_samples=20_000, seed=0)
    np.testing.assert_allclose(ops.convert_to_numpy(found), exact, atol=0.03)


def test_label_reaches_encoder_and_decoder():
    # features = x + label[0] e, output = W z + label[1] d, by hand.
    model = VAE(linear(3, 3, 2), linear(1, 3, 2), 1, "normal", num_classes=2, seed=0)
    set_weights(
        model.encoder, np.vstack([np.eye(3), [[1, 2, 3], [0, 0, 0]]]), np.zeros(3)
    )
    set_weights(model.mean_head, TO_MEAN, np.zeros(1))
    set_weights(model.decoder, np.vstack([W, [[0, 0, 0], [4, 5, 6]]]), C)
    x, labels = points(2), np.array([0, 1])
    means = ops.convert_to_numpy(model.encode(x, labels))
    expected = np.stack([POINT + [1, 2, 3], POINT]) @ TO_MEAN
    np.testing.assert_allclose(means, expected, rtol=1e-5)
    z = np.array([[0.5], [0.5]], "float32")
    output = ops.convert_to_numpy(model.decode(z, labels))
    expected = 0.5 * W + C + np.array([[0, 0, 0], [4, 5, 6]])
    np.testing.assert_allclose(output, expected, rtol=1e-5)


def test_samples_are_means_of_the_likelihood_at_latents_of_the_prior():
    draws = ops.convert_to_numpy(linear_vae().sample(4_000, seed=0))
    latents = (draws - C) @ W.T / (W @ W.T)
    np.testing.assert_allclose(draws, latents @ W + C, atol=1e-4)
    assert scipy.stats.kstest(latents[:, 0], "norm").pvalue > 1e-3


@pytest.mark.parametrize(
    "arguments,name",
    [
        ({"latent_dim": 0}, "latent_dim"),
        ({"likelihood": "poisson"}, "likelihood"),
        ({"beta": -1.0}, "beta"),
        ({"latent_dim": 2}, "decoder"),
    ],
)
def test_bad_argument_is_named(arguments, name):
    with pytest.raises(ValueError, match=f"`{name}` must .*Received"):
        VAE(linear(3, 3), linear(1, 3), **{"latent_dim": 1, **arguments})


# Data outside of the likelihood's range, and targets.


@pytest.fixture(scope="module")
def binary_vae():
    model = VAE(linear(4, 3), linear(2, 4), 2, seed=0)
    model.compile("sgd")
    return model


BITS = np.random.default_rng(0).integers(0, 2, (8, 4)).astype("float32")


def step_of(model, *batch):
    """Returns the loss of a batch that no check has looked at."""
    return float(keras.Model.test_on_batch(model, *batch)[0])


@pytest.mark.parametrize("wrong", [2 * BITS - 1, 255 * BITS, np.full_like(BITS, -0.1)])
def test_bernoulli_loss_of_a_stream_outside_the_unit_interval_is_nan(binary_vae, wrong):
    stream = ((x,) for x in (BITS, wrong))  # `evaluate` looks at the first alone
    losses = [step_of(binary_vae, *batch) for batch in stream]
    assert np.isfinite(losses[0]) and np.isnan(losses[1])
    one = BITS.copy()
    one[3, 2] = 1.5  # one value is enough
    assert np.isnan(step_of(binary_vae, one))


@pytest.mark.parametrize("likelihood", ["bernoulli", "normal"])
def test_the_loss_is_that_of_the_target(likelihood):
    # The bound of log p(y | z) with z from q(z | x); of y = x it is the usual one.
    model = VAE(linear(4, 3), linear(2, 4), 2, likelihood, seed=0)
    model.compile("sgd", run_eagerly=True)
    noisy = BITS + np.random.default_rng(1).normal(size=BITS.shape).astype("float32")
    draws = model.sampling.seed_generator.state
    start = ops.convert_to_numpy(draws)

    def loss_of(*batch, **kwargs):
        draws.assign(start)
        logs = model.test_on_batch(*batch, return_dict=True, **kwargs)
        return {name: float(value) for name, value in logs.items()}

    np.testing.assert_equal(loss_of(BITS, BITS), loss_of(BITS))
    labels = loss_of(BITS, np.arange(8)), loss_of(BITS, np.arange(8)[:, None])
    np.testing.assert_equal(labels, (loss_of(BITS), loss_of(BITS)))
    found = loss_of(noisy, BITS)
    draws.assign(start)
    outputs = model(noisy)
    expected = -ops.convert_to_numpy(
        model._output_distribution(outputs["output"]).log_prob(BITS)
    )
    assert found["reconstruction"] == pytest.approx(expected.mean(), rel=1e-5)
    weights = np.arange(8, dtype="float32")
    weighed = loss_of(noisy, BITS, sample_weight=weights)["loss"]
    kl = ops.convert_to_numpy(outputs["kl"])
    assert weighed == pytest.approx((weights * (expected + kl)).mean(), rel=1e-5)


def test_targets_are_checked_and_noisy_data_may_be_anything(binary_vae):
    noisy = 3 * BITS - 1
    binary_vae.fit(noisy, BITS, verbose=0)
    with pytest.raises(ValueError, match=r"`y` must lie in \[0, 1\]"):
        binary_vae.fit(BITS, noisy, verbose=0)
    with pytest.raises(ValueError, match=r"`x` must lie in \[0, 1\]"):
        binary_vae.fit(noisy, np.arange(8), verbose=0)
    for y in (BITS[:, :3], BITS[..., None]):
        with pytest.raises(ValueError, match=r"`y` must be .*\(batch, 4\), or one lab"):
            binary_vae.fit(BITS, y, verbose=0)
    with pytest.raises(ValueError, match=r"`x` must have shape \(batch, 4\)"):
        binary_vae.fit(BITS[:, :3], BITS, verbose=0)
    assert np.isnan(step_of(binary_vae, BITS, noisy))


def test_a_callback_sets_beta_of_compiled_steps_and_files_keep_it(tmp_path):
    model = linear_vae(beta=0.0)
    model.compile(keras.optimizers.SGD(0.0))
    warm_up = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: setattr(model, "beta", 1.5 * epoch)
    )
    logs = model.fit(
        points(8), batch_size=8, epochs=3, verbose=0, callbacks=[warm_up]
    ).history
    parts = zip(logs["loss"], logs["reconstruction"], logs["kl"], strict=True)
    betas = [(loss - reconstruction) / kl for loss, reconstruction, kl in parts]
    np.testing.assert_allclose(betas, [0.0, 1.5, 3.0], atol=1e-4)
    model.save(tmp_path / "vae.keras")
    assert float(keras.saving.load_model(tmp_path / "vae.keras").beta) == 3.0


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "softmax"])
def test_a_decoder_that_ends_in_a_sigmoid_is_a_warning(activation):
    def decoder():
        layers = (
            keras.layers.Dense(4, activation=activation),
            keras.layers.Reshape((4,)),
        )
        return keras.Sequential([keras.Input((2,)), *layers])

    with pytest.warns(UserWarning, match=f"`decoder` ends in {activation}.* logits"):
        VAE(linear(4, 3), decoder(), 2)
    VAE(linear(4, 3), decoder(), 2, likelihood="normal")  # means in its range
