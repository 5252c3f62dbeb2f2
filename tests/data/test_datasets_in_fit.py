"""What Keras' trainers do with the data sets, on each backend."""

import keras
import numpy as np
import pytest

from keras_genmod.data import DynamicBinarization, UnpairedDataset


@pytest.mark.parametrize("shuffle", [True, False])
def test_fit_counts_its_epochs(shuffle):
    model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    dataset = DynamicBinarization(np.full((10, 3), 0.5), np.arange(10), 4)
    model.fit(dataset, epochs=3, shuffle=shuffle, verbose=0)
    assert dataset.epoch == 3


@keras.saving.register_keras_serializable("keras_genmod_tests")
class PairModel(keras.Model):
    """Takes the pair as its input, and must see no target."""

    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(1)

    def call(self, inputs):
        a, b = inputs
        return self.dense(a - b)

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        if y is not None:
            raise ValueError("a target was given")
        return keras.ops.mean(keras.ops.square(y_pred))


def test_fit_takes_the_pair_as_input():
    model = PairModel()
    model.compile("sgd")
    history = model.fit(
        UnpairedDataset(np.ones((11, 1)), np.ones((4, 1)), 4), epochs=2, verbose=0
    )
    assert np.all(np.isfinite(history.history["loss"]))
