"""The engine's convolution, where a backend has gaps."""

import keras
import numpy as np
from keras import ops

from keras_genmod.engine import convolution
from tests.autodiff import gradients


def test_one_image_and_one_channel_have_a_gradient():
    # On a CPU and one thread torch has none of a permuted kernel.
    x = np.random.default_rng(0).random((1, 4, 4, 2), dtype="float32")
    kernel = keras.Variable(np.ones((3, 3, 2, 1)), dtype="float32")

    def total():
        return ops.sum(convolution(ops.convert_to_tensor(x), kernel.value, None))

    # Each tap meets the pixels that it lies on: the middle one all, a corner all but
    # a row and a column.
    (found,) = gradients(total, [kernel])
    np.testing.assert_allclose(found[1, 1, :, 0], x.sum(axis=(0, 1, 2)), rtol=1e-5)
    corner = x[:, :-1, :-1].sum(axis=(0, 1, 2))
    np.testing.assert_allclose(found[0, 0, :, 0], corner, rtol=1e-5)
