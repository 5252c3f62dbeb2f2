"""A file saved on one backend gives the same outputs on the others."""

import functools
import subprocess
import sys

import keras
import numpy as np
import pytest

from tests.contracts import ON_TORCH
from tests.covering import one_of_two
from tests.models.write_models import CASES, outputs_of
from tests.several_processes import environment

OTHERS = sorted({"jax", "tensorflow", "torch"} - {keras.backend.backend()})


def pairs():
    """Yields a backend that writes, and a row of the contract.

    Of each row torch and one of the compiled backends are a pair, which of the two
    reads and which writes follows from its name. Other pairs are slow.
    """
    here = keras.backend.backend()
    for name, case in CASES.items():
        partner, torch_reads = one_of_two(name), len(name) % 2 == 0
        for other in OTHERS:
            is_near = {here, other} == {"torch", partner} and torch_reads == ON_TORCH
            is_slow = case.varies_little or not is_near
            yield pytest.param(other, name, marks=pytest.mark.slow if is_slow else ())


@pytest.fixture(scope="module")
def files(request, tmp_path_factory, jax_options):
    """A function that returns the folder of models that a backend has saved."""

    @functools.cache
    def written(backend):
        folder = tmp_path_factory.mktemp(backend)
        chosen = {
            item.callspec.params["name"]
            for item in request.session.items
            if getattr(item, "module", None) is request.module
            and item.callspec.params["backend"] == backend
        }
        subprocess.run(
            [sys.executable, "-m", "tests.models.write_models", folder, *chosen],
            env=environment(**jax_options, KERAS_BACKEND=backend),
            capture_output=True,
            check=True,
        )
        return folder

    return written


@pytest.mark.parametrize("backend,name", list(pairs()))
def test_outputs_are_equal(files, backend, name):
    model = keras.saving.load_model(files(backend) / f"{name}.keras")
    assert model.compiled
    with np.load(files(backend) / f"{name}.npz") as expected:
        outputs = outputs_of(CASES[name], model)
        for output, other in zip(outputs, expected.values(), strict=True):
            np.testing.assert_allclose(output, other, rtol=1e-5, atol=1e-5)
