"""Every model trains and draws where Keras defaults to float64."""

import keras
import numpy as np
import pytest

from keras_genmod.engine import backend
from tests.contracts import BATCH_SIZE, array_of, slow_on_jax, torch_param
from tests.models.write_models import CASES

NAMES = [
    torch_param(name) if case.varies_little else name for name, case in CASES.items()
]


@pytest.fixture
def no_xla(monkeypatch):
    """Leaves TensorFlow its graphs, which hold all types: XLA takes seconds more."""
    compile_call = backend.compile_call
    monkeypatch.setattr(
        backend,
        "compile_call",
        lambda function, variables, xla: compile_call(function, variables, False),
    )


@slow_on_jax
@pytest.mark.parametrize("name", NAMES)
def test_it_trains_and_draws(name, floatx64, no_xla):
    case = CASES[name]
    model = case.compiled(run_eagerly=True)
    data = keras.tree.map_structure(lambda x: x[:BATCH_SIZE], case.data)
    history = case.fit(model, data=data).history
    assert np.all(np.isfinite(list(history.values())))
    if case.sample_arguments is not None:
        samples = array_of(model.sample(2, **case.sample_arguments))
        assert np.all(np.isfinite(samples))
