"""Private names of Keras: all there, in the version that they were checked with."""

import keras
import numpy as np
import pytest
from keras.src.optimizers import base_optimizer
from keras.src.saving import saving_lib

from keras_genmod.engine.keras_internals import (
    CHECKED_WITH,
    adam_slots,
    is_called_by_fit,
    kind_of_update,
    model_in_fit,
    num_calls,
    replace_update,
    sublayers,
)

HINT = (
    f"engine/keras_internals.py was checked with Keras {CHECKED_WITH}; this is "
    f"{keras.__version__}, which names it otherwise"
)


def trained():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(use_ema=True), loss="mse")
    model.fit(np.zeros((2, 2)), np.zeros((2, 1)), verbose=0)
    return model


@pytest.fixture(scope="module")
def model():
    return trained()


def test_optimizers_have_their_names(model):
    for name in (
        "_trainable_variables",
        "_model_variables_moving_average",
        "_iterations",
    ):
        assert hasattr(model.optimizer, name), HINT


def test_models_have_their_names(model):
    assert sublayers(model)[-1] is model.layers[-1], HINT
    for name in ("_initial_epoch", "_build_shapes_dict", "_called", "_loss_tracker"):
        assert hasattr(model, name), HINT
    assert num_calls(model.layers[-1]) == 1, HINT


def test_callbacks_have_their_names(model):
    callback = keras.callbacks.Callback()
    callback.set_model(model)
    assert model_in_fit(callback) is model, HINT


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="our branches on torch")
def test_branches_and_draws_on_torch_have_their_names():
    from keras.src.backend.torch import core, random

    from keras_genmod.engine import torch_branches

    assert core.cond.func is torch_branches.choose, HINT
    calls = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(core, "cond", lambda *sides: calls.append(sides))
        keras.ops.cond(True, int, float)
    assert calls == [(True, int, float)], HINT
    assert hasattr(random, "torch_seed_generator"), HINT
    modules = [kind.__module__ for kind in keras.optimizers.SGD.__mro__]
    assert base_optimizer.__name__ in modules, HINT


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="our updates on torch")
def test_optimizers_on_torch_have_their_names(model):
    variables = model.trainable_variables
    assert replaced(model.optimizer) == "SGD", HINT
    adam = keras.optimizers.Adam()
    adam.build(variables)
    assert replaced(adam) == "Adam", HINT
    moments, velocities = adam_slots(adam, variables)
    assert len(moments) == len(velocities) == len(variables), HINT


def replaced(optimizer):
    """Lets an optimizer take another update; returns the kind of its own."""
    kind = kind_of_update(optimizer)
    replace_update(optimizer, optimizer._parallel_update_step)
    return kind


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="names of JAX' trainer")
def test_the_trainer_of_jax_has_its_names(model):
    for name in (
        "_get_jax_state",
        "_jax_state",
        "_jax_state_synced",
        "jax_state_sync",
    ):
        assert hasattr(model, name), HINT


def test_saving_has_its_names():
    for name in ("H5IOStore", "_save_state", "safe_get_h5_dataset"):
        assert hasattr(saving_lib, name), HINT


def test_fit_evaluates_under_its_name(monkeypatch):
    seen = []
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", loss="mse")
    evaluate = model.evaluate
    x, y = np.zeros((2, 2)), np.zeros((2, 1))

    def noted(*args, **kwargs):
        seen.append(is_called_by_fit(kwargs))
        return evaluate(*args, **kwargs)

    monkeypatch.setattr(model, "evaluate", noted)
    model.fit(x, y, validation_data=(x, y), verbose=0)
    assert seen == [True], HINT
