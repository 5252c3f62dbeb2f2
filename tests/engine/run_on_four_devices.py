"""Trains models on one and on four simulated JAX devices, and compares them.

Run as a process of its own: the number of devices is fixed when JAX starts.
"""

import os
import sys

os.environ["XLA_FLAGS"] += " --xla_force_host_platform_device_count=4"

import jax  # noqa: E402
import keras  # noqa: E402
import numpy as np  # noqa: E402

from keras_genmod.engine.jax_processes import shared_work  # noqa: E402
from tests.contracts import BATCH_SIZE  # noqa: E402
from tests.models import test_contracts as cases  # noqa: E402

SHARDED = ("TestVAE", "TestGAN")  # one loss, several optimizers


def data_parallel(model):
    """Returns how four devices share the examples of any model."""
    del model
    return keras.distribution.DataParallel(devices=keras.distribution.list_devices())


def model_parallel(model):
    """Returns how two devices share kernels, and two such pairs the examples."""
    devices = keras.distribution.list_devices()
    mesh = keras.distribution.DeviceMesh((2, 2), ("batch", "model"), devices)
    layout = keras.distribution.LayoutMap(mesh)
    for weight in kernels(model):
        layout[weight.path] = (None, "model")
    return keras.distribution.ModelParallel(layout_map=layout, batch_dim_name="batch")


def kernels(model):
    """Returns the kernels of dense layers that halves can be made of."""
    weights = model.trainable_variables
    return [w for w in weights if len(w.shape) == 2 and w.shape[1] % 2 == 0]


def check_shards(model):
    """Checks that a device has half of each kernel, and of both its slots."""
    shapes = {tuple(w.shape) for w in kernels(model)}
    slots = [v for v in model.optimizer.variables if tuple(v.shape) in shapes]
    assert len(slots) == 2 * len(kernels(model)) > 0
    for variable in kernels(model) + slots:
        rows, columns = variable.shape
        shard = variable.value.sharding.shard_shape((rows, columns))
        assert shard == (rows, columns // 2), variable.path


def train(case, distribution):
    """Returns a model after an epoch of equal batches, its weights and draws."""
    keras.utils.clear_session()  # weights of the same names
    keras.distribution.set_distribution(distribution)
    keras.utils.set_random_seed(1)
    model = case.compiled()
    # Two whole batches of 8: two examples a device.
    data = keras.tree.map_structure(lambda x: x[: 2 * BATCH_SIZE], case.data)
    case.fit(model, data=data)
    found = [np.asarray(weight) for weight in model.trainable_weights]
    if case is cases.TestVAE:  # each device draws its share
        labels = np.arange(8) % 3 if model.num_classes else None
        found.append(np.asarray(model.sample(8, labels, seed=0)))
    return model, found


def check_shared_work(devices):
    """Checks that each device computes a quarter of what a compiled call returns."""
    parallel = keras.distribution.DataParallel(devices=devices)
    keras.distribution.set_distribution(parallel)
    weight = np.ones((3, 3), "float32")

    def whole(x):
        return shared_work(jax.numpy.tanh(x @ weight))

    text = jax.jit(whole).lower(np.ones((16, 3), "float32")).compile().as_text()
    assert "tanh" in text
    for line in text.splitlines():
        if " tanh(" in line:
            assert "f32[4,3]" in line, line


def main(names):
    devices = keras.distribution.list_devices()
    assert len(devices) == 4, devices
    check_shared_work(devices)
    for name in names:
        case = getattr(cases, name)
        model, single = train(case, None)
        for way in [data_parallel, *[model_parallel] * (name in SHARDED)]:
            parallel, several = train(case, way(model))
            difference = max(
                np.abs(a - b).max() for a, b in zip(several, single, strict=True)
            )
            print(f"{name}, {way.__name__}: {difference:.2e}")
            # Rounding, which the first steps of Adam enlarge.
            assert difference < 3e-5, (case, way, difference)
            if way is model_parallel:
                check_shards(parallel)


if __name__ == "__main__":
    main(sys.argv[1:])
