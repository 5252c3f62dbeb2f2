"""A run that SIGKILL ends, again and again, ends as one that nothing disturbed."""

import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from tests.several_processes import environment

ROOT = pathlib.Path(__file__).parents[2]

pytestmark = [
    pytest.mark.any_backend,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL"),
]


@pytest.mark.parametrize("num_kills", [3, pytest.param(40, marks=pytest.mark.slow)])
def test_a_killed_run_ends_as_one_that_nothing_disturbed(num_kills, tmp_path):
    arguments = [str(tmp_path), "0", str(num_kills)]
    result = subprocess.run(
        [sys.executable, "-m", "tests.callbacks.killed_runs", *arguments],
        cwd=ROOT,
        env=environment(KERAS_BACKEND="torch"),
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    straight, killed = tmp_path / "straight", tmp_path / "killed"
    # Each epoch once, with the figures that it had.
    assert (killed / "log.csv").read_text() == (straight / "log.csv").read_text()
    with np.load(straight / "state.npz") as one, np.load(killed / "state.npz") as other:
        assert set(one) == set(other)
        for name in one:
            np.testing.assert_array_equal(other[name], one[name], err_msg=name)
    assert {file.name for file in (killed / "backup").iterdir()} <= {
        "latest.weights.h5",
        "lock",
    }
