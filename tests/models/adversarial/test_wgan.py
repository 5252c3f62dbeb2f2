"""The critic's steps and its clipped weights."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_genmod import WGAN

RATE = 1e-3


def wgan(steps=3, clip=0.05, hidden=None):
    """Returns a WGAN whose generator makes zeros, and whose critic starts inside."""
    critic = keras.Sequential([keras.Input((2,))])
    if hidden:
        critic.add(keras.layers.Dense(hidden, activation="tanh"))
    critic.add(keras.layers.Dense(1))
    generator = keras.Sequential([keras.Input((1,)), keras.layers.Dense(2)])
    generator.set_weights([np.zeros((1, 2)), np.zeros(2)])
    generator.trainable = False
    return WGAN(generator, critic, latent_dim=1, critic_steps=steps, clip=clip, seed=0)


def data(size):
    return np.random.default_rng(0).normal(size=(size, 2)).astype("float32")


def test_each_slice_is_used_once():
    # f(x) = w.x: every step adds RATE times the mean of its slice to w. Slices of
    # unequal length tell this from steps on the whole batch or on one slice.
    model, x = wgan(steps=3, clip=10.0), data(7)
    model.critic.set_weights([np.zeros((2, 1)), np.zeros(1)])
    model.compile(keras.optimizers.SGD(RATE))
    model.fit(x, batch_size=7, epochs=1, shuffle=False, verbose=0)
    expected = RATE * sum(x[i::3].mean(axis=0) for i in range(3))
    found = model.critic.get_weights()[0][:, 0]
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_losses_are_the_distance_of_the_scores():
    model, x = wgan(hidden=4), data(8)
    scores = ops.convert_to_numpy(model.critic(x))
    of_zero = ops.convert_to_numpy(model.critic(np.zeros((1, 2), "float32")))
    distance = scores.mean() - of_zero.mean()
    model.compile()
    found = model.evaluate(x, batch_size=8, verbose=0, return_dict=True)
    np.testing.assert_allclose(found["wasserstein_distance"], distance, rtol=1e-4)
    np.testing.assert_allclose(found["critic_loss"], -distance, rtol=1e-4)
    np.testing.assert_allclose(found["generator_loss"], -of_zero.mean(), atol=1e-6)


def test_weights_lie_within_clip_after_fit():
    model = wgan(hidden=4, clip=0.05)
    assert max(np.abs(w).max() for w in model.critic.get_weights()) > 0.05
    model.compile(keras.optimizers.RMSprop(0.02))
    model.fit(data(18), batch_size=9, epochs=2, verbose=0)
    largest = [np.abs(w).max() for w in model.critic.get_weights()]
    np.testing.assert_allclose(max(largest), 0.05, rtol=1e-6)
    assert all(value <= 0.05 * (1 + 1e-6) for value in largest)


def test_clip_set_by_a_callback_acts_on_the_compiled_step_and_is_saved(tmp_path):
    model, largest = wgan(hidden=4, clip=0.05), []

    def lower(epoch, logs):
        largest.append(max(np.abs(w).max() for w in model.critic.get_weights()))
        model.clip = 0.02

    model.compile(keras.optimizers.RMSprop(0.02))
    callback = keras.callbacks.LambdaCallback(on_epoch_end=lower)
    model.fit(data(18), batch_size=9, epochs=2, callbacks=[callback], verbose=0)
    np.testing.assert_allclose(largest, [0.05, 0.02], rtol=1e-6)
    model.save(tmp_path / "wgan.keras")
    loaded = keras.models.load_model(tmp_path / "wgan.keras")
    assert loaded.get_config()["clip"] == pytest.approx(0.02)
    assert float(loaded.clip) == pytest.approx(0.02)


@pytest.mark.parametrize("clip", [0.0, -1.0, "small"])
def test_bad_clip_is_an_error(clip):
    with pytest.raises(ValueError, match="`clip` must be .*Received: clip="):
        wgan(clip=clip)
