"""The same steps from the same state end in the same state, every time."""

import keras
import numpy as np
import pytest

from keras_genmod.models.energy.directed_layers import DirectedLayers
from tests.contracts import BATCH_SIZE, array_of, start_process
from tests.models import test_contracts as cases

# TensorFlow lost the order of a step in some hundreds, the others never.
NUM_REPEATS = 150 if keras.backend.backend() == "tensorflow" else 5


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
        for i in range(0, 2 * BATCH_SIZE, BATCH_SIZE):
            model.train_on_batch(cases.GREY[i : i + BATCH_SIZE])
        ends.add(b"".join(array_of(v).tobytes() for v in variables))
    assert len(ends) == 1
    moved = [np.any(array_of(v) != s) for v, s in zip(variables, start, strict=True)]
    assert any(moved)


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="only TensorFlow loses the order"
)
def test_late_reads_come_before_the_update(monkeypatch):
    import tensorflow as tf

    draw_down = DirectedLayers.draw_down

    def draw_down_late(self, states, seed):
        x = tf.ones((500, 500))
        for _ in range(5):
            x = tf.tanh(x @ x)
        with tf.control_dependencies([x]):
            return draw_down(self, states, seed)

    # What is drawn trains the recognition weights alone, not those that draw.
    monkeypatch.setattr(DirectedLayers, "draw_down", draw_down_late)
    weights = []
    for run_eagerly in (True, False):
        start_process(seed=1)
        model = cases.TestDBN.compiled(run_eagerly=run_eagerly)
        cases.TestDBN.fit(model)
        weights.append([array_of(v) for v in model.trainable_variables])
    for value, expected in zip(*weights, strict=True):
        np.testing.assert_allclose(value, expected, atol=1e-4)
