"""Trains models on one and on four simulated JAX devices, and compares them.

Run as a process of its own: the number of devices is fixed when JAX starts.
"""

import os
import sys

os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=4"

import keras  # noqa: E402
import numpy as np  # noqa: E402

from tests.contracts import BATCH_SIZE  # noqa: E402
from tests.models import test_contracts as cases  # noqa: E402


def train(case, distribution):
    """Returns the weights after an epoch of equal batches."""
    keras.distribution.set_distribution(distribution)
    keras.utils.set_random_seed(1)
    model = case.compiled()
    # Two whole batches of 8: two examples a device.
    data = keras.tree.map_structure(lambda x: x[: 2 * BATCH_SIZE], case.data)
    case.fit(model, data=data)
    return [np.asarray(weight) for weight in model.trainable_weights]


def main(names):
    devices = keras.distribution.list_devices()
    assert len(devices) == 4, devices
    for name in names:
        case = getattr(cases, name)
        parallel = train(case, keras.distribution.DataParallel(devices=devices))
        single = train(case, None)
        difference = max(
            np.abs(a - b).max() for a, b in zip(parallel, single, strict=True)
        )
        print(f"{name}: {difference:.2e}")
        # Rounding, which the first steps of Adam enlarge.
        assert difference < 3e-5, (case, difference)


if __name__ == "__main__":
    main(sys.argv[1:])
