"""Averages of weights: what they are, where they are used, how a run resumes."""

import shutil

import keras
import numpy as np
import pytest

from keras_genmod import GAN, VAE, CycleGAN
from keras_genmod.callbacks import Backup, ExponentialMovingAverage
from tests.contracts import (
    array_of,
    assert_same_state,
    start_process,
    state_of,
    torch_param,
)
from tests.engine.two_players import TwoPlayers, weights
from tests.models.small_networks import small_network

MOMENTUM = 0.5
X = np.array([[1.0, 2.0, 0.0], [3.0, 0.0, -1.0]], "float32")
IMAGES = np.random.default_rng(0).random((8, 2, 2, 1)).astype("float32")


def averaging(rate=0.05, make=keras.optimizers.SGD, **options):
    return make(rate, use_ema=True, ema_momentum=MOMENTUM, **options)


def two_players(rate=0.1, **options):
    model = TwoPlayers(3)
    model.compile(
        {"first": averaging(rate), "second": keras.optimizers.SGD(0.0)}, **options
    )
    return model


def gan(generator_ema=True):
    model = GAN(
        small_network((2,), (2, 2, 1), "sigmoid"),
        small_network((2, 2, 1), (1,)),
        latent_dim=2,
        seed=0,
    )
    adam = keras.optimizers.Adam
    optimizer = averaging(make=adam) if generator_ema else adam()
    model.compile({"discriminator": adam(0.05), "generator": optimizer})
    return model


def vae():
    return VAE(small_network((2, 2, 1), (4,)), small_network((2,), (2, 2, 1)), 2)


class Look(keras.callbacks.Callback):
    """Keeps what other callbacks see."""

    def __init__(self, look):
        super().__init__()
        self.look = look
        self.seen = {"epoch_begin": [], "batch": [], "test": [], "epoch": []}

    def on_epoch_begin(self, epoch, logs=None):
        self.seen["epoch_begin"].append(self.look())

    def on_train_batch_begin(self, batch, logs=None):
        assert self.model  # Keras attaches JAX's state where a callback asks for it
        self.seen["batch"].append(self.look())

    def on_test_begin(self, logs=None):
        self.seen["test"].append(self.look())

    def on_epoch_end(self, epoch, logs=None):
        self.seen["epoch"].append(self.look())


def fit(model, x, *callbacks, epochs=3, **options):
    options = {"batch_size": len(x), "shuffle": False, "verbose": 0, **options}
    return model.fit(x, epochs=epochs, callbacks=list(callbacks), **options)


def kernels(num_steps, rate=0.1):
    """Returns weights and averages after each step of `TwoPlayers`, by NumPy.

    The gradient of the first loss is the mean example, whatever the weights.
    """
    steps = -rate * np.arange(1, num_steps + 1)[:, None] * X.mean(axis=0)
    averages = [steps[0]]
    for step in steps[1:]:
        averages.append(MOMENTUM * averages[-1] + (1 - MOMENTUM) * step)
    return steps, np.array(averages)


@pytest.mark.every_backend
def test_average_is_the_closed_form_wherever_it_is_used():
    model = two_players()
    look = Look(lambda: weights(model.first))
    average = ExponentialMovingAverage(["first"])
    fit(model, X, average, look, validation_data=(X,))
    steps, averages = kernels(3)
    close = {"rtol": 1e-5, "atol": 1e-7}
    np.testing.assert_allclose(look.seen["epoch"], averages, **close)
    np.testing.assert_allclose(look.seen["test"], averages, **close)
    trained = [np.zeros(3), *steps[:2]]
    np.testing.assert_allclose(look.seen["epoch_begin"], trained, **close)
    np.testing.assert_allclose(look.seen["batch"], trained, **close)
    np.testing.assert_allclose(weights(model.first), averages[-1], **close)


