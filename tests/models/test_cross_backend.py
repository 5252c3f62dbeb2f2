"""A file saved on one backend gives the same outputs on the others."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest

from tests.models.write_models import CASES, outputs_of

BACKENDS = ["jax", "tensorflow", "torch"]
HERE = BACKENDS.index(keras.backend.backend())
OTHERS = [
    BACKENDS[HERE - 1],
    pytest.param(BACKENDS[HERE - 2], marks=pytest.mark.slow),
]


@pytest.fixture(scope="module", params=OTHERS)
def files(request, tmp_path_factory, jax_options):
    """The folder of models that another backend has saved."""
    folder = tmp_path_factory.mktemp(request.param)
    environment = {
        **os.environ,
        **jax_options,
        "KERAS_BACKEND": request.param,
        "OMP_NUM_THREADS": "1",  # torch's, beside other workers
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    chosen = {
        item.callspec.params["name"]
        for item in request.session.items
        if getattr(item, "module", None) is request.module
    }
    subprocess.run(
        [sys.executable, "-m", "tests.models.write_models", folder, *sorted(chosen)],
        env=environment,
        capture_output=True,
        check=True,
    )
    return folder


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow if case.varies_little else ())
        for name, case in CASES.items()
    ],
)
def test_outputs_are_equal(files, name):
    model = keras.saving.load_model(files / f"{name}.keras")
    assert model.compiled
    with np.load(files / f"{name}.npz") as expected:
        outputs = outputs_of(CASES[name], model)
        for output, other in zip(outputs, expected.values(), strict=True):
            np.testing.assert_allclose(output, other, rtol=1e-5, atol=1e-5)
