"""Boltzmann machines of the quality benchmark, with their budgets."""

import keras

import keras_genmod
from benchmarks.quality_entry import Entry, compiled

_AIS = {"method": "ais", "num_temperatures": 10_000, "num_chains": 100}


def _rbm(num_gibbs_steps, persistent, epochs):
    """Returns the entry of an RBM whose rate falls to zero over all epochs."""

    def make():
        model = keras_genmod.RBM(
            784,
            500,
            num_gibbs_steps=num_gibbs_steps,
            persistent=persistent,
            seed=0,
        )
        rate = keras.optimizers.schedules.PolynomialDecay(0.05, 600 * epochs, 0.0)
        return compiled(model, keras.optimizers.SGD(rate))

    return Entry(
        make,
        True,
        epochs,
        100,
        is_flat=True,
        options=_AIS,
        sample_options={"num_steps": 200},
    )


def _deep(cls, layer_dims, learning_rate):
    def make():
        model = cls(layer_dims, seed=0)
        return compiled(model, keras.optimizers.SGD(learning_rate))

    return Entry(
        make,
        True,
        3,
        100,
        is_flat=True,
        options=_AIS,
        sample_options={"num_steps": 200},
        pretrain={"epochs": 5, "batch_size": 100, "optimizer": "adam"},
    )


ENTRIES = {
    "RBM 784x500 CD-1": _rbm(1, False, 20),
    "RBM 784x500 CD-3": _rbm(3, False, 20),
    "RBM 784x500 CD-25": _rbm(25, False, 5),
    "RBM 784x500 PCD-1": _rbm(1, True, 20),
    "DBN 784-500-2000": _deep(keras_genmod.DBN, (784, 500, 2000), 1e-3),
    "DBM 784-500-1000": _deep(keras_genmod.DBM, (784, 500, 1000), 5e-3),
}
