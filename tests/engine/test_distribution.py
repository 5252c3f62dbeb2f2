"""Several devices train as one does; each in a process of its own."""

import os
import subprocess
import sys

import keras
import pytest


def run(module):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    result = subprocess.run(
        [sys.executable, "-m", module],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr[-3000:]


@pytest.mark.skipif(
    keras.backend.backend() != "jax", reason="keras.distribution exists on JAX"
)
def test_four_devices_equal_one():
    run("tests.engine.run_data_parallel")


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="tf.distribute is TensorFlow's"
)
def test_two_replicas_stay_equal():
    run("tests.engine.run_mirrored")
