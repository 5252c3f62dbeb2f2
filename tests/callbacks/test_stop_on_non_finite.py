"""Where training stops at a NaN, and what it says."""

import functools

import keras
import numpy as np
import pytest
from keras import ops

from keras_genmod import GAN, RBM, VAE
from keras_genmod.callbacks import Backup, StopOnNonFinite
from tests.contracts import array_of, assert_same_state, state_of
from tests.engine.two_players import TwoPlayers
from tests.models.small_networks import small_network

IMAGE = (2, 2, 1)
IMAGES = np.random.default_rng(0).random((12, *IMAGE)).astype("float32")
X = np.random.default_rng(1).normal(size=(12, 3)).astype("float32")
SIZE = 2  # of a batch: six batches an epoch


def vae():
    model = VAE(
        small_network(IMAGE, (4,)), small_network((2,), IMAGE), 2, likelihood="normal"
    )
    model.compile("adam")
    return model


def gan():
    networks = small_network((2,), IMAGE, "sigmoid"), small_network(IMAGE, (1,))
    model = GAN(*networks, latent_dim=2, seed=0)
    model.compile("adam")
    return model


def two_players():
    model = TwoPlayers(3)
    model.compile(keras.optimizers.SGD(0.1))
    return model


@functools.cache
def _compiled(make):
    model = make()
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    variables = [*model.variables, *model.optimizer.variables]
    return model, [(variable, array_of(variable)) for variable in variables]


def ready(make):
    """Returns a model as when it was made, whose step is compiled once for all."""
    model, start = _compiled(make)
    for variable, value in start:
        variable.assign(value)
    return model


class Spoil(keras.callbacks.Callback):
    """Puts a NaN into a weight before a batch of an epoch, and counts batches."""

    def __init__(self, variable=None, batch=0, epoch=0):
        super().__init__()
        self.variable, self.when, self.epoch = variable, (epoch, batch), 0
        self.batches = []

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_begin(self, batch, logs=None):
        if self.variable is not None and (self.epoch, batch) == self.when:
            assert self.model  # Keras attaches JAX's state where a callback asks for it
            value = array_of(self.variable)
            value.flat[0] = np.nan
            self.variable.assign(value)

    def on_train_batch_end(self, batch, logs=None):
        self.batches.append(batch)


def fit(model, x, *callbacks, epochs=2, **options):
    options = {"batch_size": SIZE, "shuffle": False, "verbose": 0, **options}
    model.fit(x, epochs=epochs, callbacks=list(callbacks), **options)


def stream(x, bad_batch):
    """Returns batches of which one holds a NaN: arrays would be checked before."""

    class Batches(keras.utils.PyDataset):
        def __len__(self):
            return len(x) // SIZE

        def __getitem__(self, i):
            batch = np.array(x[i * SIZE : (i + 1) * SIZE])
            if i == bad_batch:
                batch[0] = np.nan
            return (batch,)

    return Batches()


@pytest.mark.parametrize(
    "make,first", [(vae, "reconstruction"), (gan, "discriminator")]
)
@pytest.mark.parametrize("bad", [2, 5])
def test_nan_in_the_input_stops_at_its_batch(make, first, bad, capsys):
    stop, count = StopOnNonFinite(), Spoil()
    fit(ready(make), stream(IMAGES, bad), stop, count, batch_size=None)
    assert count.batches == list(range(bad + 1))
    assert stop.report.startswith(f"Epoch 1, batch {bad + 1}: training stops. Not fin")
    assert f"{first}_loss=nan" in stop.report or f"{first}=nan" in stop.report
    assert "All weights were finite before this batch." in stop.report
    assert "the data of this batch hold a NaN" in stop.report
    assert stop.report in capsys.readouterr().out


def test_the_first_objective_that_goes_wrong_is_named():
    model, stop = two_players(), StopOnNonFinite()
    fit(model, X, Spoil(model.second.kernel), stop)
    assert "second: second/kernel (1 of 3 values)" in stop.report
    model, stop = two_players(), StopOnNonFinite(largest=None)
    model.first.kernel.assign(np.full((3, 1), 1e30))
    model.second.kernel.assign(np.full((3, 1), 1e30))
    fit(model, X, stop)
    # The first loss is large, the second its square: too large for float32.
    assert "Not finite: second_loss=" in stop.report and "loss=" in stop.report
    assert "first_loss=" not in stop.report
    assert "It was the loss of 'second' that went wrong first" in stop.report


@pytest.mark.parametrize("make,network", [(vae, "decoder"), (gan, "generator")])
@pytest.mark.parametrize("epoch,batch", [(0, 0), (0, 3), (1, 0), (1, 5)])
def test_nan_in_a_weight_stops_within_a_batch(make, network, epoch, batch):
    model, stop = ready(make), StopOnNonFinite()
    variable = getattr(model, network).trainable_variables[0]
    spoil = Spoil(variable, batch, epoch)
    fit(model, IMAGES, spoil, stop)
    assert len(spoil.batches) == 6 * epoch + batch + 1
    assert stop.report.startswith(f"Epoch {epoch + 1}, before batch {batch + 1}: ")
    size = array_of(variable).size
    assert f"{network}: {variable.path} (1 of {size} values)." in stop.report
    assert "No loss was wrong before" in stop.report
    assert "Not finite" not in stop.report


