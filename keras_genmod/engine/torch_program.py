"""A recording as a Python function that is run in the place of what it recorded."""

import itertools
import math
from typing import Any

import torch

from keras_genmod.engine.torch_bindings import directly
from keras_genmod.engine.torch_calls import (
    Call,
    Draws,
    HostNumber,
    Slot,
    leaves,
    mapped,
)
from keras_genmod.engine.torch_passes import (
    roots,
    shared_memory,
    without_aliases,
    without_copies,
    without_repeats,
)
from keras_genmod.engine.torch_recording import Recording
from keras_genmod.engine.torch_reuse import in_place


class Program:
    """The flat list of calls of two recordings that agree, ready to be run.

    Tensors that were there before the recorded function are its state, which is read
    and written in place. Those that differ from recording to recording, but not in
    value, were made of what Python holds: they are constants.

    Args:
        first: `Recording`.
        second: `Recording` of the same function, called again.

    Raises:
        ValueError: If they differ: what the function does depends on more than tensors.
    """

    def __init__(self, first: Recording, second: Recording):
        if (difference := _difference(first, second)) is not None:
            raise ValueError(difference)
        self.inputs = second.inputs
        #: Generators that the recorded function brought along, by their number.
        self.generators = second.generators
        #: Kinds of devices of all tensors, by the number of their slot.
        self.devices = second.devices
        self._layouts = second.layouts
        #: The calls, and a nest of what is returned; tensors are slots.
        self.calls, self.outputs = without_aliases(second.calls, second.outputs)
        #: Which tensors from before share the memory of which.
        self.shared = shared_memory(second.externals)
        self.constants = {
            number: tensor
            for number, tensor in second.externals.items()
            if tensor is not first.externals[number]
        }
        self._fold()
        self.calls, self.outputs = without_repeats(
            self.calls, self.outputs, self.shared, self.constants
        )
        self.calls = without_copies(
            self.calls, self.outputs, self.shared, second.layouts
        )
        self._drop_unused()
        used = {slot.number for slot in self._used()}
        #: What was there before, by the number of its slot.
        self.state = {
            number: tensor
            for number, tensor in second.externals.items()
            if number in used and number not in self.constants
        }
        self.constants = {n: t for n, t in self.constants.items() if n in used}
        #: What it does, as text, and as a function of its inputs and its state.
        self.source, self.run = self.function(
            self.calls, [*self.inputs, *map(Slot, self.state)], self.returned()
        )

    def __call__(self, tensors: list[torch.Tensor]) -> Any:
        """Returns what the recorded function would return for these tensors."""
        with torch.inference_mode():
            return self.nest(self.run(*tensors, *self.state.values()))

    def function(self, calls: list[Call], inputs: list, returned: list) -> tuple:
        """Returns some of the calls as text and as a function, which reuses memory.

        Args:
            calls: List of `Call`.
            inputs: Slots of what the function takes.
            returned: Slots of what it returns.
        """
        return python_function(
            in_place(calls, returned, self.shared, self._layouts),
            inputs,
            returned,
            self.constants,
            self.generators,
        )

    def nest(self, results) -> Any:
        """Returns the tensors of the results in the nest that is returned."""
        results = iter(results)
        return mapped(
            lambda output: next(results) if isinstance(output, Slot) else output,
            self.outputs,
        )

    def returned(self) -> list[Slot]:
        """Returns the slots of the results, in order."""
        return [leaf for leaf in leaves(self.outputs) if isinstance(leaf, Slot)]

    def written(self) -> set[int]:
        """Returns the numbers of the slots whose memory is written into."""
        root = self.root()
        return {root(slot) for call in self.calls for slot in call.written()}

    def root(self):
        """Returns a function from a slot to the number of that whose memory it is."""
        return roots(self.calls, self.shared)

    def _used(self):
        for call in self.calls:
            yield from call.slots()
        yield from self.returned()

    def _fold(self):
        """Runs the calls that depend on constants alone, once."""
        written, root, kept = self.written(), self.root(), []
        returned = {slot.number for slot in self.returned()}
        if written & self.constants.keys():
            raise ValueError("it writes into a tensor that it gets from Python")
        for call in self.calls:
            results = call.results()
            numbers = {slot.number for slot in results}
            shared = {root(slot) for slot in itertools.chain(results, call.slots())}
            if (
                call.draws
                or numbers & returned
                or shared & written
                or "empty" in getattr(call.function, "__name__", "empty")
                or any(slot.number not in self.constants for slot in call.slots())
            ):
                kept.append(call)
            elif results:  # others gave one of their arguments back
                self._keep_result(call)
        self.calls = kept

    def _keep_result(self, call):
        def value(leaf):
            if isinstance(leaf, HostNumber):
                return self.constants[leaf.tensor.number].item()
            return self.constants[leaf.number] if isinstance(leaf, Slot) else leaf

        values = call.function(*mapped(value, call.args), **mapped(value, call.kwargs))
        for slot, result in zip(leaves(call.outputs), leaves(values), strict=True):
            if isinstance(slot, Slot):
                self.constants[slot.number] = result

    def _drop_unused(self):
        """Drops calls that have no effect."""
        used = {slot.number for slot in self.returned()}
        kept = []
        for call in reversed(self.calls):
            is_used = any(slot.number in used for slot in call.results())
            if is_used or call.draws or any(call.written()):
                kept.append(call)
                used.update(slot.number for slot in call.slots())
        self.calls = kept[::-1]


