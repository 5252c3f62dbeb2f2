"""Importing the package imports no backend that Keras does not, and no data sets."""

import os
import pathlib
import statistics
import subprocess
import sys

import keras
import pytest

from keras_genmod import RBM

ROOT = pathlib.Path(__file__).parent.parent
BACKENDS = {"tensorflow", "jax", "torch"}


def test_importing_the_package_imports_no_backend_that_keras_does_not():
    backend = keras.backend.backend()
    script = (
        "import sys, keras; before = set(sys.modules)\n"
        "import keras_genmod; print(*before, '', *set(sys.modules) - before, sep='\\n')"
    )
    result = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        check=True,
    )
    of_keras, of_package = result.stdout.split("\n\n")
    assert "keras_genmod.models" in of_package.splitlines()
    assert not {*BACKENDS, "tensorboard"} & set(of_package.splitlines())
    assert "tensorflow_datasets" not in of_keras + of_package
    if backend != "tensorflow":
        assert "tensorflow" not in of_keras.splitlines()


@pytest.mark.every_backend
def test_importing_the_package_takes_a_tenth_of_keras_time():
    # A collection of garbage that falls due here would count what Keras has made.
    script = (
        "import gc, time; gc.disable(); start = time.process_time(); import keras\n"
        "middle = time.process_time(); import keras_genmod\n"
        "print((time.process_time() - middle) / (middle - start))"
    )

    def share():
        result = subprocess.run(
            [sys.executable, "-c", script],
            cwd=ROOT,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": ""},
            capture_output=True,
            text=True,
            check=True,
        )
        return float(result.stdout)

    share()  # which may compile files
    assert statistics.median(share() for _ in range(3)) < 0.1


@pytest.mark.any_backend
@pytest.mark.parametrize("backend", ["tourch", "numpy", "tensorflow", None])
def test_a_backend_that_cannot_be_is_answered_with_the_way_out(backend):
    environment = {**os.environ, "KERAS_HOME": os.devnull}
    environment.pop("KERAS_BACKEND", None)
    if backend is not None:
        environment["KERAS_BACKEND"] = backend
    result = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; sys.modules['tensorflow'] = None; import keras_genmod",
        ],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    message = result.stderr.splitlines()[-1]
    assert message.startswith("ImportError: ")
    assert "KERAS_BACKEND to one of jax, tensorflow, torch" in message
    assert message.endswith(f"Received: KERAS_BACKEND={backend!r}")


@pytest.mark.any_backend
def test_a_model_loaded_before_the_import_says_whose_it_is(tmp_path):
    RBM(2, 2).save(tmp_path / "model.keras")
    known = keras.saving.get_custom_objects()
    before = dict(known)
    known.clear()  # as where nobody has imported the package
    try:
        with pytest.raises(TypeError, match="make sure they are all imported") as error:
            keras.saving.load_model(tmp_path / "model.keras")
    finally:
        known.update(before)
    assert "keras_genmod>RBM" in str(error.value)
    assert type(keras.saving.load_model(tmp_path / "model.keras")) is RBM
