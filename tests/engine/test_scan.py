"""The loop of recurrent layers: all its carries, and its gradient."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_genmod.engine import scan
from tests.autodiff import gradient

XS = np.array([[1.0, 2.0], [3.0, 0.5], [2.0, 4.0]], "float32")


def sums_and_products(xs):
    """Running sums and products over the first axis."""

    def step(carry, x):
        return carry[0] + x, carry[1] * x

    return scan(step, (ops.zeros_like(xs[0]), ops.ones_like(xs[0])), xs)


def test_it_returns_all_carries():
    sums, products = sums_and_products(ops.convert_to_tensor(XS))
    np.testing.assert_allclose(ops.convert_to_numpy(sums), np.cumsum(XS, axis=0))
    np.testing.assert_allclose(ops.convert_to_numpy(products), np.cumprod(XS, axis=0))


def test_its_gradient_goes_through_all_steps():
    found = gradient(lambda xs: ops.sum(sums_and_products(xs)[1][-1]), XS)
    np.testing.assert_allclose(found, np.prod(XS, axis=0) / XS, rtol=1e-6)


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="JAX always uses XLA"
)
def test_xla_has_its_gradient():
    import tensorflow as tf

    @tf.function(jit_compile=True)
    def compiled(xs):
        with tf.GradientTape() as tape:
            tape.watch(xs)
            result = tf.reduce_sum(sums_and_products(xs)[1][-1])
        return tape.gradient(result, xs)

    found = compiled(tf.constant(XS)).numpy()
    np.testing.assert_allclose(found, np.prod(XS, axis=0) / XS, rtol=1e-6)
