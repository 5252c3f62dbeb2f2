"""A train step of several objectives: who learns from what."""

import types

import keras
import numpy as np
import pytest

from keras_genmod.engine.slices import batch_slices
from tests.engine.two_players import TwoPlayers, trained, weights

X = np.array([[1.0, 2.0, 0.0], [3.0, 0.0, -1.0]], "float32")


@pytest.mark.parametrize("steps", [1, 2, 3, 4])
@pytest.mark.parametrize("size", [4, 5, 7, 8])
def test_slices_hold_every_example_once(size, steps):
    objective = types.SimpleNamespace(name="first", steps=steps)
    batch = (np.arange(size), {"labels": -np.arange(size)})
    slices = list(batch_slices(batch, objective))
    assert len(slices) == steps
    sizes = [len(x) for x, _ in slices]
    assert max(sizes) - min(sizes) <= 1
    for x, y in slices:
        np.testing.assert_array_equal(x, -y["labels"])
    assert sorted(np.concatenate([x for x, _ in slices])) == list(range(size))


@pytest.mark.parametrize("size,steps", [(6, 3), (7, 3), (5, 5)])
def test_each_example_trains_once(size, steps):
    # Example i alone moves weight i, by 1 / (size of its slice).
    model = trained(TwoPlayers(size, steps), np.eye(size, dtype="float32"))
    sizes = [len(range(size)[i % steps :: steps]) for i in range(size)]
    np.testing.assert_allclose(weights(model.first), -1 / np.array(sizes), rtol=1e-6)


@pytest.mark.parametrize("known_size", [True, False])
def test_batch_smaller_than_steps_is_refused(known_size):
    model = TwoPlayers(3, steps=4)
    model.compile("sgd")
    with pytest.raises(Exception, match="must hold at least 4 examples"):
        if known_size:
            model.train_on_batch(np.ones((3, 3), "float32"))
        else:
            stream = ((np.ones((size, 3), "float32"),) for size in (8, 3))
            model.fit(stream, shuffle=False, verbose=0)


@pytest.mark.parametrize(
    "options,last", [({}, 3), ({"validation_split": 0.25}, 1), ({"batch_size": 16}, 11)]
)
def test_last_batch_that_is_too_small_is_told_before_training(options, last):
    model = TwoPlayers(3, steps=12)
    model.compile("sgd")
    x = np.ones((11, 3), "float32")
    options = {"batch_size": 4 if last == 3 else 7, **options}
    with pytest.raises(ValueError, match=f"`batch_size` must.*the last {last} of"):
        model.fit(x, verbose=0, **options)
    assert not np.any(weights(model.first))


def test_last_batch_that_is_never_reached_may_be_small():
    model = TwoPlayers(3, steps=4)
    model.compile("sgd")
    model.fit(np.ones((11, 3)), batch_size=8, steps_per_epoch=1, verbose=0)


def test_each_network_follows_its_own_loss():
    model = trained(TwoPlayers(3), X)
    w = -X.mean(axis=0)
    np.testing.assert_allclose(weights(model.first), w, rtol=1e-6)
    # The second sees the first network after its step.
    v = -((X @ w + 1)[:, None] * X).mean(axis=0)
    np.testing.assert_allclose(weights(model.second), v, rtol=1e-5)


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.skipif(
    keras.backend.backend() == "torch", reason="torch.compile has its own slow tests"
)
def test_later_networks_see_all_steps_of_the_first(jit_compile):
    x = np.arange(12, dtype="float32").reshape(4, 3) / 10
    model = trained(TwoPlayers(3, steps=2), x, jit_compile=jit_compile)
    w = -x[::2].mean(axis=0) - x[1::2].mean(axis=0)
    np.testing.assert_allclose(weights(model.first), w, rtol=1e-5)
    v = -((x @ w + 1)[:, None] * x).mean(axis=0)
    np.testing.assert_allclose(weights(model.second), v, rtol=1e-4)