def test_gradient_that_is_not_finite_is_told_from_a_loss():
    class Root(keras.layers.Layer):
        def call(self, x):
            return ops.sqrt(ops.square(x))  # finite at zero, without a slope

    inputs = keras.Input(IMAGE)
    x = keras.layers.Dense(1, kernel_initializer="zeros")(
        keras.layers.Flatten()(inputs)
    )
    judge = keras.Model(inputs, Root()(x))
    model = GAN(small_network((2,), IMAGE), judge, latent_dim=2, seed=0)
    model.compile("adam")
    stop, count = StopOnNonFinite(), Spoil()
    fit(model, IMAGES, count, stop)
    # The generator's loss is wrong in the same batch, of the discriminator's weights.
    assert count.batches == [0]
    assert "The gradient of 'discriminator' went wrong first" in stop.report


@pytest.mark.every_backend
def test_nan_hidden_from_the_loss_is_found():
    # TensorFlow's ReLU makes 0 of a NaN: only the weights show it.
    model, stop = gan(), StopOnNonFinite()
    dense = model.generator.layers[-2]
    dense.activation = keras.activations.relu
    spoil = Spoil(dense.bias, batch=1)
    fit(model, IMAGES, spoil, stop)
    assert spoil.batches == [0, 1] and "generator: " in stop.report


@pytest.mark.parametrize("every", [2, 4])
def test_fewer_looks_stop_later(every):
    model, stop = ready(gan), StopOnNonFinite(every)
    spoil = Spoil(model.generator.trainable_variables[0], batch=1)
    fit(model, np.repeat(IMAGES, 4, axis=0), spoil, stop)
    assert len(spoil.batches) <= 1 + every + 1
    assert stop.report.startswith(f"Epoch 1, before batch {every + 1}: ")
    assert "discriminator_loss=nan" in stop.report and "Weights" in stop.report


def test_last_batch_of_an_epoch_is_looked_at():
    stop = StopOnNonFinite(every=100)
    fit(ready(gan), stream(IMAGES, 5), stop, batch_size=None)
    assert stop.report.startswith("Epoch 1, at the end: training stops. Not finite: ")


@pytest.mark.skipif(
    keras.backend.backend() == "torch", reason="Keras has no such steps on torch"
)
def test_several_steps_per_execution_stop_together():
    model, count = gan(), Spoil()
    model.compile("adam", steps_per_execution=2)
    stop = StopOnNonFinite()
    fit(model, stream(IMAGES, 2), stop, count, batch_size=None)
    assert len(count.batches) == 2 and "discriminator_loss=nan" in stop.report


def rbm():
    model = RBM(4, 3, seed=0)
    model.compile("adam")
    return model


@pytest.mark.parametrize(
    "make,x", [(gan, IMAGES), (rbm, IMAGES.reshape(12, 4).round())]
)
def test_a_rate_far_too_high_is_noticed(make, x, tmp_path):
    # Sigmoids saturate: all losses stay finite.
    model, count = make(), Spoil()
    model.optimizer.learning_rate = 1e30
    stop = StopOnNonFinite()
    fit(model, x, Backup(tmp_path), stop, count)
    assert len(count.batches) <= 3
    assert "training stops. Weights that are not finite" in stop.report
    assert "or are beyond 1e+06: " in stop.report
    assert "the learning rate is too high" in stop.report
    assert "Not finite: " not in stop.report
    assert not list(tmp_path.glob("*.h5"))  # whichever stands first in the list


@pytest.mark.parametrize("largest,stops", [(None, False), (2.0, True), (3.0, False)])
def test_the_bound_is_the_callers(largest, stops):
    model, stop = two_players(), StopOnNonFinite(largest=largest)
    model.second.kernel.assign([[0.0], [-2.5], [0.0]])
    fit(model, X, stop, epochs=1)
    assert bool(stop.report) == stops
    assert not stops or "second: second/kernel (1 of 3 values)" in stop.report


def test_healthy_training_goes_on():
    model, stop, count = ready(vae), StopOnNonFinite(), Spoil()
    fit(model, IMAGES, stop, count, validation_data=(IMAGES, None))
    assert stop.report is None and len(count.batches) == 12


def test_overflow_in_float16_is_no_reason_to_stop(dtype_policy):
    dtype_policy("mixed_float16")
    model = TwoPlayers(3)
    model.first.kernel.assign(np.full((3, 1), 1e4))  # the scaled gradient overflows
    model.compile(keras.optimizers.SGD(1e-3))
    stop = StopOnNonFinite()
    fit(model, X / 10, stop, epochs=1)
    assert stop.report is None


@pytest.mark.parametrize("backup_first", [True, False])
@pytest.mark.parametrize("kind", ["input", "weight"])
def test_backup_keeps_the_state_before(kind, backup_first, tmp_path, capsys):
    def callbacks(*more):
        both = [Backup(tmp_path), StopOnNonFinite()]
        return (*(both if backup_first else both[::-1]), *more)

    model = ready(gan)
    fit(model, IMAGES, *callbacks(), epochs=1)
    before = state_of(model)
    capsys.readouterr()
    model = ready(gan)
    if kind == "input":
        fit(model, stream(IMAGES, 3), *callbacks(), batch_size=None, epochs=3)
    else:
        # Hidden from the losses of this epoch: it is in the weights alone.
        spoil = Spoil(model.discriminator.trainable_variables[0], batch=5, epoch=1)
        fit(model, IMAGES, *callbacks(spoil), epochs=3)
    assert "Epoch 2 is not backed up" in capsys.readouterr().out
    restarted = ready(gan)
    fit(restarted, IMAGES, Backup(tmp_path), epochs=1)
    assert_same_state(state_of(restarted), before)


def test_numbers_are_checked():
    with pytest.raises(ValueError, match="`every` must be"):
        StopOnNonFinite(every=0)
    for largest in (0, float("inf"), "1e6"):
        with pytest.raises(ValueError, match="`largest` must be"):
            StopOnNonFinite(largest=largest)
