"""Random seeds inside compiled calls and loops."""

import keras
import numpy as np
from keras import ops

from keras_genmod import checks

_DRAWS_PER_ITERATION = 64  # room for the draws of one loop iteration
SPREAD = 0x9E3779B1  # 2**32 / golden ratio: sets streams of seeds far apart


class Seeds(keras.random.SeedGenerator):
    """Stands in for a `SeedGenerator` where no variable may change.

    Inside a compiled call or a traced loop a `keras.random.SeedGenerator` cannot
    advance its variable. `Seeds` counts in Python instead: it starts from one state
    and gives every draw another seed. `at(i)` gives the seeds of loop iteration `i`,
    which may be a traced integer.

    Example:
    ```python
    seeds = Seeds(seed_generator.next())
    noise = keras.random.normal((4, 2), seed=seeds)
    ```

    Args:
        state: Integer tensor of shape `(2,)`, as `SeedGenerator.next()` returns it.
    """

    def __init__(self, state):
        dtype = keras.backend.standardize_dtype(state.dtype)
        spread = np.array(SPREAD).astype(dtype)  # wraps around where it is int32
        self._stream = state[0] + state[1] * ops.convert_to_tensor(spread)
        self._offset = ops.zeros_like(self._stream)
        self._num_draws = 0

    def next(self, ordered=True):
        """Returns the seed of the next draw, an integer tensor of shape `(2,)`."""
        self._num_draws += 1
        return ops.stack([self._stream, self._offset + self._num_draws])

    def at(self, iteration) -> "Seeds":
        """Returns the seeds of one loop iteration, at most 63 draws.

        Args:
            iteration: Int or integer tensor of shape `()`.
        """
        seeds = object.__new__(Seeds)
        seeds._stream = self._stream
        iteration = ops.cast(iteration, self._offset.dtype)
        seeds._offset = self._offset + (iteration + 1) * _DRAWS_PER_ITERATION
        seeds._num_draws = 0
        return seeds


def seed_state(seed, seed_generator):
    """Returns the state that `Seeds` starts from.

    Args:
        seed: Int, or `None` to take the next state of `seed_generator`.
        seed_generator: `keras.random.SeedGenerator`.

    Returns:
        Integer tensor of shape `(2,)`.

    Raises:
        ValueError: If `seed` is neither `None` nor a non-negative int.
    """
    if seed is None:
        return seed_generator.next()
    seed = checks.seed("seed", seed)
    return _mixed_state(seed, seed_generator.state.dtype)


def derived_state(state, number: int):
    """Returns one of many states that follow from one, outside of compiled calls.

    Args:
        state: Integer tensor of shape `(2,)`, as `seed_state` returns it.
        number: Non-negative int that tells the states apart.
    """
    words = ops.convert_to_numpy(state).astype("int64") % 2**32
    return _mixed_state([*words.tolist(), number], state.dtype)


def _mixed_state(entropy, dtype):
    # Neighbouring seeds become unrelated streams, also where a backend adds the
    # two numbers of a state up.
    mixed = np.random.SeedSequence(entropy).generate_state(1)[0] >> np.uint32(1)
    dtype = keras.backend.standardize_dtype(dtype)
    return ops.convert_to_tensor(np.array([mixed, 0]).astype(dtype))
