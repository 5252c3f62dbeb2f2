"""Regularizers and activity losses of networks: each counts in its own objective.

Keras takes an activity loss as a mean over the batch.
"""

import keras
import numpy as np
import pytest

from keras_genmod import GAN, WGAN, WGANGP, CycleGAN

OF_WEIGHTS, OF_OUTPUTS = 0.3, 0.01
X = np.random.default_rng(0).random((5, 2)).astype("float32")
FAKE = np.array([0.3, 0.8])  # what the generator makes of every latent
WEIGHTS, BIAS = np.array([[0.6], [-0.7]]), 0.2
A, B = np.random.default_rng(1).random((2, 4, 2, 2, 1))


def regularized(layer, on):
    if not on:
        return layer
    layer.bias_regularizer = keras.regularizers.L2(OF_WEIGHTS)
    layer.kernel_regularizer = keras.regularizers.L2(OF_WEIGHTS)
    layer.activity_regularizer = keras.regularizers.L2(OF_OUTPUTS)
    return layer


def dense(inputs, outputs, weights, on):
    layer = regularized(keras.layers.Dense(outputs), on=on)
    network = keras.Sequential([keras.Input((inputs,)), layer])
    network.set_weights(weights)
    return network


def latent_model(model, on, rate=0.0):
    """Returns a model whose regularizers are `on`, or not there."""
    generator = dense(3, 2, [np.zeros((3, 2)), FAKE], on)
    scorer = dense(2, 1, [WEIGHTS, np.array([BIAS])], on)
    steps = {} if model is GAN else {"critic_steps": 1}
    model = model(generator, scorer, latent_dim=3, seed=0, **steps)
    model.compile(keras.optimizers.SGD(rate), run_eagerly=rate == 0)
    return model


def losses(model, data, training):
    """Returns the losses of one batch of all data."""
    data = keras.tree.map_structure(lambda x: x.astype("float32"), data)
    if not training:
        return model.evaluate(data, verbose=0, return_dict=True)
    history = model.fit(data, shuffle=False, verbose=0).history
    return {name: value[0] for name, value in history.items()}


def squares(*arrays):
    return sum(np.sum(np.square(array)) for array in arrays)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("model", [GAN, WGAN, WGANGP])
def test_losses_hold_what_their_own_network_adds(model, training):
    without, found = (
        losses(latent_model(model, on), X, training) for on in (False, True)
    )
    of_real, of_fake = X @ WEIGHTS + BIAS, FAKE @ WEIGHTS + BIAS
    scorer = "discriminator" if model is GAN else "critic"
    expected = {
        scorer: OF_WEIGHTS * squares(WEIGHTS, BIAS)
        + OF_OUTPUTS * (squares(of_real) / len(X) + squares(of_fake)),
        "generator": (OF_WEIGHTS + OF_OUTPUTS) * squares(FAKE),
    }
    for name, value in expected.items():
        added = found[f"{name}_loss"] - without[f"{name}_loss"]
        np.testing.assert_allclose(added, value, rtol=1e-4, err_msg=name)
    added = found["loss"] - without["loss"]
    np.testing.assert_allclose(added, sum(expected.values()), rtol=1e-4)


def test_what_a_network_adds_moves_its_weights():
    # By plain descent, the gradients of the added losses alone tell the two apart.
    rate = 0.1
    plain, moved = (latent_model(GAN, on, rate) for on in (False, True))
    for model in (plain, moved):
        model.fit(X, shuffle=False, verbose=0)
    difference = (
        moved.discriminator.get_weights()[0] - (plain.discriminator.get_weights()[0])
    )
    scores, fake = X @ WEIGHTS + BIAS, FAKE @ WEIGHTS + BIAS
    slope = (X.T @ scores)[:, 0] / len(X) + FAKE * fake
    slope = 2 * OF_WEIGHTS * WEIGHTS[:, 0] + 2 * OF_OUTPUTS * slope
    np.testing.assert_allclose(difference[:, 0], -rate * slope, rtol=1e-4)


LINES = {
    "generator_ab": (0.5, 0.2),
    "generator_ba": (0.8, 0.1),
    "discriminator_a": (1.5, -0.3),
    "discriminator_b": (-0.7, 0.4),
}


def line(name, x):
    return LINES[name][0] * x + LINES[name][1]


def cycle_gan(on):
    networks = {}
    for name, (factor, shift) in LINES.items():
        layer = regularized(keras.layers.Conv2D(1, 1), on=on)
        networks[name] = keras.Sequential([keras.Input((2, 2, 1)), layer])
        networks[name].set_weights([np.full((1, 1, 1, 1), factor), np.array([shift])])
    model = CycleGAN(**networks, seed=0)
    model.compile(keras.optimizers.SGD(0.0), run_eagerly=True)
    return model


def test_each_loss_of_cycle_gan_holds_what_its_networks_add():
    without, found = (losses(cycle_gan(on), (A, B), True) for on in (False, True))
    ab, ba, d_a, d_b = LINES
    fake_b, fake_a = line(ab, A), line(ba, B)
    outputs = {
        "generator": [
            *(line(ab, x) for x in (A, fake_a, B)),  # translated, back, kept
            *(line(ba, x) for x in (B, fake_b, A)),
        ],
        "discriminator_a": [line(d_a, A), line(d_a, fake_a)],
        "discriminator_b": [line(d_b, B), line(d_b, fake_b)],
    }
    weights = {"generator": [LINES[ab], LINES[ba]]}
    for name, arrays in outputs.items():
        value = OF_WEIGHTS * squares(*weights.get(name, [LINES.get(name)]))
        value += OF_OUTPUTS * squares(*arrays) / len(A)
        added = found[f"{name}_loss"] - without[f"{name}_loss"]
        np.testing.assert_allclose(added, value, rtol=1e-4, err_msg=name)
