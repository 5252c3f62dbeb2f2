"""What a call of a function does on PyTorch, as a flat list of aten calls."""

import contextlib
import threading
import types
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes
from torch.utils.weak import WeakTensorKeyDictionary

from keras_genmod.engine.torch_calls import (
    Call,
    Draws,
    HostNumber,
    Slot,
    draws,
    has_dynamic_shape,
    layout,
    leaves,
    mapped,
    sharing,
)
from keras_genmod.engine.torch_place import where
from keras_genmod.engine.torch_random_states import RandomStates

# What Python reads a number with; the latter in inference mode.
_READS = (torch.ops.aten._local_scalar_dense.default, torch.ops.aten.item.default)
_INDEX = torch.ops.aten.index.Tensor
_ONE_HOT = torch.ops.aten.one_hot.default
_LIFT = torch.ops.aten.lift_fresh.default

_NUMBERS = (bool, int, float)

# Functions that hand values to Python without an aten call.
_HOST_READS = {torch.Tensor.numpy, torch.Tensor.tolist, torch.Tensor.__array__}
_SETS_DATA = torch.Tensor.data.__set__  # shows other memory, without a call
# Their reads only check values, where data are on a CPU.
_CHECKED_BY_READING = {"one_hot"}


class Recording:
    """Runs a function once and notes what it does.

    The function does its work as ever, so that a call which is recorded has the same
    effects as one that is not. Random numbers come from seeds in tensors, as Keras
    draws them, or from torch's global generators; a number that the function reads on
    the host for anything else is an obstacle to running the recording later.

    Args:
        function: Callable.
        args: Nest of what it takes. Tensors are inputs of the recording.
        may_branch: Whether `cond` may choose by a tensor's value: another recording is
            run where it would choose otherwise.
    """

    def __init__(self, function: Callable, args: tuple, may_branch: bool = False):
        self.may_branch = may_branch
        self.calls: list[Call] = []
        #: Tensors that were there before, by the number of their slot.
        self.externals: dict[int, torch.Tensor] = {}
        #: Generators that it draws from, by their number.
        self.generators: dict[int, torch.Generator] = {}
        #: Kinds of devices of all tensors, by the number of their slot.
        self.devices: dict[int, str] = {}
        #: How all tensors lie in memory, by the number of their slot.
        self.layouts: dict[int, tuple] = {}
        #: Why the recording cannot be run, or `None`.
        self.obstacle: str | None = None
        #: What it changes that no tensor holds, or `None`.
        self.changed: str | None = None
        self.random = RandomStates()
        self._numbers = WeakTensorKeyDictionary()
        self._num_slots = 0
        self._reading: Any = None  # the torch function that Python called last
        self._read: list = []  # (slot, value) that this function has read
        self._seed: tuple | None = None  # one that a generator is to be seeded with
        self.inputs = [
            self._new_slot(leaf)
            for leaf in leaves(args)
            if isinstance(leaf, torch.Tensor)
        ]
        self.results = self._run(function, args)
        self.outputs = mapped(self._reference, self.results)

    def _run(self, function, args):
        with (
            _noted_by(self),
            # Backward passes run in this thread, where they are seen.
            torch.autograd.set_multithreading_enabled(False),
            _Reads(self),
            _Calls(self),
        ):
            results = function(*args)
        self._check_seed_is_used()
        self._note_change(self.random.at_end())
        return results

    # What the modes below report.

    def call(self, function, args, kwargs):
        """Runs one aten call, and notes it."""
        if function in _READS:
            return self._read_number(function, args[0])
        if function is _LIFT and args[0] not in self._numbers:
            return self._lifted(args[0])
        self._check_call(function, args)
        given, named = self._references(function, args, kwargs)
        drawn = [x for x in leaves([given, named]) if isinstance(x, Draws)]
        if draws(function):
            self._note_change(self.random.before(drawn, self.generators))
        results = function(*args, **kwargs)
        if draws(function):
            self.random.after(drawn, self.generators)
        gives_numbers = any(isinstance(leaf, _NUMBERS) for leaf in leaves(results))
        if gives_numbers and "attention" not in function.__name__:  # there: lengths
            self.obstruct(f"`{function}` gives a number to Python")
        outputs = mapped(self._new_output, results)
        memory = sharing(function, args, kwargs, results)
        backward = torch._C._current_graph_task_id()
        self.calls.append(Call(function, given, named, outputs, *memory, backward))
        return results

    def note(self, kind: type[Call], function: Any, tensors: list, results: list):
        """Notes a call that was made where nobody looked.

        Args:
            kind: Class of the call.
            function: What was called, with tensors alone.
            tensors: What it got.
            results: Tensors that it returned.
        """
        given = tuple(self._reference(tensor) for tensor in tensors)
        outputs = [self._new_output(result) for result in results]
        self.calls.append(kind(function, given, {}, outputs))
        self.random.after([], {})  # it may have drawn

    def python_call(self, function, args, kwargs):
        """Runs one function of torch that Python calls."""
        if innermost() is not self:
            return function(*args, **kwargs)
        if function in _HOST_READS:
            self.obstruct(f"`{function.__name__}` reads a tensor on the host")
        elif function == _SETS_DATA:
            self.obstruct("`data` of a tensor is set")
        outer = self._reading, self._read
        self._reading, self._read = function, []
        try:
            results = function(*args, **kwargs)
            self._check_numbers_are_used()
            return results
        finally:
            self._reading, self._read = outer

    # Slots.

    def _new_slot(self, tensor) -> Slot:
        number = self._num_slots
        self._num_slots += 1
        self._numbers[tensor] = number
        self.devices[number] = tensor.device.type
        self.layouts[number] = layout(tensor)
        return Slot(number)

    def _lifted(self, tensor):
        """Returns a tensor made of numbers of Python's, which may be written into."""
        given, result = (self._reference(tensor.clone()),), _LIFT(tensor)
        output = self._new_slot(result)
        self.calls.append(Call(torch.ops.aten.clone.default, given, {}, output))
        return result

    def _new_output(self, result):
        if not isinstance(result, torch.Tensor) or result in self._numbers:
            return None
        return self._new_slot(result)

    def _reference(self, value):
        if not isinstance(value, torch.Tensor):
            return value
        number = self._numbers.get(value)
        if number is not None:
            return Slot(number)
        slot = self._new_slot(value)
        self.externals[slot.number] = value
        return slot

    def _references(self, function, args, kwargs):
        def reference(value):
            if isinstance(value, torch.Generator):
                return self._generator(value)
            return self._reference(value)

        self._check_seed_is_used(args, kwargs)
        given = [mapped(reference, value) for value in args]
        named = {k: mapped(reference, v) for k, v in kwargs.items()}
        if self._read:
            self._put_numbers(function, given, named)
        return tuple(given), named

    # Numbers that are read on the host.

    def _read_number(self, function, tensor):
        value = function(tensor)
        slot = self._reference(tensor)
        name = getattr(self._reading, "__name__", "")
        if self._reading is torch.Tensor.__int__:
            self._seed = slot, value  # if a generator is seeded with it, next
        elif name in _CHECKED_BY_READING:
            pass
        elif isinstance(self._reading, types.BuiltinFunctionType) and name != "item":
            # A tensor in the place of a number: Python does not see it.
            self._read.append((slot, value))
        else:
            self.obstruct(f"`{name}` reads a number on the host")
        return value

    def _put_numbers(self, function, given, named):
        for i, argument in enumerate(function._schema.arguments):
            if not isinstance(argument.type, torch.NumberType):
                continue
            place, key = (given, i) if i < len(given) else (named, argument.name)
            if place is named and key not in named:
                continue
            for slot, value in self._read:
                if type(place[key]) is type(value) and place[key] == value:
                    place[key] = HostNumber(slot)
                    self._read.remove((slot, value))
                    break

    def _check_numbers_are_used(self):
        if self._read:
            name = getattr(self._reading, "__name__", self._reading)
            self.obstruct(f"`{name}` reads a number on the host")

    def _generator(self, generator):
        known = (i for i, g in self.generators.items() if g is generator)
        number = next(known, len(self.generators))
        self.generators[number] = generator
        if self._seed is None:
            return Draws(number)
        slot, value = self._seed
        self._seed = None
        if generator.initial_seed() != int(value) & 0xFFFFFFFF:
            self.obstruct("`int` reads a number on the host")
        return Draws(number, slot)

    def _check_seed_is_used(self, args=(), kwargs=types.MappingProxyType({})):
        if self._seed is None:
            return
        given = leaves([args, dict(kwargs)])
        if not any(isinstance(g, torch.Generator) for g in given):
            self._seed = None
            self.obstruct("`int` reads a number on the host")

    # Obstacles.

    def _check_call(self, function, args):
        dynamic = has_dynamic_shape(function)
        if function is _INDEX:
            indices = [index for index in args[1] if index is not None]
            dynamic = any(i.dtype in (torch.bool, torch.uint8) for i in indices)
        elif function is _ONE_HOT:
            dynamic = args[1:] in ((), (-1,))
        if dynamic:
            self.obstruct(f"the shape of what `{function}` returns depends on values")

    def obstruct(self, why: str) -> None:
        """Notes that the recording cannot be run, and where it is."""
        if self.obstacle is None:
            self.obstacle = f"{why}{where()}"

    def _note_change(self, why: str | None) -> None:
        if why is not None and self.changed is None:
            self.changed = f"{why}{where()}"


class _Calls(TorchDispatchMode):
    def __init__(self, recording):
        super().__init__()
        self._recording = recording

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        return self._recording.call(func, args, kwargs or {})


class _Reads(TorchFunctionMode):
    def __init__(self, recording):
        super().__init__()
        self._recording = recording

    def __torch_function__(self, func, types, args=(), kwargs=None):
        return self._recording.python_call(func, args, kwargs or {})


_local = threading.local()  # as the modes above are


def innermost() -> "Recording | None":
    """Returns the recording that notes what is called now, if any."""
    return getattr(_local, "recording", None)


@contextlib.contextmanager
def _noted_by(recording):
    outer, _local.recording = innermost(), recording
    try:
        yield
    finally:
        _local.recording = outer


@contextlib.contextmanager
def unnoted() -> Iterator[None]:
    """Lets no recording note what is called."""
    with _noted_by(None), _disable_current_modes():
        yield
