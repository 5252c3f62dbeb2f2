"""Scalars that change between epochs, and floatx("float64")."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_genmod import DBM, DBN, RBM, BoltzmannMachine, EnergyModel
from tests.contracts import array_of
from tests.models.small_networks import small_network

X = np.random.default_rng(0).integers(0, 2, (8, 4)).astype("float32")


def set_before(number, model, **values):
    """Returns a callback that sets values when an epoch begins, counted from 0."""

    def change(epoch, logs):
        if epoch == number:
            for name, value in values.items():
                setattr(model, name, value)

    return keras.callbacks.LambdaCallback(on_epoch_begin=change)


def test_energy_model_takes_new_scalars_between_epochs(tmp_path):
    model = EnergyModel(
        small_network((4,), (1,)),
        num_langevin_steps=2,
        step_size=0.25,
        buffer_size=8,
        reinitialize=0.0,
        seed=0,
    )
    assert float(model.noise) == pytest.approx(0.5)
    model.compile(keras.optimizers.SGD(0.0))
    chains = []
    callbacks = [
        set_before(1, model, step_size=1e-9, noise=0.0, regularization=1e6),
        set_before(2, model, reinitialize=1.0),
        keras.callbacks.LambdaCallback(
            on_epoch_end=lambda *_: chains.append(array_of(model.buffer.chains))
        ),
    ]
    options = {"batch_size": 8, "epochs": 3, "verbose": 0, "callbacks": callbacks}
    history = model.fit(X, **options).history
    assert history["loss"][0] < 1e3 < history["loss"][1]
    assert np.abs(chains[1] - chains[0]).max() < 1e-5
    assert np.abs(chains[2] - chains[1]).max(axis=1).min() > 1e-3  # all start anew
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    names = "step_size", "noise", "regularization", "reinitialize"
    found = [float(getattr(loaded, name)) for name in names]
    np.testing.assert_allclose(found, [1e-9, 0.0, 1e6, 1.0], rtol=1e-6)
    with pytest.raises(ValueError, match="`step_size` must be a finite number above"):
        model.step_size = 0.0


def test_boltzmann_machine_takes_a_new_temperature_between_epochs():
    model = BoltzmannMachine(4, statistics="exact", seed=0)
    model.couplings.assign(np.linspace(-2, 2, 6))
    model.compile(keras.optimizers.SGD(0.0))
    expected = [-array_of(model.log_prob(X)).mean()]
    callback = set_before(1, model, temperature=3.0)
    options = {"batch_size": 8, "epochs": 2, "verbose": 0, "callbacks": [callback]}
    history = model.fit(X, **options).history
    expected.append(-array_of(model.log_prob(X)).mean())
    np.testing.assert_allclose(history["loss"], expected, rtol=1e-5)
    assert model.get_config()["temperature"] == 3.0


@pytest.fixture
def double_floatx(float64):
    keras.config.set_floatx("float64")
    yield
    keras.config.set_floatx("float32")


@pytest.mark.parametrize(
    "make",
    [
        lambda: RBM(4, 3, num_gibbs_steps=2, seed=0),
        lambda: RBM(4, 3, persistent=True, num_temperatures=2, num_chains=2, seed=0),
        lambda: BoltzmannMachine(4, 2, num_chains=2, seed=0),
        lambda: DBM([4, 3, 2], num_chains=2, seed=0),
        lambda: DBN([4, 3, 2], seed=0),
        lambda: EnergyModel(
            small_network((4,), (1,)),
            num_langevin_steps=1,
            buffer_size=4,
            data_range=(0, 1),
        ),
    ],
    ids=["rbm", "tempered", "boltzmann", "dbm", "dbn", "energy"],
)
def test_double_precision_as_keras_default(double_floatx, make):
    model = make()
    outputs = model.call(ops.convert_to_tensor(X), training=True)
    assert np.isfinite(array_of(model.compute_loss(y_pred=outputs)))
    found = [model.sample(2, num_steps=1, seed=0)]
    if hasattr(model, "log_partition"):
        options = {"num_temperatures": 20, "num_chains": 100, "seed": 0}
        assert np.isfinite(model.log_partition("ais", **options).value)
        found.append(model.log_prob(X))
    for values in found:
        assert keras.backend.standardize_dtype(values.dtype) == "float32"
        assert np.isfinite(array_of(values)).all()
