"""Steps on JAX that are compiled once for each way they go.

What XLA does not fuse across a conditional is dear: a step in which no penalty is due
took as long again as one without them. So the host says which branches are next, beside
the batch, as a static part of what the compiled step takes.
"""

import collections
import contextlib
import dataclasses
import threading

import jax
import keras

_AHEAD = 64  # calls of a step until the host looks anew, which waits for the device

_local = threading.local()  # what `cond` is to choose, in the step that is traced here


@jax.tree_util.register_static
@dataclasses.dataclass(frozen=True)
class _Due:
    """Which branches of a step are taken: a tuple of bools, in their order."""

    flags: tuple


def traced(function, model, name, branches=None, fuse=False):
    """Returns the function, which is told with each batch which branches are due.

    Args:
        function: What Keras calls with the state and an iterator of batches.
        model: Keras model, whose state that is.
        name: Without effect.
        branches: Function from the number of steps to come to a tuple of bools for
            each of them; or `None` for steps without `cond`.
        fuse: Without effect.
    """
    del name, fuse
    return function if branches is None else _BranchingStep(function, model, branches)


class _BranchingStep:
    """A function of a state and batches that is told which branches are due.

    What the host foretells rests on weights that `branches` read, of whose course in
    the steps to come it knows: only where others have assigned one does it look anew.
    """

    def __init__(self, function, model, branches):
        self._function, self._model, self._branches = function, model, branches
        # To gather the variables of all layers takes as long as a small step.
        self._numbers = [id(variable) for variable in model.non_trainable_variables]
        self._coming: collections.deque = collections.deque()
        self._read: dict | None = None  # what it rests on, by place; `None`: nothing

    def __call__(self, state, batches):
        read, self._read = self._read, None  # an error leaves nothing known
        if read is None or not self._is_known(read, state[1]):
            with _Look(self._numbers, state[1]) as look:
                foretold = self._branches(_AHEAD * self._model.steps_per_execution)
            self._coming, read = collections.deque(foretold), look.read
        marked = ((_Due(self._coming.popleft()), batch) for batch in batches)
        logs, state = self._function(state, marked)
        self._read = {place: state[1][place] for place in read}
        return logs, state

    def _is_known(self, read, values):
        enough = len(self._coming) >= self._model.steps_per_execution
        return enough and all(values[place] is value for place, value in read.items())


class _Look(keras.StatelessScope):
    """Within it, variables have given values; it notes which are read, by place."""

    def __init__(self, numbers, values):
        super().__init__()
        self.state_mapping.update(zip(numbers, values, strict=True))
        self._places = {number: place for place, number in enumerate(numbers)}
        self.read: dict = {}

    def get_current_value(self, variable):
        value = super().get_current_value(variable)
        if value is not None:
            self.read[self._places[id(variable)]] = value
        return value


@contextlib.contextmanager
def branching(data):
    """Has `cond` choose what the host said; yields the batch alone."""
    if not (isinstance(data, tuple) and data and isinstance(data[0], _Due)):
        yield data
        return
    due, batch = data
    _local.flags = iter(due.flags)
    try:
        yield batch
    finally:
        del _local.flags


def cond(due, taken, left):
    """Returns `taken()` or `left()`, of which a step that was told holds one."""
    flags = getattr(_local, "flags", None)
    if flags is None:
        return keras.ops.cond(due, taken, left)
    return taken() if next(flags) else left()
