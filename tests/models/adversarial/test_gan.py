"""One step of a GAN, by hand."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_genmod import GAN

DATA = np.random.default_rng(0).random((7, 2)).astype("float32")
WEIGHTS = np.array([[1.5], [-0.7]])
BIAS = 0.2
FAKE = np.array([0.3, 0.8])  # what the generator makes of every latent
RATE = 0.5


def affine(inputs, outputs, labels=None):
    x = keras.Input((inputs,))
    if labels is None:
        return keras.Sequential([x, keras.layers.Dense(outputs)])
    label = keras.Input((labels,))
    joined = keras.layers.Concatenate()([x, label])
    return keras.Model([x, label], keras.layers.Dense(outputs)(joined))


def gan(**kwargs):
    """Returns an affine GAN whose generator has one image; its kernel stands still."""
    generator, discriminator = affine(3, 2), affine(2, 1)
    generator.set_weights([np.zeros((3, 2)), FAKE])
    discriminator.set_weights([WEIGHTS, np.array([BIAS])])
    generator.layers[-1].kernel.trainable = False
    model = GAN(generator, discriminator, latent_dim=3, seed=0, **kwargs)
    model.compile(keras.optimizers.SGD(RATE))
    return model


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


def slopes(name, real, fake):
    """Returns d loss / d score for real and fake scores, and for the generator."""
    if name == "least_squares":
        return real - 1.0, fake, lambda score: score - 1.0
    if name == "hinge":
        return -1.0 * (real < 1), 1.0 * (fake > -1), lambda score: -1.0
    generator = {
        "non_saturating": lambda score: sigmoid(score) - 1.0,  # d -log D
        "minimax": lambda score: -sigmoid(score),  # d log(1 - D)
    }
    return sigmoid(real) - 1.0, sigmoid(fake), generator[name]


def stepped(name, slices):
    """Returns weights, bias and image after a step of each network, by hand."""
    w, b = WEIGHTS[:, 0], BIAS
    for x in slices:
        of_real, of_fake, _ = slopes(name, x @ w + b, FAKE @ w + b)
        step_w = (of_real[:, None] * x).mean(axis=0) + of_fake * FAKE
        step_b = of_real.mean() + of_fake
        w, b = w - RATE * step_w, b - RATE * step_b
    of_generator = slopes(name, x @ w + b, FAKE @ w + b)[2]
    return w, b, FAKE - RATE * of_generator(FAKE @ w + b) * w


@pytest.mark.parametrize(
    "loss,steps",
    [("non_saturating", 3), ("minimax", 1), ("least_squares", 2), ("hinge", 1)],
)
def test_a_batch_takes_its_discriminator_steps_then_one_of_the_generator(loss, steps):
    model = gan(loss=loss, discriminator_steps=steps)
    model.fit(DATA, batch_size=7, epochs=1, shuffle=False, verbose=0)
    w, b, image = stepped(loss, [DATA[i::steps] for i in range(steps)])
    found = model.discriminator.get_weights()
    np.testing.assert_allclose(found[0][:, 0], w, rtol=1e-5)
    np.testing.assert_allclose(found[1], [b], rtol=1e-5)
    np.testing.assert_allclose(model.generator.get_weights()[1], image, rtol=1e-5)


@pytest.mark.parametrize("loss,boundary", [("hinge", 0.0), ("least_squares", 0.5)])
def test_accuracy_is_the_share_of_scores_on_the_right_side(loss, boundary):
    model = gan(loss=loss)
    # All fakes score 0.3 above or 0.2 below; real ones lie around the boundary.
    score = FAKE @ WEIGHTS[:, 0] + BIAS
    for shift in (boundary + 0.3 - score, boundary - 0.2 - score):
        model.discriminator.layers[-1].bias.assign([BIAS + shift])
        real = DATA @ WEIGHTS[:, 0] + BIAS + shift
        found = model.evaluate(DATA, verbose=0, return_dict=True)
        fake = float(score + shift < boundary)
        expected = {"real": np.mean(real > boundary), "fake": fake}
        for kind, value in expected.items():
            accuracy = found[f"discriminator_{kind}_accuracy"]
            np.testing.assert_allclose(accuracy, value, rtol=1e-6, err_msg=kind)


def test_label_reaches_both_networks():
    # G(z, y) = label row y, D(x, y) = x0 + x1 + score of y
    rows, scores = np.array([[0.1, 0.2], [0.6, 0.9]]), np.array([[2.0], [-3.0]])
    generator, discriminator = affine(3, 2, labels=2), affine(2, 1, labels=2)
    generator.set_weights([np.vstack([np.zeros((3, 2)), rows]), np.zeros(2)])
    discriminator.set_weights([np.vstack([np.ones((2, 1)), scores]), np.zeros(1)])
    model = GAN(generator, discriminator, 3, num_classes=2, loss="hinge", seed=0)
    labels = np.array([0, 1, 1])
    images = ops.convert_to_numpy(model.sample(3, condition=labels, seed=0))
    np.testing.assert_allclose(images, rows[labels], rtol=1e-6)
    found = ops.convert_to_numpy(model((DATA[:3], labels)))
    expected = DATA[:3].sum(axis=1) + scores[labels, 0]
    np.testing.assert_allclose(found[:, 0], expected, rtol=1e-5)
    model.compile()
    losses = model.evaluate(DATA[:3], labels, batch_size=3, verbose=0, return_dict=True)
    fake = rows[labels].sum(axis=1) + scores[labels, 0]
    np.testing.assert_allclose(losses["generator_loss"], -fake.mean(), rtol=1e-5)


def test_samples_are_images_of_standard_normal_latents():
    generator = affine(2, 2)
    generator.set_weights([np.eye(2), np.zeros(2)])
    model = GAN(generator, affine(2, 1), latent_dim=2, seed=0)
    latents = ops.convert_to_numpy(model.sample(5_000, seed=0))
    np.testing.assert_allclose(latents.mean(axis=0), 0.0, atol=0.05)
    np.testing.assert_allclose(np.cov(latents.T), np.eye(2), atol=0.07)


@pytest.mark.parametrize(
    "arguments,message",
    [
        ({"loss": "wasserstein"}, "`loss` must be one of .*Received: loss='wasser"),
        ({"discriminator_steps": 0}, "`discriminator_steps` must be .*Received"),
        ({"latent_dim": 2}, r"`generator` must map shape \(2,\)"),
        ({"num_classes": 2}, "`generator` must take the list"),
    ],
)
def test_bad_argument_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        GAN(affine(3, 2), affine(2, 1), **{"latent_dim": 3, **arguments})
