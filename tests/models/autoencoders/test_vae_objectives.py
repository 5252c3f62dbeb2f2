"""What a VAE minimises besides the plain bound, beside exact values."""

import itertools

import keras
import numpy as np
import pytest
from keras import ops

from keras_genmod import VAE, DiffusionModel, TwoStage
from keras_genmod.models.autoencoders.kl_terms import above_floor
from keras_genmod.models.autoencoders.total_correlation import (
    stratified_log_weights,
    total_correlation,
)
from tests.autodiff import gradients
from tests.contracts import slow_elsewhere
from tests.models.autoencoders.test_vae import (
    EXACT_P,
    GAP,
    POINT,
    linear,
    linear_vae,
    points,
)
from tests.models.small_networks import small_network, small_time_network

SPOILT = {"mean_shift": 0.3, "variance_factor": 1.5}


def losses_of(model, number=1, repeats=1):
    """Returns the losses of some batches, `number` times the point each."""
    x = points(number)
    inputs = ops.convert_to_tensor(x)
    losses = [
        model.compute_loss(x=inputs, y_pred=model(inputs), training=False)
        for _ in range(repeats)
    ]
    return np.array([ops.convert_to_numpy(loss) for loss in losses])


@pytest.mark.parametrize("objective", ["iwae", "dreg"])
@pytest.mark.parametrize("num_draws", [1, 7])
def test_with_the_exact_posterior_the_loss_is_exact(objective, num_draws):
    model = linear_vae(objective=objective, num_importance_samples=num_draws)
    found = losses_of(model, 3)
    np.testing.assert_allclose(found, -EXACT_P.logpdf(POINT), rtol=2e-5)


@slow_elsewhere
def test_the_importance_weighted_loss_is_the_bound_and_falls_with_its_draws():
    means, errors = [], []
    for num_draws in (1, 4, 30):
        model = linear_vae(**SPOILT, objective="iwae", num_importance_samples=num_draws)
        found = losses_of(model, 400, 10)
        means.append(found.mean())
        errors.append(found.std() / len(found) ** 0.5)
    exact = -EXACT_P.logpdf(POINT)
    assert abs(means[0] - (exact + GAP)) < 4 * errors[0]  # K = 1 is the ELBO
    assert means[0] - 4 * errors[0] > means[1] > means[2] > exact - 4 * errors[2]
    bound = linear_vae(**SPOILT).log_prob(points(4000), num_samples=4, seed=0)
    bound = ops.convert_to_numpy(bound)
    assert abs(means[1] + bound.mean()) < 4 * (errors[1] + bound.std() / 4000**0.5)


def test_draws_of_the_plain_bound_are_averaged():
    one, many = (
        losses_of(linear_vae(**SPOILT, num_importance_samples=k), 50, 40)
        for k in (1, 16)
    )
    assert abs(one.mean() - many.mean()) < 4 * one.std() / 40**0.5
    assert many.std() < one.std() / 2


def gradients_of(objective, beta, num_batches=40):
    """Returns gradients by the encoder and by the decoder of some batches."""
    model = linear_vae(
        **SPOILT, objective=objective, num_importance_samples=5, beta=beta
    )
    x = ops.convert_to_tensor(points(100))
    weights = [model.mean_head.bias, model.log_var_head.bias, model.decoder.weights[1]]

    def loss():
        return model.compute_loss(x=x, y_pred=model(x), training=True)

    found = []
    for _ in range(num_batches):
        found.append(np.concatenate(gradients(loss, weights)))
        model.sampling.seed_generator.next()  # JAX' own draws leave no trace
    return np.array(found)


