"""Machines of NaN weights draw NaN; data out of range have no loss."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_genmod import DBM, DBN, RBM, BoltzmannMachine, EnergyModel
from keras_genmod.distributions import Bernoulli
from tests.contracts import array_of, slow_on_jax
from tests.models.small_networks import small_network

CATEGORICAL = {"visible": "categorical", "num_categories": 3}
MACHINES = {
    "rbm": lambda: RBM(4, 3, num_gibbs_steps=2, seed=0),
    "persistent": lambda: RBM(4, 3, persistent=True, num_chains=2, seed=0),
    "tempered": lambda: RBM(4, 3, persistent=True, num_chains=2, num_temperatures=3),
    "normal": lambda: RBM(4, 3, visible="normal", seed=0),
    "categorical": lambda: RBM(4, 3, **CATEGORICAL, seed=0),
    "units": lambda: BoltzmannMachine(4, 1, num_chains=2, seed=0),
    "exact": lambda: BoltzmannMachine(4, statistics="exact", seed=0),
    "blocks": lambda: BoltzmannMachine(4, couplings_mask=_ring(), seed=0),
    "dbm": lambda: DBM([4, 3, 2], num_chains=2, seed=0),
    "dbn": lambda: DBN([4, 3, 2], seed=0),
    "energy": lambda: EnergyModel(
        small_network((4,), (1,)), num_langevin_steps=1, data_range=(0, 1), seed=0
    ),
}


def _ring():
    ring = np.roll(np.eye(4, dtype=int), 1, axis=1)
    return ring + ring.T


def test_bernoulli_draws_of_nan_are_nan():
    draws = array_of(Bernoulli(np.array([[np.nan, 30.0, -30.0]])).sample(0))
    np.testing.assert_array_equal(draws, [[np.nan, 1.0, 0.0]])


@pytest.mark.parametrize("kind", MACHINES)
def test_weights_of_nan_draw_nan(kind):
    model = MACHINES[kind]()
    for weight in model.trainable_variables:
        weight.assign(np.full(weight.shape, np.nan))
    assert np.isnan(array_of(model.sample(3, seed=0, num_steps=2))).all()
    if "persistent" in kind or "tempered" in kind:
        x = np.zeros((2, 4), "float32")
        assert np.isnan(array_of(model.call(x, training=True)["chain"])).all()
        assert np.isnan(array_of(model.chain_fields)).all()


def good_data(kind):
    x = np.array([[0, 1, 1, 0], [1, 0, 1, 1], [0, 0, 0, 1]])
    return np.eye(3, dtype="float32")[x] if kind == "categorical" else x + 0.0


def losses(model, x):
    """Returns the loss of each example, as `compute_loss` averages it."""
    x = ops.convert_to_tensor(x.astype("float32"))
    outputs, found = model.call(x), []
    for i in range(len(x)):
        weight = ops.convert_to_tensor(np.eye(len(x), dtype="float32")[i])
        loss = model.compute_loss(y_pred=outputs, sample_weight=weight)
        found.append(float(array_of(loss)))
    return np.array(found)


@slow_on_jax  # which compiles each operation; the formulas are the same
@pytest.mark.parametrize("kind", [kind for kind in MACHINES if kind != "tempered"])
@pytest.mark.parametrize("wrong", [-1.0, 2.0, 255.0, 0.5, np.nan])
def test_data_out_of_range_have_no_loss(kind, wrong):
    model, x = MACHINES[kind](), good_data(kind)
    assert np.isfinite(losses(model, x)).all()
    x[1, 2] = wrong
    found = losses(model, x)
    # Grey values are probabilities, but for a machine whose data lie on levels.
    greys = not isinstance(model, BoltzmannMachine) and kind != "categorical"
    fine = np.isfinite(wrong) if kind == "normal" else wrong == 0.5 and greys
    if fine:
        assert np.isfinite(found).all()
    else:
        assert np.isnan(found).any()


@pytest.mark.parametrize("kind", [k for k in MACHINES if k not in ("normal", "energy")])
@pytest.mark.parametrize("wrong", [-1.0, np.nan])
def test_wrong_data_are_not_remembered(kind, wrong):
    model, x = MACHINES[kind](), good_data(kind)
    memory = model.top if isinstance(model, DBN) else model
    spoilt = x.copy()
    spoilt[:, 2] = wrong
    model.call(ops.convert_to_tensor(spoilt.astype("float32")), training=True)
    assert array_of(memory.num_remembered) == 0
    assert not array_of(memory.data_mean).any()
    if memory is model:
        good = ops.convert_to_tensor(x.astype("float32"))
        model.call(good, training=True)
        spoilt = x.copy()
        spoilt[1, 2] = wrong
        model.call(ops.convert_to_tensor(spoilt.astype("float32")), training=True)
        assert array_of(memory.num_remembered) == len(x)
        np.testing.assert_allclose(
            array_of(memory.data_mean), x.mean(axis=0), atol=1e-6
        )


def test_a_stream_of_wrong_data_ends_in_nan():
    model = RBM(4, 3, seed=0)
    model.compile(keras.optimizers.SGD(0.1))
    x = np.full((2, 4), -1.0, "float32")
    # Keras' own method looks at no batch, as `fit` does at no later one.
    logs = keras.Model.train_on_batch(model, x, return_dict=True)
    assert np.isnan(logs["loss"])
