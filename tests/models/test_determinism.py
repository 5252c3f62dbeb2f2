"""The same steps from the same state end in the same state, every time."""

import numpy as np
import pytest

from tests.contracts import BATCH_SIZE, array_of
from tests.models import test_contracts as cases

NUM_REPEATS = 150


# A linear critic loss: the gradient of the last kernel does not depend on the kernel,
# and TensorFlow's graph optimizer would let the next step's read overtake its update.
@pytest.mark.parametrize("case", [cases.TestWGAN, cases.TestWGANGP])
def test_repeated_steps_are_equal_bit_for_bit(case):
    model = case.compiled()
    variables = model.variables + model.optimizer.variables
    start = [array_of(variable) for variable in variables]
    ends = set()
    for _ in range(NUM_REPEATS):
        for variable, value in zip(variables, start, strict=True):
            variable.assign(value)
        for i in range(0, 24, BATCH_SIZE):
            model.train_on_batch(cases.GREY[i : i + BATCH_SIZE])
        ends.add(b"".join(array_of(v).tobytes() for v in variables))
    assert len(ends) == 1
    assert np.any(array_of(variables[0]) != start[0])