@slow_elsewhere
@pytest.mark.parametrize("beta", [1.0, 0.5])
def test_doubly_reparametrized_gradient_is_the_same_in_expectation(beta):
    # Columns: mean, log-variance of the posterior, three of the decoder.
    plain, doubly = gradients_of("iwae", beta), gradients_of("dreg", beta)
    difference = plain.mean(axis=0) - doubly.mean(axis=0)
    errors = np.sqrt((plain.var(axis=0) + doubly.var(axis=0)) / len(plain))
    assert np.all(np.abs(difference) < 4 * errors)
    assert np.all(np.abs(doubly.mean(axis=0)[:2]) > 4 * errors[:2])  # nor is it none
    assert np.all(doubly.std(axis=0)[:2] < 0.75 * plain.std(axis=0)[:2])


def test_doubly_reparametrized_gradient_of_the_exact_posterior_is_zero():
    # All weights are equal whatever is drawn; the plain gradient is zero on average.
    model = linear_vae(objective="dreg", num_importance_samples=4)
    x = ops.convert_to_tensor(points(3))

    def loss():
        return model.compute_loss(x=x, y_pred=model(x), training=True)

    found = gradients(loss, [model.mean_head.bias, model.log_var_head.bias])
    for gradient in found:
        np.testing.assert_allclose(ops.convert_to_numpy(gradient), 0.0, atol=1e-5)


def test_importance_weighting_compiles_and_takes_flows_and_labels():
    model = VAE(
        linear(3, 3, 2),
        linear(1, 3, 2),
        1,
        "normal",
        num_classes=2,
        objective="dreg",
        num_importance_samples=3,
    )
    model.compile("sgd")
    x, y = np.zeros((8, 3), "float32"), np.arange(8) % 2
    logs = model.fit(x, y, epochs=1, verbose=0).history
    assert np.isfinite(logs["loss"][0])
    assert model.predict((x, y), verbose=0)["output"].shape == (8, 3, 3)


# Floors and warm-up.


def test_a_latent_below_the_floor_costs_the_floor_and_has_no_gradient():
    terms = np.array([[0.1, 2.0], [0.3, 4.0]], "float32")  # means 0.2 and 3
    found = ops.convert_to_numpy(above_floor(ops.convert_to_tensor(terms), 0.5))
    np.testing.assert_allclose(found, [2.5, 4.5])
    weights = ops.convert_to_tensor(np.array([0.0, 1.0], "float32"))  # 0.3 and 4
    found = above_floor(ops.convert_to_tensor(terms), 0.25, weights)
    np.testing.assert_allclose(ops.convert_to_numpy(found), [2.1, 4.3], rtol=1e-6)
    model = VAE(linear(2, 2), linear(2, 2), 2, "normal", free_bits=0.5, seed=0)
    model.mean_head.set_weights([np.zeros((2, 2)), np.array([0.5, 2.0])])
    model.log_var_head.set_weights([np.zeros((2, 2)), np.zeros(2)])  # KL 0.125 and 2
    x = ops.zeros((4, 2))

    def kl():
        y_pred = model(x)
        # The decoder's share is left out: what differs is the KL alone.
        y_pred["output"] = ops.zeros_like(y_pred["output"])
        return model.compute_loss(x=x, y_pred=y_pred, training=False)

    reconstruction = np.log(2 * np.pi)
    assert ops.convert_to_numpy(kl()) == pytest.approx(
        0.5 + 2.0 + reconstruction, rel=1e-5
    )
    (gradient,) = gradients(kl, [model.mean_head.bias])
    np.testing.assert_allclose(ops.convert_to_numpy(gradient), [0.0, 2.0], atol=1e-6)
    model.free_bits = 0.0
    assert ops.convert_to_numpy(kl()) == pytest.approx(2.125 + reconstruction, rel=1e-5)


def test_the_weight_of_the_kl_warms_up_with_the_steps(tmp_path):
    model = linear_vae(kl_warm_up=4, beta=2.0)
    model.compile(keras.optimizers.SGD(0.0))

    def weight():
        logs = model.evaluate(points(8), verbose=0, return_dict=True)
        return (logs["loss"] - logs["reconstruction"]) / logs["kl"]

    model.fit(points(8), verbose=0, batch_size=4)  # two steps
    assert weight() == pytest.approx(1.0, rel=1e-4) == weight()
    model.save(tmp_path / "vae.keras")
    model = keras.saving.load_model(tmp_path / "vae.keras")
    assert weight() == pytest.approx(1.0, rel=1e-4)
    logs = model.fit(points(8), verbose=0, batch_size=4).history
    found = (logs["loss"][0] - logs["reconstruction"][0]) / logs["kl"][0]
    assert found == pytest.approx((1.0 + 1.5) / 2, rel=1e-4)
    model.fit(points(8), verbose=0, batch_size=4)
    assert weight() == pytest.approx(2.0, rel=1e-4)


