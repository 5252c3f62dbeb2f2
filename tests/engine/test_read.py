"""Parts of tensors, read at a place that only the compiled loop knows."""

import re

import keras
import numpy as np
import pytest
from keras import ops

from keras_genmod.engine import compiled, fori_loop, read

X = np.arange(24, dtype="float32").reshape(2, 3, 4)


class Reader(keras.layers.Layer):
    """Sums what it reads, weighted by where."""

    @compiled(xla=True)
    def total(self, x, *, axis, size):
        def add(i, total):
            weight = ops.cast(i, "float32") + 1.0
            return total + weight * read(x, i, size, axis)

        shape = [size if n == axis else length for n, length in enumerate(x.shape)]
        return fori_loop(x.shape[axis] - size + 1, add, ops.zeros(shape))


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("size", [1, 2])
def test_reads_are_slices(axis, size):
    found = Reader().total(X, axis=axis, size=size)
    starts = range(X.shape[axis] - size + 1)
    slices = [np.take(X, range(i, i + size), axis) for i in starts]
    expected = sum((i + 1) * part for i, part in zip(starts, slices, strict=True))
    np.testing.assert_allclose(ops.convert_to_numpy(found), expected)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="TensorFlow's")
def test_xla_reads_no_more_than_the_part():
    import tensorflow as tf

    def total(x):
        def add(i, total):
            return total + read(x, i, 1, axis=1)

        return fori_loop(3, add, ops.zeros((2, 1, 4)))

    describe = tf.function(total, jit_compile=True).experimental_get_compiler_ir(X)
    sizes = re.findall(
        r"dynamic_slice_sizes=\{(.*?)\}", describe(stage="optimized_hlo")
    )
    assert sizes == ["2,1,4"]
