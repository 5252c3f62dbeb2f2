"""The density ratio of a FactorVAE beside closed forms of normal latents."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_genmod import FactorVAE
from keras_genmod.models.autoencoders import factor_vae
from tests.autodiff import gradients
from tests.models.autoencoders.test_vae import linear, set_weights

# q(z) = N(0, S) is that of means from N(0, S - V) and draws of variance V around them.
COVARIANCE = np.array([[1.0, 0.6], [0.6, 0.8]])
EXACT = 0.5 * (
    np.log(np.diag(COVARIANCE)).sum() - np.linalg.slogdet(COVARIANCE)[1]
)  # nats


def numpy(x):
    return ops.convert_to_numpy(x)


@keras.saving.register_keras_serializable("tests")
class Quadratic(keras.layers.Layer):
    """Returns scale * z' A z + shift, of weights."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.matrix = self.add_weight((2, 2), "zeros")
        self.shift = self.add_weight((1,), "zeros")
        self.built = True

    def call(self, z):
        product = ops.sum(ops.matmul(z, self.matrix) * z, axis=1, keepdims=True)
        return product + self.shift


def best_discriminator():
    """Returns log N(z; 0, S) - sum_j log N(z_j; 0, S_jj)."""
    network = keras.Sequential([keras.Input((2,)), Quadratic(name="ratio")])
    matrix = np.diag(0.5 / np.diag(COVARIANCE)) - 0.5 * np.linalg.inv(COVARIANCE)
    network.get_layer("ratio").set_weights([matrix, np.array([EXACT])])
    return network


def made(discriminator=None, **options):
    if discriminator is None:
        discriminator = best_discriminator()
    model = FactorVAE(
        linear(2, 2), linear(2, 2), discriminator, 2, "normal", seed=0, **options
    )
    set_weights(model.encoder, np.eye(2), np.zeros(2))
    set_weights(model.mean_head, np.eye(2), np.zeros(2))
    set_weights(model.log_var_head, np.zeros((2, 2)), np.full(2, np.log(0.2)))
    return model


def data(size):
    root = np.linalg.cholesky(COVARIANCE - 0.2 * np.eye(2))
    return (np.random.default_rng(0).normal(size=(size, 2)) @ root.T).astype("float32")


def latents(size):
    root = np.linalg.cholesky(COVARIANCE)
    z = np.random.default_rng(0).normal(size=(size, 2)) @ root.T
    return ops.convert_to_tensor(z.astype("float32"))


def test_the_best_discriminator_estimates_the_total_correlation_in_closed_form():
    model = made(gamma=3.0)
    model.compile("sgd")
    logs = model.evaluate(data(20_000), batch_size=20_000, verbose=0, return_dict=True)
    assert logs["total_correlation"] == pytest.approx(EXACT, abs=0.02)
    # A batch's means, those of a VAE
    x = data(6)
    logs = model.evaluate(x, verbose=0, return_dict=True)
    kl = 0.5 * (x**2 + 0.2 - 1 - np.log(0.2)).sum(axis=1).mean()
    assert logs["kl"] == pytest.approx(kl, rel=1e-5)
    total = logs["reconstruction"] + kl + 3.0 * logs["total_correlation"]
    assert logs["vae_loss"] == pytest.approx(total, rel=1e-5)


def test_the_best_discriminator_has_no_gradient_and_the_best_loss():
    # Latents that stay together, or keep an order, would pull it elsewhere.
    model, z = made(), latents(100_000)
    ratio = model.discriminator.get_layer("ratio")

    def loss():
        return model._discriminator_loss(None, z, False)[0]

    for gradient in gradients(loss, [ratio.matrix, ratio.shift]):
        np.testing.assert_allclose(gradient, 0.0, atol=0.006)
    best = float(numpy(loss()))
    assert best < np.log(2) - 0.05  # the loss of a coin
    ratio.set_weights([np.zeros((2, 2)), np.zeros(1)])
    matrix, shift = gradients(loss, [ratio.matrix, ratio.shift])
    # d/dA = (E' zz' - E zz') / 4: the permuted latents have no covariance.
    expected = np.array([[0.0, -0.6], [-0.6, 0.0]]) / 4
    np.testing.assert_allclose(matrix, expected, atol=0.006)
    np.testing.assert_allclose(shift, 0.0, atol=1e-6)


def test_each_latent_is_permuted_by_itself():
    z = np.arange(60.0).reshape(20, 3).astype("float32")
    found = numpy(made()._permuted(ops.convert_to_tensor(z)))
    np.testing.assert_array_equal(np.sort(found, axis=0), z)
    origins = found // 3  # the example of each latent
    assert all(np.any(origins[:, 0] != origins[:, j]) for j in (1, 2))
    assert np.any(origins[:, 1] != origins[:, 2])
    assert np.any(origins[:, 0] != np.arange(20))


@pytest.mark.parametrize("size", [1, 4, 5])
def test_halves_of_a_batch_are_other_examples(size, monkeypatch):
    model, seen = made(), []

    def call(network, z, training):
        assert network is model.discriminator
        seen.append(numpy(z))
        return z[:, :1]

    monkeypatch.setattr(factor_vae, "call_network", call)
    z = np.arange(2.0 * size).reshape(size, 2).astype("float32")
    loss, _ = model._discriminator_loss(None, ops.convert_to_tensor(z), False)
    assert np.isfinite(numpy(loss))
    joint, other = seen
    np.testing.assert_array_equal(joint, z[: (size + 1) // 2])
    np.testing.assert_array_equal(np.sort(other, axis=0), z[size // 2 :])


def test_each_loss_trains_its_own_networks_and_its_variance():
    model = made(gamma=2.0)
    names = [objective.name for objective in model.objectives()]
    assert names == ["vae", "discriminator"]
    model.compile(
        {"vae": keras.optimizers.SGD(0.01), "discriminator": keras.optimizers.SGD(0.0)}
    )
    before = [numpy(v) for v in model.variables]
    ids = {id(v) for v in model.discriminator.variables}
    model.fit(data(4), verbose=0)
    for variable, old in zip(model.variables, before, strict=True):
        if id(variable) in ids:
            np.testing.assert_array_equal(numpy(variable), old)
    assert numpy(model.output_log_var) != 0
    assert np.any(numpy(model.mean_head.kernel) != np.eye(2))


def test_its_default_optimizers_are_those_of_the_paper():
    model = made()
    model.compile()
    assert model.optimizer["vae"].beta_1 == 0.9
    assert model.optimizer["discriminator"].beta_1 == 0.5


def test_networks_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="`discriminator` must map shape"):
        made(linear(3, 1))
    with pytest.raises(ValueError, match="`latent_dim` must .*Received"):
        FactorVAE(linear(2, 2), linear(1, 2), linear(1, 1), 1)
    with pytest.raises(ValueError, match="`gamma` must .*Received"):
        made(gamma=-1.0)
    normalized = keras.Sequential(
        [keras.Input((2,)), keras.layers.BatchNormalization(), keras.layers.Dense(1)]
    )
    with pytest.raises(ValueError, match="`discriminator` must hold no BatchNorm"):
        made(normalized)
