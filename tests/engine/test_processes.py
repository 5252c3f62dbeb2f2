"""What would train apart in several processes says so before it trains."""

import keras
import numpy as np
import pytest

from keras_genmod import Autoencoder
from tests.models.small_networks import small_network

X = np.zeros((4, 3), "float32")


def compiled():
    model = Autoencoder(small_network((3,), (2,)), small_network((2,), (3,)))
    model.compile("sgd")
    return model


def refuses(model, message):
    weights = [w.copy() for w in model.get_weights()]
    for train in (model.fit, model.train_on_batch):
        with pytest.raises(RuntimeError, match=message):
            train(X)
    for before, after in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="groups are torch's")
def test_a_group_of_processes_is_refused(monkeypatch):
    import torch

    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 2)
    model = compiled()
    refuses(model, "one process on torch.*keras.distribution")
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 1)
    assert np.isfinite(model.train_on_batch(X))


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="strategies are TensorFlow's"
)
def test_a_strategy_of_several_hosts_is_refused():
    import tensorflow as tf

    with tf.distribute.MultiWorkerMirroredStrategy().scope():
        model = compiled()
    refuses(model, "MirroredStrategy.*keras.distribution")
