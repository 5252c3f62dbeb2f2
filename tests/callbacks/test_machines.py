"""Callbacks of Boltzmann machines: longer chains, and the gap of free energies."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_genmod import DBN, RBM
from keras_genmod.callbacks import Backup, FreeEnergyGap, GibbsSteps
from tests.callbacks.small_models import vae
from tests.contracts import array_of, assert_same_state, state_of

X = np.random.default_rng(0).integers(0, 2, (8, 4)).astype("float32")


def rbm(num_gibbs_steps=1, **kwargs):
    model = RBM(4, 3, num_gibbs_steps=num_gibbs_steps, seed=0, **kwargs)
    model.compile(keras.optimizers.SGD(0.5))
    return model


def fit(model, epochs, *callbacks, **kwargs):
    options = {"epochs": epochs, "batch_size": 8, "verbose": 0, "shuffle": False}
    return model.fit(X, callbacks=list(callbacks), **{**options, **kwargs})


class TestGibbsSteps:
    def test_epochs_are_those_of_machines_with_that_many_steps(self, tmp_path):
        growing, steps = rbm(), {"batch_size": 1}  # enough for torch to trace them
        fit(growing, 3, GibbsSteps({1: 4}), **steps)
        assert growing.num_gibbs_steps == growing.get_config()["num_gibbs_steps"] == 4
        fit(rbm(1), 1, Backup(tmp_path), **steps)
        then = rbm(4)
        fit(then, 3, Backup(tmp_path), **steps)
        assert_same_state(state_of(growing), state_of(then))

    def test_it_follows_the_epoch_that_a_run_goes_on_from(self):
        model = rbm()
        fit(model, 6, GibbsSteps({0: 1, 2: 3, 4: 5}), initial_epoch=5)
        assert model.num_gibbs_steps == 5

    def test_before_the_first_epoch_the_steps_are_the_models(self):
        model = rbm(2)
        fit(model, 1, GibbsSteps({7: 3}))
        assert model.num_gibbs_steps == 2

    def test_the_steps_of_a_dbn_are_those_of_its_top(self):
        model = DBN([4, 3, 2], num_gibbs_steps=2, seed=0)
        assert model.top.num_gibbs_steps == 2
        model.num_gibbs_steps = 6
        assert model.top.num_gibbs_steps == model.get_config()["num_gibbs_steps"] == 6
        assert [pair.num_gibbs_steps for pair in model._pairs(False)] == [6, 6]

    @pytest.mark.any_backend
    @pytest.mark.parametrize("schedule", [{}, 3, {-1: 2}, {0: 0}, {0: 1.5}])
    def test_what_is_no_schedule_is_refused(self, schedule):
        with pytest.raises(ValueError, match="`schedule"):
            GibbsSteps(schedule)

    @pytest.mark.any_backend
    def test_a_model_without_chains_is_refused(self):
        with pytest.raises(ValueError, match=r"of a Boltzmann machine.*VAE"):
            vae().fit(np.zeros((4, 4, 4, 1)), callbacks=[GibbsSteps({0: 1})])


class TestFreeEnergyGap:
    def test_it_is_the_difference_of_log_likelihoods(self):
        model = rbm()
        history = fit(model, 2, FreeEnergyGap(X[:3], X[3:])).history
        log_prob = array_of(ops.convert_to_tensor(model.log_prob(X)))
        expected = log_prob[3:].mean() - log_prob[:3].mean()
        assert len(history["free_energy_gap"]) == 2
        assert history["free_energy_gap"][-1] == pytest.approx(expected, abs=1e-4)

    def test_early_stopping_takes_it(self):
        stop = keras.callbacks.EarlyStopping("free_energy_gap", mode="min")
        history = fit(rbm(), 5, FreeEnergyGap(X, X), stop).history
        # The same data: no gap, which does not get smaller.
        assert history["free_energy_gap"] == [0.0, 0.0]

    @pytest.mark.any_backend
    def test_all_examples_count(self):
        model = rbm()
        gap = FreeEnergyGap(np.concatenate([np.zeros((1000, 4)), np.ones((500, 4))]), X)
        gap.set_model(model)
        found = array_of(model.free_energy(np.array([[0.0] * 4, [1.0] * 4])))
        expected = (2 * found[0] + found[1]) / 3
        assert gap._mean(gap.x_val) == pytest.approx(expected, rel=1e-6)

    @pytest.mark.any_backend
    def test_what_it_cannot_score_is_refused(self):
        with pytest.raises(ValueError, match="`x_train` must hold examples"):
            FreeEnergyGap(X, X[:0])
        with pytest.raises(ValueError, match="`x_val`"):
            fit(rbm(), 1, FreeEnergyGap(X[:, :2], X))
        with pytest.raises(ValueError, match=r"with a `free_energy`.*VAE"):
            vae().fit(np.zeros((4, 4, 4, 1)), callbacks=[FreeEnergyGap(X, X)])
