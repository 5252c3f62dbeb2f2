"""Processes that train together have one codebook, of the vectors of all."""

import sys

import keras
import numpy as np
import pytest

from tests.layers import run_quantizers
from tests.several_processes import environment, free_port, run_together

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "torch", reason="elsewhere a batch is that of all"
)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Codebook and counts by case, of each of two processes."""
    folder = str(tmp_path_factory.mktemp("quantizers"))
    command = [sys.executable, "-m", "tests.layers.run_quantizers"]
    port = free_port()
    run_together(
        command, [[rank, "2", port, folder] for rank in "01"], 2 * [environment()]
    )
    return {
        name: [np.load(f"{folder}/{name}_{rank}.npz") for rank in (0, 1)]
        for name in run_quantizers.CASES
    }


@pytest.mark.parametrize("name", run_quantizers.CASES)
def test_codebooks_of_processes_are_the_same_to_the_bit(found, name):
    first, second = found[name]
    for key in first:
        np.testing.assert_array_equal(first[key], second[key])


def test_two_processes_move_a_codebook_as_one_does(found):
    codebook, counts = run_quantizers.moved("moving", 0, 1)
    np.testing.assert_allclose(found["moving"][0]["codebook"], codebook, rtol=1e-5)
    np.testing.assert_allclose(found["moving"][0]["counts"], counts, rtol=1e-6)


def test_codes_start_again_from_vectors_of_both_and_not_from_their_means(found):
    fresh = found["restarting"][0]["codebook"][3:]
    vectors = run_quantizers.VECTORS[0]
    distances = np.abs(fresh[:, None] - vectors).max(axis=-1)
    np.testing.assert_allclose(distances.min(axis=1), 0.0, atol=1e-6)
    assert set(distances.argmin(axis=1) % 2) == {0, 1}  # the rank that has the row
