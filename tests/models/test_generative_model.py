"""The base of all models: what its docstring promises to those who build on it."""

import re
import textwrap

import keras
import numpy as np

import keras_genmod
from keras_genmod.engine import Seeds


def test_the_smallest_model_of_the_docstring():
    example = re.search(
        r"```python\n(.*?)```", keras_genmod.GenerativeModel.__doc__, re.DOTALL
    )
    x = np.random.default_rng(0).normal((3.0, -1.0), 1.0, (64, 2))
    names = {
        "keras": keras,
        "GenerativeModel": keras_genmod.GenerativeModel,
        "Seeds": Seeds,
        "x": x.astype("float32"),
    }
    exec(textwrap.dedent(example[1]), names)  # noqa: S102
    model = names["model"]
    assert names["samples"].shape == (16, 2)
    assert int(model.optimizer.iterations) == 2
    mean = keras.ops.convert_to_numpy(model.mean)
    expected = ((x - mean) ** 2 / 2).sum(axis=1).mean()
    assert abs(model.evaluate(x, verbose=0) - expected) < 1e-4


class Mean(keras_genmod.GenerativeModel):
    """Notes whether the optimizer's variables are there when a step is made."""

    def __init__(self, **kwargs):
        super().__init__((2,), **kwargs)
        self.mean = self.add_weight(shape=(2,), initializer="zeros", name="mean")
        self.built_at_first = []
        self.finish_construction()

    def call(self, x):
        return x - self.mean

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, **kwargs):
        self.built_at_first.append(self.optimizer.built)
        return self.mean_loss(keras.ops.sum(y_pred**2, axis=1), sample_weight)


def test_no_step_makes_the_optimizers_variables():
    # TensorFlow would trace it twice, and users would wait twice as long.
    model = Mean()
    model.compile()
    model.fit(np.ones((4, 2), "float32"), verbose=0)
    traces = model.built_at_first
    assert traces and all(traces)
    if keras.backend.backend() == "tensorflow":
        assert len(traces) == 1