@pytest.mark.skipif(
    keras.backend.backend() == "torch", reason="Keras has no such steps on torch"
)
def test_average_counts_every_step_of_an_execution():
    model = two_players(steps_per_execution=2)
    x = np.repeat(X.mean(axis=0, keepdims=True), 4, axis=0)
    fit(model, x, ExponentialMovingAverage(), epochs=1, batch_size=1)
    expected = kernels(4)[1][-1]
    np.testing.assert_allclose(weights(model.first), expected, rtol=1e-5, atol=1e-7)


def test_validation_measures_the_averages():
    model = two_players()
    history = fit(model, X, ExponentialMovingAverage(), validation_data=(X,)).history
    expected = (kernels(3)[1] @ X.T).mean(axis=1)
    np.testing.assert_allclose(history["val_first_loss"], expected, rtol=1e-5)


@pytest.mark.every_backend
def test_samples_at_epoch_end_come_from_the_averages():
    model = gan()
    look = Look(lambda: array_of(model.sample(4, seed=0)))
    fit(model, IMAGES, ExponentialMovingAverage("generator"), look, batch_size=4)
    np.testing.assert_array_equal(look.seen["epoch"][-1], model.sample(4, seed=0))
    assert np.any(look.seen["epoch"][0] != look.seen["epoch_begin"][1])


def test_networks_that_are_not_chosen_keep_their_weights():
    def compiled():
        model = vae()
        model.compile(averaging(make=keras.optimizers.Adam))
        return model

    start_process(1)
    plain = compiled()
    seen = Look(lambda: plain.encoder.get_weights() + plain.decoder.get_weights())
    fit(plain, IMAGES, seen, epochs=2)
    start_process(1)
    model = compiled()
    look = Look(lambda: model.encoder.get_weights() + model.decoder.get_weights())
    fit(model, IMAGES, ExponentialMovingAverage("decoder"), look, epochs=2)
    encoder = len(model.encoder.weights)
    for i, (w, expected) in enumerate(
        zip(look.seen["epoch"][0], seen.seen["epoch"][0], strict=True)
    ):
        # An average of one step is the weight itself.
        np.testing.assert_array_equal(w, expected)
        later = look.seen["epoch"][1][i], seen.seen["epoch"][1][i]
        assert np.array_equal(*later) == (i < encoder)


@pytest.mark.every_backend
def test_checkpoint_holds_the_averages(tmp_path):
    path = tmp_path / "model.keras"
    model = gan()
    checkpoint = keras.callbacks.ModelCheckpoint(path)
    fit(model, IMAGES, ExponentialMovingAverage(), checkpoint)
    loaded = keras.saving.load_model(path)
    for variable, value in zip(loaded.variables, model.variables, strict=True):
        np.testing.assert_array_equal(variable, value)
    samples = [array_of(m.sample(4, seed=0)) for m in (loaded, model)]
    np.testing.assert_array_equal(*samples)


@pytest.mark.every_backend
@pytest.mark.parametrize("backup_first", [True, torch_param(False)])
def test_resumed_run_equals_a_straight_one(backup_first, tmp_path):
    def run(model, folder, epochs):
        callbacks = [Backup(folder), ExponentialMovingAverage(["generator"])]
        look = Look(lambda: array_of(model.sample(2, seed=0)))
        callbacks = callbacks if backup_first else callbacks[::-1]
        fit(model, IMAGES, *callbacks, look, epochs=epochs, batch_size=4)
        return look.seen["epoch"]

    start_process(1)
    straight = gan()
    pictures = run(straight, tmp_path / "straight", 4)
    start_process(1)
    run(gan(), tmp_path / "halves", 2)
    start_process(2)
    resumed = gan()
    assert len(run(resumed, tmp_path / "halves", 4)) == 2
    assert_same_state(state_of(resumed), state_of(straight))
    # The next two epochs too: the backup holds the weights that train.
    for folder in ("straight", "halves"):
        shutil.copytree(tmp_path / folder, tmp_path / f"{folder}_copy")
    more = run(resumed, tmp_path / "halves", 5)
    start_process(3)
    np.testing.assert_array_equal(more, run(gan(), tmp_path / "straight", 5))
    assert len(pictures) == 4


