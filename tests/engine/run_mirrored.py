"""Trains models under `MirroredStrategy` on two logical devices, and checks them.

Run as a process of its own: devices are made before TensorFlow starts.
"""

import sys

import keras
import numpy as np
import tensorflow as tf

from tests.contracts import BATCH_SIZE
from tests.models import test_contracts as cases


def train(case, strategy):
    """Returns a model after an epoch, and its losses."""
    keras.utils.set_random_seed(1)
    dataset = tf.data.Dataset.from_tensor_slices(case.data)
    dataset = dataset.batch(BATCH_SIZE, drop_remainder=True)
    with strategy.scope():
        model = case.compiled()
        history = model.fit(dataset, verbose=0).history
    return model, history


def replicas(variable):
    """Returns the values of a variable on all devices."""
    values = getattr(variable.value, "values", (variable.value,))
    return [np.array(value) for value in values]


def main(names):
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(
        cpu, [tf.config.LogicalDeviceConfiguration()] * 2
    )
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    for name in names:
        case = getattr(cases, name)
        model, history = train(case, strategy)
        assert np.all(np.isfinite(list(history.values()))), (case, history)
        for variable in model.trainable_variables + model.optimizer.variables:
            first, second = replicas(variable)
            assert np.all(np.isfinite(first)), (case, variable.path)
            np.testing.assert_array_equal(first, second, err_msg=variable.path)
        print(f"{name}: {history['loss'][-1]:.4f}")
        if case is cases.TestAutoencoder:  # no random numbers: one device is equal
            single, _ = train(case, tf.distribute.get_strategy())
            for weight, other in zip(model.weights, single.weights, strict=True):
                np.testing.assert_allclose(
                    replicas(weight)[0], replicas(other)[0], rtol=0, atol=1e-5
                )


if __name__ == "__main__":
    main(sys.argv[1:])
