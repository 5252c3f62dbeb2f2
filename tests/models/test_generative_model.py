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