def test_looking_at_averages_changes_no_training():
    def generators(*callbacks):
        start_process(1)
        model = gan()
        look = Look(lambda: array_of(model.generator.trainable_variables[0]))
        fit(model, IMAGES, *callbacks, look, epochs=4)
        return look.seen["batch"]

    averages = ExponentialMovingAverage()
    np.testing.assert_array_equal(generators(averages), generators())


def test_second_fit_starts_from_the_averages():
    model = two_players()
    average = ExponentialMovingAverage()
    fit(model, X, average)
    look = Look(lambda: weights(model.first))
    fit(model, X, average, look)
    last = kernels(3)[1][-1]
    np.testing.assert_allclose(look.seen["batch"][0], last, rtol=1e-5, atol=1e-7)


def test_fit_after_an_interrupt():
    model = two_players()
    average = ExponentialMovingAverage()

    def interrupt(epoch, logs):
        raise KeyboardInterrupt

    interrupting = keras.callbacks.LambdaCallback(on_epoch_end=interrupt)
    with pytest.raises(KeyboardInterrupt):
        fit(model, X, average, interrupting)
    look = Look(lambda: weights(model.first))
    fit(model, X, average, look, epochs=1)
    np.testing.assert_allclose(look.seen["batch"][0], kernels(1)[1][0], rtol=1e-5)


def test_evaluate_with_the_callback():
    model = two_players()
    average = ExponentialMovingAverage()
    before = model.evaluate(X, verbose=0, callbacks=[average])
    assert before == [0.0] * 3  # nothing is averaged yet
    fit(model, X)
    after = weights(model.first)
    model.evaluate(X, verbose=0, callbacks=[average])
    np.testing.assert_array_equal(weights(model.first), after)


def test_float16_averages_what_the_inner_optimizer_keeps(dtype_policy):
    dtype_policy("mixed_float16")
    model = two_players()
    assert hasattr(model.optimizer["first"], "inner_optimizer")
    fit(model, X / 10, ExponentialMovingAverage(["first"]))  # no overflow
    expected = kernels(3)[1][-1] / 10
    np.testing.assert_allclose(weights(model.first), expected, rtol=1e-2)


def test_network_of_an_objective_of_two():
    networks = [small_network((2, 2, 1), (2, 2, 1), "sigmoid") for _ in range(2)]
    judges = [small_network((2, 2, 1), (1,)) for _ in range(2)]
    model = CycleGAN(*networks, *judges, pool_size=0, seed=0)
    model.compile(averaging())
    look = Look(lambda: [array_of(n.trainable_variables[0]) for n in networks])
    fit(model, (IMAGES, IMAGES), ExponentialMovingAverage(["generator_ab"]), look)
    shown, trained = look.seen["epoch"][1], look.seen["epoch_begin"][2]
    assert np.any(trained[0] != shown[0])
    np.testing.assert_array_equal(trained[1], shown[1])


@pytest.mark.parametrize(
    "make,networks,message",
    [
        (lambda: gan(False), ["generator"], '"discriminator": keras.optimizers.Adam()'),
        (lambda: gan(False), None, "`model.compile.{.*use_ema=True"),
        (gan, ["discriminator"], '"discriminator": .*use_ema=True'),
        (gan, ["encoder"], "`networks` must name networks of GAN.*'encoder'"),
        (gan, ["latent_dim"], "`networks` must name networks of GAN.*'latent_dim'"),
    ],
)
def test_what_cannot_be_averaged_is_refused_before_training(make, networks, message):
    model = make()
    with pytest.raises(ValueError, match=message):
        fit(model, IMAGES, ExponentialMovingAverage(networks))
    assert not int(model.optimizer.iterations)


def test_single_optimizer_without_averages_is_refused():
    model = vae()
    model.compile("adam")
    line = r"`model.compile\(keras.optimizers.Adam\(use_ema=True, ema_momentum=0.999\)"
    with pytest.raises(ValueError, match=line):
        fit(model, IMAGES, ExponentialMovingAverage())
