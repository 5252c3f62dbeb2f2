"""Several devices train as one does; each in a process of its own."""

import subprocess
import sys

import keras
import pytest

from tests.several_processes import environment


def run(module, *cases, **variables):
    result = subprocess.run(
        [sys.executable, "-m", module, *cases],
        env=environment(**variables),
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr[-3000:]


@pytest.mark.skipif(
    keras.backend.backend() != "jax", reason="keras.distribution exists on JAX"
)
@pytest.mark.parametrize(
    "cases",
    [
        ("TestVAE", "TestGAN", "TestWGANGP"),
        pytest.param(("TestCycleGAN",), marks=pytest.mark.slow),
    ],
)
def test_four_devices_equal_one(cases, jax_options):
    run("tests.engine.run_on_four_devices", *cases, **jax_options)


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="tf.distribute is TensorFlow's"
)
@pytest.mark.parametrize(
    "cases",
    [
        ("TestAutoencoder", "TestWGANGP"),
        pytest.param(
            ("TestVAE", "TestGAN", "TestCycleGAN", "TestRBM", "TestPersistentRBM"),
            marks=pytest.mark.slow,
        ),
    ],
)
def test_two_replicas_stay_equal(cases):
    run("tests.engine.run_mirrored", *cases)
