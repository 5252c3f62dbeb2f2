"""Streams of seeds inside compiled calls."""

import keras
import numpy as np
import pytest

from keras_genmod.engine import Seeds, seed_state, uniform
from tests.contracts import array_of


def numbers(seeds, num_draws=3):
    return [array_of(keras.random.uniform((50,), seed=seeds)) for _ in range(num_draws)]


def state(seed):
    return seed_state(seed, keras.random.SeedGenerator(0))


def test_equal_states_give_equal_draws():
    np.testing.assert_array_equal(numbers(Seeds(state(3))), numbers(Seeds(state(3))))


def test_draws_of_many_streams_and_iterations_are_all_distinct():
    firsts = []
    for seed in range(4):
        seeds = Seeds(state(seed))
        draws = numbers(seeds)
        for iteration in range(4):
            draws += numbers(seeds.at(iteration))
        firsts += [tuple(draw[:4]) for draw in draws]
    assert len(set(firsts)) == len(firsts) == 4 * 5 * 3


def test_neighbouring_states_of_a_generator_share_no_draw():
    generator = keras.random.SeedGenerator(0)
    streams = [numbers(Seeds(generator.next()), 8) for _ in range(6)]
    firsts = [tuple(draw[:4]) for stream in streams for draw in stream]
    assert len(set(firsts)) == len(firsts)


def test_streams_of_neighbouring_seeds_are_uncorrelated():
    streams = [np.concatenate(numbers(Seeds(state(seed)), 40)) for seed in range(6)]
    correlations = np.corrcoef(streams) - np.eye(6)
    assert np.abs(correlations).max() < 5 / np.sqrt(2000)


def test_iterations_do_not_move_the_stream():
    seeds = Seeds(state(3))
    numbers(seeds.at(5))
    np.testing.assert_array_equal(numbers(seeds), numbers(Seeds(state(3))))


def test_iteration_may_be_a_tensor():
    seeds = Seeds(state(3))
    traced = seeds.at(keras.ops.convert_to_tensor(2, "int32"))
    np.testing.assert_array_equal(numbers(traced), numbers(seeds.at(2)))


def test_without_seed_the_generator_moves_on():
    generator = keras.random.SeedGenerator(0)
    first, second = (numbers(Seeds(seed_state(None, generator))) for _ in range(2))
    assert np.any(first[0] != second[0])


def test_with_seed_the_generator_stays():
    generator = keras.random.SeedGenerator(0)
    before = array_of(generator.state)
    seed_state(7, generator)
    np.testing.assert_array_equal(array_of(generator.state), before)


@pytest.mark.parametrize("seed", [0, 1, 2**31, 2**32 - 1, np.int64(5)])
def test_every_int_of_32_bits_is_a_seed(seed):
    assert np.all(np.isfinite(numbers(Seeds(state(seed)))))


@pytest.mark.parametrize("seed", [-1, 1.0, True, "a"])
def test_everything_else_is_refused(seed):
    with pytest.raises(ValueError, match="`seed` must be a non-negative int"):
        state(seed)


class Given:
    """A stream of one state."""

    def __init__(self, state):
        self._state = state

    def next(self):
        return self._state


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="TensorFlow's")
@pytest.mark.parametrize("jit_compile", [False, True])
def test_numbers_are_those_of_tensorflows_philox(jit_compile):
    import tensorflow as tf

    @tf.function(jit_compile=jit_compile)
    def both(seed):
        key, counter = tf.raw_ops.StatelessRandomGetKeyCounter(seed=[seed, 0])
        expected = tf.raw_ops.StatelessRandomUniformV2(
            shape=[3, 5], key=key, counter=counter, alg=1
        )
        stream = Given(tf.stack([tf.cast(seed, "int64"), 0]))
        return uniform((3, 5), stream), expected

    for seed in (0, 7, 2**31 - 3):
        found, expected = both(tf.constant(seed))
        np.testing.assert_array_equal(found, expected)
