"""Averaged weights of a model with one loss."""

import keras
import numpy as np

from keras_genmod import RBM
from tests.contracts import array_of


def test_a_run_goes_on_from_the_averages_of_the_last():
    model = RBM(4, 2, seed=0)
    model.compile(keras.optimizers.SGD(0.1, use_ema=True))
    data = np.eye(4, dtype="float32")
    for _ in range(2):
        model.fit(data, batch_size=4, verbose=0)
        before = array_of(model.couplings)
    model.fit(data, batch_size=4, verbose=0)
    assert np.all(np.isfinite(array_of(model.couplings)))
    assert np.any(array_of(model.couplings) != before)
