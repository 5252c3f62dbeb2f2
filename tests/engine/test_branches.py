"""Steps that go one of two ways, each of which is compiled by itself."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_genmod import GenerativeModel
from keras_genmod.engine import cond

BACKEND = keras.backend.backend()
X = np.ones((14, 1), "float32")


class EveryThird(GenerativeModel):
    """Minimises 5 w in each third step, from the first one on, and w in the others."""

    def __init__(self, **kwargs):
        super().__init__(data_shape=(1,), **kwargs)
        self.w = self.add_weight(shape=(), initializer="zeros", name="w")
        self.count = self.add_weight(
            shape=(), initializer="zeros", trainable=False, name="count"
        )
        self.traced, self.num_looks = [], 0
        self.finish_construction()

    def step_branches(self, num_steps):
        self.num_looks += 1
        done = int(ops.convert_to_numpy(self.count.value))
        return tuple(((done + i) % 3 == 0,) for i in range(num_steps))

    def call(self, inputs, training=False):
        return inputs

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        self.traced.append("step")
        w, count = ops.convert_to_tensor(self.w), ops.convert_to_tensor(self.count)

        def loss(name, factor):
            self.traced.append(name)
            return factor * w

        value = cond(count % 3 == 0, lambda: loss("due", 5.0), lambda: loss("not", 1.0))
        if training:
            self.count.assign(count + 1.0)
        return self.mean_loss(value * ops.ones((ops.shape(x)[0],)))


@pytest.mark.parametrize("steps_per_execution", [1] if BACKEND == "torch" else [1, 3])
def test_each_step_goes_the_way_that_is_due(steps_per_execution):
    model = EveryThird()
    model.compile(keras.optimizers.SGD(1.0), steps_per_execution=steps_per_execution)
    model.fit(
        X, epochs=2, batch_size=2, verbose=0
    )  # 14 steps; in the end, a short call
    due = 5  # 0, 3, 6, 9, 12
    np.testing.assert_allclose(
        ops.convert_to_numpy(model.w), -(5.0 * due + 1.0 * (14 - due))
    )
    if BACKEND == "jax":  # a program for each way
        assert model.traced == ["step", "due", "step", "not"]
        assert model.num_looks == 1


class SetsCount(keras.callbacks.Callback):
    """Sets the count to 0 twice in an epoch."""

    def on_train_batch_end(self, batch, logs=None):
        if batch in (3, 4):
            if BACKEND == "jax":
                self.model.jax_state_sync()
            self.model.count.assign(0.0)


def test_a_count_that_others_assign_is_looked_at_anew():
    model = EveryThird()
    model.compile(keras.optimizers.SGD(1.0))
    model.fit(X, batch_size=2, verbose=0, callbacks=[SetsCount()])
    due = 4  # of 7 steps those with the counts 0, 3, and 0 twice again
    np.testing.assert_allclose(ops.convert_to_numpy(model.w), -(5.0 * due + (7 - due)))


def test_a_step_that_is_compiled_by_nobody_looks_for_itself():
    model = EveryThird()
    model.compile(keras.optimizers.SGD(1.0), run_eagerly=True)
    model.fit(X, batch_size=2, verbose=0)
    np.testing.assert_allclose(ops.convert_to_numpy(model.w), -(15.0 + 4.0))


def test_one_batch_alone_goes_the_way_that_is_due():
    model = EveryThird()
    model.compile(keras.optimizers.SGD(1.0))
    for expected in (-5.0, -6.0, -7.0, -12.0):
        model.train_on_batch(X)
        np.testing.assert_allclose(ops.convert_to_numpy(model.w), expected)