@pytest.mark.parametrize("still", ["first", "second"])
def test_one_network_does_not_move_for_the_other(still):
    rates = {"first": 1.0, "second": 1.0, still: 0.0}
    optimizer = {name: keras.optimizers.SGD(rate) for name, rate in rates.items()}
    model = trained(TwoPlayers(3), X, optimizer=optimizer)
    moved = {name: np.any(weights(getattr(model, name)) != 0) for name in rates}
    assert moved == {name: name != still for name in rates}


def test_passed_on_value_is_that_of_the_first_objective():
    # Made before the first network's step, its weights are zero: the factor is 1.
    model = trained(TwoPlayers(3, passes_on=True), X)
    np.testing.assert_allclose(weights(model.second), -X.mean(axis=0), rtol=1e-6)


def test_passed_on_value_has_no_gradient():
    alone = trained(TwoPlayers(3), X, epochs=3)
    passing = trained(TwoPlayers(3, passes_on=True, shares=True), X, epochs=3)
    np.testing.assert_array_equal(weights(passing.first), weights(alone.first))


def test_passed_on_value_reaches_evaluation():
    model = trained(TwoPlayers(3, passes_on=True), X)
    logs = model.evaluate(X, verbose=0, return_dict=True)
    w, v = weights(model.first), weights(model.second)
    expected = ((X @ w + 1) * (X @ v)).mean()
    np.testing.assert_allclose(logs["second_loss"], expected, rtol=1e-5)


def test_logs_hold_each_loss_and_the_sum():
    model = trained(TwoPlayers(3), X)
    logs = model.evaluate(X, verbose=0, return_dict=True)
    assert set(logs) == {"loss", "first_loss", "second_loss"}
    total = logs["first_loss"] + logs["second_loss"]
    np.testing.assert_allclose(logs["loss"], total, rtol=1e-5)
    np.testing.assert_allclose(
        logs["first_loss"], (X @ weights(model.first)).mean(), rtol=1e-5
    )


@pytest.mark.parametrize("steps", [1, 2])
def test_losses_of_slices_are_averaged_over_examples(steps):
    x = np.arange(15, dtype="float32").reshape(5, 3)
    still = {name: keras.optimizers.SGD(0.0) for name in ("first", "second")}
    model = TwoPlayers(3, steps)
    model.first.kernel.assign(np.ones((3, 1)))
    model.compile(still)
    logs = model.fit(x, batch_size=5, shuffle=False, verbose=0).history
    np.testing.assert_allclose(logs["first_loss"], x.sum(axis=1).mean(), rtol=1e-5)
    # The sum holds an objective's loss once, however many steps it takes.
    slices = [x[i::steps].sum(axis=1).mean() for i in range(steps)]
    np.testing.assert_allclose(logs["loss"], np.mean(slices), rtol=1e-5)


@pytest.mark.parametrize("compiled", [True, False])
def test_nan_stops_training_within_a_batch(compiled):
    x = np.ones((10, 3), "float32")
    x[4] = np.nan  # in the third of five batches
    finished = []
    callbacks = [
        keras.callbacks.TerminateOnNaN(),
        keras.callbacks.LambdaCallback(
            on_train_batch_end=lambda batch, logs: finished.append(batch)
        ),
    ]
    options = {"callbacks": callbacks, "run_eagerly": not compiled}
    trained(TwoPlayers(3), x, batch_size=2, **options)
    assert finished == [0, 1, 2]


@pytest.mark.skipif(
    keras.backend.backend() == "torch", reason="Keras has no such steps on torch"
)
def test_several_steps_per_execution_equal_single_ones():
    x = np.random.default_rng(0).normal(size=(12, 3)).astype("float32")
    first, second = (
        trained(TwoPlayers(3, steps=2), x, batch_size=2, steps_per_execution=n)
        for n in (1, 2)
    )
    for name in ("first", "second"):
        np.testing.assert_allclose(
            weights(getattr(first, name)), weights(getattr(second, name)), rtol=1e-5
        )


@pytest.mark.skipif(
    keras.backend.backend() != "torch", reason="JAX and TensorFlow can do it"
)
def test_several_steps_per_execution_are_refused_by_keras():
    model = TwoPlayers(3)
    with pytest.raises(ValueError, match="steps_per_execution"):
        trained(model, X, batch_size=1, steps_per_execution=2)
