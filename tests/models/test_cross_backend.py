"""A file saved on one backend gives the same outputs on the others."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest

from tests.models.write_models import CASES, outputs_of

OTHERS = sorted({"jax", "tensorflow", "torch"} - {keras.backend.backend()})


@pytest.fixture(scope="module", params=OTHERS)
def files(request, tmp_path_factory):
    """The folder of models that another backend has saved."""
    folder = tmp_path_factory.mktemp(request.param)
    environment = {
        **os.environ,
        "KERAS_BACKEND": request.param,
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    subprocess.run(
        [sys.executable, "-m", "tests.models.write_models", folder],
        env=environment,
        capture_output=True,
        check=True,
    )
    return folder


@pytest.mark.parametrize("name", CASES)
def test_outputs_are_equal(files, name):
    model = keras.saving.load_model(files / f"{name}.keras")
    assert model.compiled
    with np.load(files / f"{name}.npz") as expected:
        outputs = outputs_of(CASES[name], model)
        for output, other in zip(outputs, expected.values(), strict=True):
            np.testing.assert_allclose(output, other, rtol=1e-5, atol=1e-5)
