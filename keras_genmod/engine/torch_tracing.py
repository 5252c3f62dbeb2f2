"""Functions of tensors that are recorded on PyTorch, and then run without Python."""

import collections
import threading
import warnings
from collections.abc import Callable
from typing import Any

import keras
import torch

from keras_genmod.engine.torch_calls import leaves, mapped
from keras_genmod.engine.torch_graphs import graphed
from keras_genmod.engine.torch_program import Program
from keras_genmod.engine.torch_recording import Recording, innermost

_MAX_PROGRAMS = 8  # of one function, for other shapes
_MAX_RECORDINGS = 4  # until two in a row must agree
_MAX_UNUSED = 16  # recordings forgotten one after another, that no program came of


class Traced:
    """A function of tensors; what it does is recorded, and repeated from then on.

    The first calls for a shape of inputs run the function as it is, and record the
    aten calls that it makes. Two recordings in a row that agree make a `Program`: the
    further calls do the same without the Python between kernels, to the last bit.
    State is read and written where it is; random numbers come from the same seeds.

    What depends on more than shapes and tensors (a branch on a value, random numbers of
    Python's) keeps two recordings from agreeing, or is an obstacle to running them: the
    function then runs as it is, after one warning. What Python alone knows and two
    recordings do not show (a counter that acts on every tenth call) is not seen.

    Threads take turns: a program has generators of its own, which it seeds.

    Args:
        function: Callable of nests of tensors that returns a nest of tensors.
        name: What to call it in the warning.
        branches: Function of the arguments that returns what `cond` will choose,
            hashable: there are recordings of their own for each. `None` for a function
            without branches.
        fuse: Whether inductor is to make few kernels of the calls.
    """

    def __init__(
        self, function: Callable, name: str, branches: Any = None, fuse: bool = False
    ):
        self._function, self._name, self._branches = function, name, branches
        self._fuse = fuse
        self._programs: collections.OrderedDict = collections.OrderedDict()
        self._runs_as_it_is = False
        self._lock = threading.RLock()
        self._num_unused = 0

    def __call__(self, *args: Any) -> Any:
        if self._runs_as_it_is or innermost() is not None:
            return self._function(*args)
        tensors = [leaf for leaf in leaves(args) if isinstance(leaf, torch.Tensor)]
        key: Any = _described(args, {})
        if self._branches is not None:
            key = key, self._branches(*args)
        with self._lock:
            known = self._programs.get(key)
            if callable(known):
                self._num_unused = 0
                self._programs.move_to_end(key)
                return known(tensors)
            return self._record(key, known or [], args)

    def _record(self, key, recordings, args):
        may_branch = self._branches is not None
        recording = Recording(self._function, args, may_branch)
        results, recording.results = recording.results, None
        obstacle = recording.obstacle
        if obstacle is None and recordings:
            try:
                program = Program(recordings[-1], recording)
                self._programs[key] = graphed(program, self._fuse)
                return results
            except ValueError as error:
                obstacle = None if len(recordings) < _MAX_RECORDINGS else str(error)
        if obstacle is not None:
            self._give_up(obstacle)
        else:
            self._programs[key] = [*recordings, recording]
            while len(self._programs) > _MAX_PROGRAMS:
                _, oldest = self._programs.popitem(last=False)
                self._num_unused += not callable(oldest)
            if self._num_unused >= _MAX_UNUSED:
                self._give_up("its inputs have another shape at every call")
        return results

    def _give_up(self, obstacle):
        self._runs_as_it_is = True
        self._programs.clear()
        warnings.warn(
            f"{self._name} runs operation by operation, which is slower: {obstacle}. "
            "If that is yours, write it with `keras.ops` alone (`ops.where` in place "
            "of a branch), or compile the model with `jit_compile=False` to stay so.",
            stacklevel=2,
        )


def _described(value, first):
    """Returns what a recording depends on beside the values of tensors.

    Args:
        value: Nest of what the function takes.
        first: Dict from tensors that came before to their places: one that comes
            twice has one slot.
    """
    if isinstance(value, torch.Tensor):
        place = first.setdefault(id(value), len(first))
        return place, value.shape, value.stride(), value.dtype, value.device
    if isinstance(value, dict):
        return dict, tuple((k, _described(v, first)) for k, v in value.items())
    if isinstance(value, list | tuple):
        return type(value), tuple(_described(part, first) for part in value)
    return value


class TracedStep:
    """What Keras calls for a batch, traced; the model's variables are its state.

    Args:
        function: Function of a list of batches, as Keras' trainer on torch has it.
        model: Keras model.
        name: What to call it in a warning.
        branches: Function from the number of batches to what is due in them, or `None`.
        fuse: Whether inductor is to make few kernels of the calls.
    """

    def __init__(
        self,
        function: Callable,
        model: keras.Model,
        name: str,
        branches: Callable | None = None,
        fuse: bool = False,
    ):
        of_data = None if branches is None else lambda data: branches(len(data))
        self._model, self._traced = model, Traced(function, name, of_data, fuse)
        self._weights = self._state()

    def _state(self):
        return [(id(v), v.trainable) for v in self._model.variables]

    def is_current(self) -> bool:
        """Whether the model still has these variables, as trainable as they were."""
        return self._weights == self._state()

    def __call__(self, data: Any) -> Any:
        return self._traced(mapped(_on_device, data))


def _on_device(value):
    return value if value is None else keras.ops.convert_to_tensor(value)
