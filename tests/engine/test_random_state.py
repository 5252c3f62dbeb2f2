"""The random numbers that belong to the process, not to a model."""

import keras
import numpy as np
import pytest

from keras_genmod import Autoencoder
from keras_genmod.engine.backend import load_random_state, random_state
from tests.contracts import array_of
from tests.models.small_networks import small_network

ON_TORCH = keras.backend.backend() == "torch"


def unseeded_draw():
    """Draws from what an unseeded `Dropout` draws from."""
    if ON_TORCH:
        import torch

        return torch.rand(8).numpy()
    return array_of(keras.random.uniform((8,)))


def autoencoder():
    return Autoencoder(small_network((3,), (2,)), small_network((2,), (3,)))


@pytest.mark.skipif(ON_TORCH, reason="torch has a global generator")
def test_there_is_none():
    assert random_state() == {}
    load_random_state({})


@pytest.mark.skipif(not ON_TORCH, reason="only torch has a global generator")
def test_is_put_back():
    state = random_state()
    first, other = unseeded_draw(), unseeded_draw()
    load_random_state(state)
    np.testing.assert_array_equal(unseeded_draw(), first)
    assert np.any(first != other)


@pytest.mark.skipif(not ON_TORCH, reason="only torch has a global generator")
def test_is_put_back_by_a_run_that_goes_on_and_by_no_other(tmp_path):
    autoencoder().save(tmp_path / "model.keras")
    saved = unseeded_draw()
    loaded = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    assert np.any(unseeded_draw() != saved)
    store = {}
    keras.utils.set_random_seed(3)
    autoencoder().save_own_variables(store)
    first = unseeded_draw()
    loaded.callbacks_in_fit = []  # as while `fit` puts a backup back
    loaded.load_own_variables(store)
    np.testing.assert_array_equal(unseeded_draw(), first)


def test_files_without_it_load(tmp_path):
    # A file of another backend holds no state of this one's.
    model = autoencoder()
    store = {}
    model.save_own_variables(store)
    foreign = {name: value for name, value in store.items() if "torch" not in name}
    model.load_own_variables(foreign)
