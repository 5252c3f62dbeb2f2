"""Dropout that stays on: its law, one mask a call outside of training, given seeds."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_genmod.engine import Seeds, seed_state
from keras_genmod.layers import PersistentDropout
from keras_genmod.layers.persistent_dropout import drawing_from

ONES = np.ones((6, 40, 50), "float32")


def masked(layer, training):
    return np.array(ops.convert_to_numpy(layer(ONES, training=training)))


@pytest.mark.parametrize("training", [True, False])
def test_share_of_zeros_and_scale_of_the_rest(training):
    values = masked(PersistentDropout(0.25, seed=0), training)
    kept = values != 0
    np.testing.assert_allclose(values[kept], 1 / 0.75, rtol=1e-6)
    num_draws = kept.size if training else kept[0].size
    assert abs(kept.mean() - 0.75) < 4 * (0.75 * 0.25 / num_draws) ** 0.5


def test_examples_share_a_mask_outside_of_training_alone():
    layer = PersistentDropout(0.5, seed=0)
    first, second = masked(layer, False), masked(layer, False)
    assert np.all(first == first[:1]) and np.any(first != second)
    values = masked(layer, True)
    assert all(np.any(values[i] != values[i - 1]) for i in range(len(values)))


def test_given_seeds_decide():
    layer = PersistentDropout(0.5)
    generator = keras.random.SeedGenerator(0)

    def drawn(seed):
        with drawing_from(Seeds(seed_state(seed, generator))):
            return masked(layer, False), masked(layer, False)

    before = np.array(ops.convert_to_numpy(layer.seed_generator.state))
    one, again, other = drawn(3), drawn(3), drawn(4)
    np.testing.assert_array_equal(one, again)
    assert np.any(one[0] != one[1]) and np.any(one[0] != other[0])
    after = np.array(ops.convert_to_numpy(layer.seed_generator.state))
    np.testing.assert_array_equal(before, after)


def test_rate_of_zero_changes_nothing():
    np.testing.assert_array_equal(masked(PersistentDropout(0.0), True), ONES)


def test_config_round_trip():
    layer = PersistentDropout.from_config(PersistentDropout(0.3, seed=4).get_config())
    assert layer.rate == 0.3 and layer.seed == 4


def test_rate_of_one_is_an_error():
    with pytest.raises(ValueError, match="`rate` must be below 1.*Received: rate=1"):
        PersistentDropout(1.0)
