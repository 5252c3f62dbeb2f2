"""Boltzmann machines of the quality benchmark.

Rates fall from 0.05 to zero. Couplings of short chains decay, biases do not: CD-1 and
CD-3 else learn modes apart from the data that no chain visits, and do after some epochs
all the same: a short annealing on validation images says when. Layers of the deep
machines are trained on draws, by chains that persist: CD-1 lets the 2,000 units on top
diverge.
"""

import warnings

import keras
import numpy as np
from keras import ops

import keras_genmod
from benchmarks.quality_entry import Entry, compiled
from keras_genmod.callbacks import GibbsSteps

_FAMILY = "Boltzmann machines"
_RATE = 0.05
_AIS = {"method": "ais", "num_temperatures": 20_000, "num_chains": 100}
_SAMPLES = {"num_steps": 200}
_LOOK = {"num_temperatures": 1_000, "num_chains": 50}


def _annealed(model, images):
    """Returns log p of a thousand validation images, by a short annealing.

    It flatters, by some nats, and tells states of one run apart all the same, where
    many chains are effective: not with chains that persist or are long.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of few chains
        log_z = model.log_partition("ais", seed=0, **_LOOK)
        log_prob = model.log_prob(images[:1000], log_partition=log_z)
    return float(np.mean(ops.convert_to_numpy(log_prob)))


_SCORE = {"score": _annealed, "score_name": "log p by AIS, 1,000 temperatures"}


def _growing():
    """Returns what lets k grow: 5 after some 10 epochs, 25 after some 20."""
    return [GibbsSteps({0: 1, 28: 5, 56: 25})]


def _rbm(num_gibbs_steps, persistent=False, decay=None, **options):
    """Returns the entry of an RBM.

    Args:
        num_gibbs_steps: Int, the k of CD-k.
        persistent: Whether chains persist.
        decay: Float d of the couplings' part d w in the gradient, or `None`.
        **options: Of the entry.
    """

    def make(seed):
        model = keras_genmod.RBM(
            784,
            500,
            num_gibbs_steps=num_gibbs_steps,
            persistent=persistent,
            coupling_regularizer=decay and keras.regularizers.L2(decay / 2),
            seed=seed,
        )
        return compiled(model, keras.optimizers.SGD(_RATE))

    return Entry(
        make,
        _FAMILY,
        is_binary=True,
        batch_size=100,
        is_flat=True,
        options=_AIS,
        sample_options=_SAMPLES,
        **options,
    )


def _deep(cls, layer_dims, pretrain_share, rate, num_temperatures=20_000):
    """Returns the entry of a machine whose layers share `pretrain_share` evenly.

    Args:
        cls: Class of the machine.
        layer_dims: Tuple of ints.
        pretrain_share: Float, the share of the minutes.
        rate: Float, the learning rate of all layers together.
        num_temperatures: Int, of AIS.
    """
    share = pretrain_share / (len(layer_dims) - 1)

    def make(seed):
        return compiled(cls(layer_dims, seed=seed), keras.optimizers.SGD(rate))

    def pretrain(model, x, callbacks, epochs):
        model.pretrain(
            x,
            epochs,
            optimizer=keras.optimizers.SGD(_RATE),
            persistent=True,
            draws=True,
            verbose=0,
            callbacks=lambda i: callbacks(i, share),
        )

    return Entry(
        make,
        _FAMILY,
        is_binary=True,
        batch_size=100,
        is_flat=True,
        options={**_AIS, "num_temperatures": num_temperatures},
        sample_options=_SAMPLES,
        pretrain=pretrain,
        pretrain_share=pretrain_share,
    )


ENTRIES = {
    "RBM 784x500 CD-1": _rbm(1, decay=5e-3, **_SCORE),
    "RBM 784x500 PCD-1": _rbm(1, persistent=True),
    "RBM 784x500 CD-3": _rbm(3, decay=2e-3, **_SCORE),
    "RBM 784x500 CD-25": _rbm(1, callbacks=_growing),
    # Of 20,000 temperatures, 8 chains of 100 were effective.
    "DBN 784-500-2000": _deep(keras_genmod.DBN, (784, 500, 2000), 0.9, 1e-3, 100_000),
    "DBM 784-500-1000": _deep(keras_genmod.DBM, (784, 500, 1000), 0.4, _RATE),
}