# Total correlation.


@pytest.mark.parametrize("batch_size,total", [(1, 5), (2, 5), (4, 9), (5, 5), (7, 5)])
def test_rows_of_the_stratified_weights_add_up_to_one(batch_size, total):
    found = np.exp(ops.convert_to_numpy(stratified_log_weights(batch_size, total)))
    np.testing.assert_allclose(found.sum(axis=1), 1.0, rtol=1e-6)
    own = 1.0 if batch_size == 1 else 1.0 / max(total, batch_size)
    np.testing.assert_allclose(np.diag(found), own, rtol=1e-5)
    assert np.all(found >= 0)


def test_the_stratified_estimate_is_unbiased():
    # Of 5 examples, over all batches of 3 that start with the first one.
    density = np.random.default_rng(0).random(5)  # q(z | x_j)
    weights = np.exp(ops.convert_to_numpy(stratified_log_weights(3, 5)))
    others = list(itertools.permutations(range(1, 5), 2))
    found = np.mean([weights[0] @ density[[0, *rest]] for rest in others])
    assert found == pytest.approx(density.mean(), rel=1e-6)


@pytest.mark.parametrize("correlation", [0.0, 0.8])
def test_total_correlation_of_normal_latents_is_that_in_closed_form(correlation):
    # Means from N(0, S - s^2 I), draws around them with s^2: q(z) = N(0, S).
    size, variance = 1500, 0.3
    generator = np.random.default_rng(0)
    covariance = np.array([[1.0, correlation], [correlation, 1.5]])
    root = np.linalg.cholesky(covariance - variance * np.eye(2) * (correlation == 0))
    if correlation:
        covariance = covariance + variance * np.eye(2)
    mean = generator.normal(size=(size, 2)) @ root.T
    z = mean + variance**0.5 * generator.normal(size=(size, 2))
    log_var = np.full_like(mean, np.log(variance))
    found = total_correlation(
        *(ops.convert_to_tensor(a.astype("float32")) for a in (z, mean, log_var)), size
    )
    exact = 0.5 * (np.log(np.diag(covariance)).sum() - np.linalg.slogdet(covariance)[1])
    assert ops.convert_to_numpy(found).mean() == pytest.approx(exact, abs=0.03)


def test_the_weight_of_the_total_correlation_is_on_it_alone():
    x = np.random.default_rng(0).normal(size=(16, 2)).astype("float32")
    model = VAE(
        linear(2, 2),
        linear(2, 2),
        2,
        "normal",
        beta=0.5,
        tc_weight=6.0,
        num_examples=100,
        seed=0,
    )
    model.compile("sgd")
    logs = model.evaluate(x, verbose=0, batch_size=16, return_dict=True)
    extra = logs["kl"] + 5.0 * logs["total_correlation"]
    assert logs["loss"] == pytest.approx(logs["reconstruction"] + 0.5 * extra, rel=1e-5)
    assert abs(logs["total_correlation"]) > 1e-3
    model.tc_weight = 1.0
    logs = model.evaluate(x, verbose=0, batch_size=16, return_dict=True)
    expected = logs["reconstruction"] + 0.5 * logs["kl"]
    assert logs["loss"] == pytest.approx(expected, rel=1e-5)
    assert np.isfinite(model.train_on_batch(x[:1])[0])  # a batch of one


# Latents on a grid.


