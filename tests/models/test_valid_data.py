"""Which examples of a batch a model may learn from."""

import keras
import numpy as np

from keras_genmod.models import valid_data

# Each with two pixels.
EXAMPLES = [(0.0, 1.0), (-0.5, 1.5), (0.5, 1.1), (-1e-3, 0.5)]
STRANGE = [(np.nan, 0.5), (np.inf, 0.5), (-np.inf, np.inf), (0.5, -np.inf)]


def test_all_values_must_be_in_range():
    x = np.array(EXAMPLES + STRANGE, "float32").reshape(-1, 1, 2)
    x = keras.ops.convert_to_tensor(x)
    valid = keras.ops.convert_to_numpy(valid_data.in_range(x, 0.0, 1.0))
    np.testing.assert_array_equal(valid, [True] + 7 * [False])


def test_all_values_must_be_levels():
    x = np.array([(0.0, 1.0), (0.5, 1.0), *EXAMPLES[1:], *STRANGE], "float32")
    x = keras.ops.convert_to_tensor(x)
    valid = keras.ops.convert_to_numpy(valid_data.on_levels(x, 3))
    np.testing.assert_array_equal(valid, 2 * [True] + 7 * [False])
