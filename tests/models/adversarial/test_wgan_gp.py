"""The gradient penalty against finite differences."""

import keras
import numpy as np
import pytest
import scipy.stats
from keras import ops

from keras_genmod import WGANGP
from keras_genmod.models.adversarial import penalties
from tests.autodiff import gradients

SHAPE = (2, 2, 1)
RNG = np.random.default_rng(0)
IMAGES = RNG.random((5, *SHAPE)).astype("float32")


def wgan_gp_model(critic=None, **kwargs):
    if critic is None:
        critic = keras.Sequential(
            [
                keras.Input(SHAPE),
                keras.layers.Flatten(),
                keras.layers.Dense(3, activation="tanh"),
                keras.layers.Dense(1),
            ]
        )
        rng = np.random.default_rng(1)
        critic.set_weights([rng.normal(size=w.shape) for w in critic.get_weights()])
    generator = keras.Sequential(
        [keras.Input((2,)), keras.layers.Dense(4), keras.layers.Reshape(SHAPE)]
    )
    return WGANGP(generator, critic, latent_dim=2, seed=0, **kwargs)


def score(weights, x):
    w1, b1, w2, b2 = weights
    return (np.tanh(x.reshape(len(x), 4) @ w1 + b1) @ w2 + b2)[:, 0]


def expected_penalty(weights, x):
    """Returns E (|df/dx| - 1)^2 with df/dx by central differences in float64."""
    x = x.astype("float64")
    steps = 1e-5 * np.eye(4).reshape(4, 1, *SHAPE)
    slopes = [(score(weights, x + h) - score(weights, x - h)) / 2e-5 for h in steps]
    return np.mean((np.linalg.norm(slopes, axis=0) - 1.0) ** 2)


def weights_of(model):
    return [w.astype("float64") for w in model.critic.get_weights()]


def penalty(model, real, fake):
    return model._penalty(
        ops.convert_to_tensor(real), ops.convert_to_tensor(fake), None, True
    )


def test_penalty_is_that_of_finite_differences():
    # With real = fake every interpolation is the image itself.
    model = wgan_gp_model()
    found = ops.convert_to_numpy(penalty(model, IMAGES, IMAGES))
    expected = expected_penalty(weights_of(model), IMAGES)
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_gradient_of_the_penalty_is_that_of_finite_differences():
    model = wgan_gp_model()
    found = gradients(
        lambda: penalty(model, IMAGES, IMAGES), model.critic.trainable_variables
    )
    weights = weights_of(model)
    for i, weight in enumerate(weights):
        for place in list(np.ndindex(weight.shape))[:4]:
            moved = []
            for step in (1e-4, -1e-4):
                copy = [w.copy() for w in weights]
                copy[i][place] += step
                moved.append(expected_penalty(copy, IMAGES))
            slope = (moved[0] - moved[1]) / 2e-4
            np.testing.assert_allclose(found[i][place], slope, rtol=5e-3, atol=1e-4)


def test_interpolation_takes_one_uniform_number_a_sample(monkeypatch):
    # x_hat = e x + (1 - e) G(z)
    mixed = []

    def record(network, x):
        mixed.append(ops.convert_to_numpy(x))
        return x

    monkeypatch.setattr(penalties, "input_gradient", record)
    model = wgan_gp_model()
    rng = np.random.default_rng(2)
    real, fake = rng.random((2, 2_000, *SHAPE)).astype("float32")
    fake = fake + 2.0  # never equal
    penalty(model, real, fake)
    e = ((mixed[0] - fake) / (real - fake)).reshape(2_000, 4)
    np.testing.assert_allclose(e, np.repeat(e[:, :1], 4, axis=1), atol=1e-5)
    assert scipy.stats.kstest(e[:, 0], "uniform").pvalue > 1e-3
    penalty(model, real, fake)
    assert np.mean(mixed[0] == mixed[1]) < 0.01


def test_zero_gradient_is_penalised_and_has_a_finite_gradient():
    model = wgan_gp_model()
    model.critic.set_weights([np.zeros_like(w) for w in model.critic.get_weights()])
    found = ops.convert_to_numpy(penalty(model, IMAGES, IMAGES))
    np.testing.assert_allclose(found, 1.0, rtol=1e-4)  # (0 - 1)^2
    for part in gradients(
        lambda: penalty(model, IMAGES, IMAGES), model.critic.trainable_variables
    ):
        assert np.all(np.isfinite(part))


@pytest.mark.parametrize("weight", [10.0, 0.5])
def test_critic_loss_is_the_negative_distance_and_the_penalty(weight):
    model = wgan_gp_model(penalty_weight=weight)
    model.compile()
    found = model.evaluate(IMAGES, batch_size=5, verbose=0, return_dict=True)
    expected = weight * found["gradient_penalty"] - found["wasserstein_distance"]
    np.testing.assert_allclose(found["critic_loss"], expected, rtol=1e-4)


def test_penalty_weight_set_by_a_callback_acts_on_the_compiled_step():
    model = wgan_gp_model(critic_steps=1)
    model.compile(keras.optimizers.SGD(0.0))
    callback = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: setattr(model, "penalty_weight", 0.5)
    )
    logs = model.fit(IMAGES, epochs=2, callbacks=[callback], verbose=0).history
    added = np.add(logs["critic_loss"], logs["wasserstein_distance"])
    weights = added / logs["gradient_penalty"]
    np.testing.assert_allclose(weights, [10.0, 0.5], rtol=1e-3)
    assert model.get_config()["penalty_weight"] == 0.5


def test_each_slice_is_used_once():
    # f(x) = w.x without penalty; the generator makes zeros and stands still.
    critic = keras.Sequential(
        [keras.Input(SHAPE), keras.layers.Flatten(), keras.layers.Dense(1)]
    )
    model = wgan_gp_model(critic, penalty_weight=0.0, critic_steps=3)
    for network in (model.generator, model.critic):
        network.set_weights([np.zeros_like(w) for w in network.get_weights()])
    model.compile(keras.optimizers.SGD(1e-3))
    model.fit(IMAGES, batch_size=5, epochs=1, shuffle=False, verbose=0)
    expected = 1e-3 * sum(IMAGES[i::3].mean(axis=0) for i in range(3))
    found = model.critic.get_weights()[0]
    np.testing.assert_allclose(found[:, 0], expected.reshape(4), rtol=1e-4)


def test_batch_normalization_in_the_critic_is_an_error():
    critic = keras.Sequential(
        [
            keras.Input(SHAPE),
            keras.Sequential([keras.layers.BatchNormalization()]),
            keras.layers.Flatten(),
            keras.layers.Dense(1),
        ]
    )
    with pytest.raises(ValueError, match="`critic` must hold no BatchNormalization"):
        wgan_gp_model(critic)


@pytest.mark.parametrize(
    "arguments,name",
    [
        ({"penalty_weight": -1.0}, "penalty_weight"),
        ({"critic_steps": 0}, "critic_steps"),
    ],
)
def test_bad_argument_is_named(arguments, name):
    with pytest.raises(ValueError, match=f"`{name}` must be .*Received: {name}="):
        wgan_gp_model(**arguments)