def test_latents_may_be_a_grid():
    encoder = keras.Sequential(
        [keras.Input((4, 4, 1)), keras.layers.Conv2D(3, 2, strides=2)]
    )
    model = VAE(
        encoder, small_network((2, 2, 2), (4, 4, 1)), (2, 2, 2), kl_warm_up=2, seed=0
    )
    model.compile("sgd")
    x = np.random.default_rng(0).random((4, 4, 4, 1)).astype("float32")
    logs = model.fit(x, verbose=0).history
    assert np.isfinite(logs["loss"][0])
    outputs = model.predict(x, verbose=0)
    mean, log_var = outputs["mean"], outputs["log_var"]
    kl = 0.5 * (mean**2 + np.exp(log_var) - 1 - log_var).sum(axis=(1, 2, 3))
    np.testing.assert_allclose(outputs["kl"], kl, rtol=1e-4)
    assert model.encode(x).shape == (4, 2, 2, 2)
    assert model.reconstruct(x).shape == x.shape == model.sample(4).shape
    assert model.log_prob(x, num_samples=3).shape == (4,)
    again = VAE.from_config(model.get_config())
    assert again.latent_shape == (2, 2, 2)
    with pytest.raises(ValueError, match="`encoder` must end in a map of features"):
        VAE(small_network((4, 4, 1), (6,)), model.decoder, (2, 2, 2))


@pytest.mark.parametrize(
    "arguments,name",
    [
        ({"objective": "elbow"}, "objective"),
        ({"objective": "iwae", "num_importance_samples": 0}, "num_importance_samples"),
        ({"objective": "iwae", "free_bits": 0.1}, "free_bits"),
        ({"free_bits": -0.1}, "free_bits"),
        ({"kl_warm_up": 0.5}, "kl_warm_up"),
        ({"tc_weight": 2.0}, "tc_weight"),
        ({"tc_weight": 2.0, "num_examples": 0}, "num_examples"),
        ({"tc_weight": 2.0, "num_examples": 9, "objective": "iwae"}, "tc_weight"),
        (
            {"tc_weight": 2.0, "num_examples": 9, "num_importance_samples": 2},
            "tc_weight",
        ),
        ({"num_examples": 5}, "num_examples"),
    ],
)
def test_bad_argument_is_named(arguments, name):
    with pytest.raises(ValueError, match=f"`{name}` must .*Received"):
        VAE(linear(3, 3), linear(1, 3), 1, **arguments)


@slow_elsewhere
def test_a_grid_of_latents_has_a_diffusion_model_for_its_prior():
    grid = (2, 2, 2)
    encoder = keras.Sequential(
        [keras.Input((4, 4, 1)), keras.layers.Conv2D(3, 2, strides=2)]
    )
    autoencoder = VAE(encoder, small_network(grid, (4, 4, 1)), grid, seed=0)
    prior = DiffusionModel(small_time_network(grid), grid, of_images=False)
    model = TwoStage(autoencoder, prior)
    model.compile("sgd")
    x = np.random.default_rng(0).random((8, 4, 4, 1)).astype("float32")
    assert np.isfinite(model.fit(x, verbose=0).history["loss"][0])
    assert model.sample(3, num_steps=2).shape == (3, 4, 4, 1)


def test_free_bits_that_a_step_leaves_out_are_refused_later():
    with pytest.raises(ValueError, match="`free_bits` must be given when"):
        linear_vae().free_bits = 0.1


def test_files_from_before_free_bits_could_be_none_load(tmp_path):
    # Their weight has a place among the others; nothing reads it.
    config = {**linear_vae(objective="iwae").get_config(), "free_bits": 0.0}
    old, path = VAE.from_config(config), tmp_path / "old.keras"
    assert len(old.weights) == len(linear_vae(objective="iwae").weights) + 1
    old.save(path)
    loaded = keras.saving.load_model(path)
    for own, other in zip(loaded.weights, old.weights, strict=True):
        np.testing.assert_array_equal(*map(ops.convert_to_numpy, (own, other)))
    with pytest.raises(ValueError, match="`free_bits` must be given when"):
        loaded.free_bits = 0.1