def _difference(first, second) -> str | None:
    """Says in what two recordings differ, or `None`."""
    if (changed := first.changed or second.changed) is not None:
        return changed
    if not second.random.goes_on_from(first.random):
        return "it sets a random generator, or makes a new one"
    if len(first.calls) != len(second.calls):
        return f"it makes {len(first.calls)} aten calls, then {len(second.calls)}"
    for one, other in zip(first.calls, second.calls, strict=True):
        if one.function != other.function or _line(one, "") != _line(other, ""):
            return f"it calls {_line(one, one.function)}, then {_line(other, '')}"
    if first.externals.keys() != second.externals.keys():
        return "it uses other tensors"
    for number, tensor in second.externals.items():
        if not are_equal(tensor, first.externals[number]):
            return f"a tensor {tuple(tensor.shape)} that it gets from Python changes"
    if repr(first.outputs) != repr(second.outputs):
        return "it returns other things"
    return None


def are_equal(tensor, other):
    """Whether two tensors hold the same, NaN included."""
    return tensor is other or (
        tensor.dtype == other.dtype
        and tensor.shape == other.shape
        and tensor.device == other.device
        and torch.equal(tensor.isnan(), other.isnan())
        and torch.equal(tensor.nan_to_num(), other.nan_to_num())
    )


# From calls to Python.


def _line(call, name):
    """Returns a call as text."""
    args = [repr(value) for value in call.args]
    args += [f"{key}={value!r}" for key, value in call.kwargs.items()]
    return f"{name}({', '.join(args)})"


def _targets(outputs):
    """Returns the names that a call's results get, as text."""
    if isinstance(outputs, Slot):
        return f"{outputs!r} = "
    names = [repr(o) if isinstance(o, Slot) else "_" for o in leaves(outputs)]
    return f"{', '.join(names)}, = " if set(names) - {"_"} else ""


def _unused_after(calls, inputs, returned):
    """Returns the names that are needed no more after each call, by its place."""
    local = {slot.number for slot in inputs}
    last: dict[int, int] = {}
    for i, call in enumerate(calls):
        local.update(slot.number for slot in call.results())
        for slot in itertools.chain(call.slots(), call.results()):
            last[slot.number] = i
    for slot in returned:
        last.pop(slot.number, None)
    unused: dict[int, list[str]] = {}
    for number, i in last.items():
        if number in local:
            unused.setdefault(i, []).append(f"t{number}")
    return unused


def python_function(
    calls, inputs, returned, tensors, generators, bind=directly
) -> tuple:
    """Returns calls as text and as a Python function, which frees its tensors.

    Args:
        calls: List of `Call`.
        inputs: Slots of what the function takes.
        returned: Slots of what it returns.
        tensors: What else it uses, by the numbers of slots.
        generators: What it draws from, by their numbers.
        bind: Function that returns what to call for a function.
    """
    unused, lines = _unused_after(calls, inputs, returned), []
    names: dict[int, str] = {}
    for i, call in enumerate(calls):
        for draws in leaves([call.args, call.kwargs]):
            if isinstance(draws, Draws) and draws.seed is not None:
                lines.append(f"{draws}.manual_seed({draws.seed}.item() & 0xFFFFFFFF)")
        name = names.setdefault(id(call.function), f"f{len(names)}")
        lines.append(_targets(call.outputs) + _line(call, name))
        if i in unused:
            lines.append(f"del {', '.join(unused[i])}")
    lines.append(f"return ({''.join(f'{slot!r}, ' for slot in returned)})")
    head = f"def run({', '.join(map(repr, inputs))}):\n"
    source = head + "".join(f"    {line}\n" for line in lines)
    functions = {names[id(call.function)]: call.function for call in calls}
    scope = {
        "torch": torch,
        "device": torch.device,
        "inf": math.inf,
        "nan": math.nan,
        **{name: bind(function) for name, function in functions.items()},
        **{f"t{number}": tensor for number, tensor in tensors.items()},
        **{f"g{number}": generator for number, generator in generators.items()},
    }
    exec(compile(source, "<recording>", "exec"), scope)
    return source, scope["run"]
