"""The metrics run where there is no backend and no Keras."""

import pathlib
import subprocess
import sys

import pytest

from keras_genmod import metrics

pytestmark = pytest.mark.any_backend

SCRIPT = """
import sys, types
package = types.ModuleType("keras_genmod")  # without its __init__, which needs Keras
package.__path__ = [sys.argv[1]]
sys.modules["keras_genmod"] = package
from keras_genmod import metrics
metrics.frechet_distance([[0.0], [1.0], [3.0]], [[1.0], [2.0], [5.0]])
print(*{"keras", "tensorflow", "jax", "torch", "sklearn"} & set(sys.modules))
"""


def test_no_backend_is_imported():
    folder = pathlib.Path(metrics.__file__).parent.parent
    command = [sys.executable, "-c", SCRIPT, str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert done.stdout.strip() == ""
