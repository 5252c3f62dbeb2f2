"""A recording as a Python function that is run in the place of what it recorded."""

import itertools
import math
from typing import Any

import torch
from keras import tree

from keras_genmod.engine.torch_recording import Call, Draws, HostNumber, Recording, Slot

_DETACH = torch.ops.aten.detach.default
_LIFT = torch.ops.aten.lift_fresh.default

# Calls that change the shape of a tensor: it may not stand for another.
_RESHAPED_IN_PLACE = ("resize_", "set_", "squeeze_", "t_", "transpose_", "unsqueeze_")


class Program:
    """The flat list of calls of two recordings that agree, ready to be run.

    Tensors that were there before are read and written in place. Those which were made
    in the recorded function from what Python holds (constants) are kept.

    Args:
        first: `Recording`.
        second: `Recording` of the same function, called again.

    Raises:
        ValueError: If they differ: what the function does depends on more than tensors.
    """

    def __init__(self, first: Recording, second: Recording):
        constants = _constants(first, second)
        if (difference := _difference(first, second)) is not None:
            raise ValueError(difference)
        #: Slots of the tensors it is given, and of those that were there before.
        self.inputs, self.externals = second.inputs, dict(second.externals)
        #: Generators that the recorded function brought along, by their number.
        self.generators = second.generators
        #: The calls, and a nest of what is returned; tensors are slots.
        self.calls, self.outputs = _without_aliases(second.calls, second.outputs)
        self._fold(constants)
        self._drop_unused()
        self._run = _function(self)

    def __call__(self, tensors: list[torch.Tensor]) -> Any:
        """Returns what the recorded function would return for these tensors."""
        with torch.inference_mode():
            results = iter(self._run(*tensors))
        return tree.map_structure(
            lambda output: next(results) if _is_slot(output) else output, self.outputs
        )

    def _fold(self, constants):
        """Runs the calls that depend on constants alone, once."""
        known = {number: self.externals[number] for number in constants}
        kept, roots = [], _roots(self.calls)
        written = {roots(s) for call in self.calls for s in call.written()}
        if clash := written & known.keys():
            raise ValueError(f"it writes into constants ({len(clash)})")
        returned = {s.number for s in tree.flatten(self.outputs) if _is_slot(s)}
        for call in self.calls:
            results = [s for s in tree.flatten(call.outputs) if _is_slot(s)]
            numbers = {s.number for s in results}
            depends = any(s.number not in known for s in call.slots())
            if (
                depends
                or _draws(call)
                or numbers & returned
                or "empty" in call.function._schema.name
                or written & {roots(s) for s in [*results, *call.slots()]}
            ):
                kept.append(call)
                continue
            if not results:
                continue  # it gave one of its arguments back
            values = call.function(
                *_filled(list(call.args), known), **_filled(call.kwargs, known)
            )
            values = [values] if isinstance(values, torch.Tensor) else list(values)
            outputs = [call.outputs] if _is_slot(call.outputs) else call.outputs
            for slot, value in zip(outputs, values, strict=True):
                known[slot.number] = value
        self.calls = kept
        self.externals.update(known)

    def _drop_unused(self):
        """Drops calls that have no effect, and tensors that no call needs."""
        used = {s.number for s in tree.flatten(self.outputs) if _is_slot(s)}
        kept = []
        for call in reversed(self.calls):
            outputs = {s.number for s in tree.flatten(call.outputs) if _is_slot(s)}
            if outputs & used or _draws(call) or any(call.written()):
                kept.append(call)
                used.update(slot.number for slot in call.slots())
        self.calls = kept[::-1]
        self.externals = {n: t for n, t in self.externals.items() if n in used}


def _is_slot(value):
    return isinstance(value, Slot)


def _draws(call):
    """Whether a call takes random numbers, which the next ones then miss."""
    return torch.Tag.nondeterministic_seeded in call.function.tags


def _filled(value, tensors):
    return tree.map_structure(lambda v: tensors[v.number] if _is_slot(v) else v, value)


def _constants(first, second):
    """Returns the numbers of the slots that hold constants."""
    if first.externals.keys() != second.externals.keys():
        return set()
    return {
        number
        for number, tensor in second.externals.items()
        if tensor is not first.externals[number]
    }


def _difference(first, second) -> str | None:
    """Says in what two recordings differ, or `None`."""
    if len(first.calls) != len(second.calls):
        return f"it makes {len(first.calls)} aten calls, then {len(second.calls)}"
    for one, other in zip(first.calls, second.calls, strict=True):
        if one.function is not other.function or _line(one, "f") != _line(other, "f"):
            return f"it calls `{_line(one, one.function)}`, then `{_line(other, '')}`"
    for number, tensor in second.externals.items():
        before = first.externals.get(number)
        if tensor is not before and not _are_equal(tensor, before):
            return f"a tensor {tuple(tensor.shape)} that it gets from Python changes"
    if repr(first.outputs) != repr(second.outputs):
        return "it returns other things"
    return None


def _are_equal(tensor, other):
    return (
        other is not None
        and tensor.dtype == other.dtype
        and tensor.shape == other.shape
        and tensor.device == other.device
        and torch.equal(tensor.isnan(), other.isnan())
        and torch.equal(tensor.nan_to_num(), other.nan_to_num())
    )


def _without_aliases(calls, outputs):
    """Lets a tensor stand for its detached self: without autograd they are one."""
    if any(c.function._schema.name.endswith(_RESHAPED_IN_PLACE) for c in calls):
        return calls, outputs
    same: dict[Slot, Slot] = {}

    def renamed(value):
        if isinstance(value, HostNumber):
            return HostNumber(renamed(value.tensor))
        if isinstance(value, Draws) and value.seed is not None:
            return Draws(value.number, renamed(value.seed))
        return same.get(value, value) if _is_slot(value) else value

    kept = []
    for call in calls:
        args = tuple(tree.map_structure(renamed, list(call.args)))
        kwargs = {k: tree.map_structure(renamed, v) for k, v in call.kwargs.items()}
        if call.function in (_DETACH, _LIFT):
            if call.outputs is not None:
                same[call.outputs] = args[0]
        else:
            kept.append(Call(call.function, args, kwargs, call.outputs))
    return kept, tree.map_structure(renamed, outputs)


def _roots(calls):
    """Returns a function from a slot to the number of that whose memory it shares."""
    base: dict[int, int] = {}
    for call in calls:
        source = next(call.viewed(), None)
        if source is not None:
            for slot in filter(_is_slot, tree.flatten(call.outputs)):
                base[slot.number] = base.get(source.number, source.number)
    return lambda slot: base.get(slot.number, slot.number)


# From calls to Python.


def _line(call, name):
    """Returns a call as text."""
    args = [repr(value) for value in call.args]
    args += [f"{key}={value!r}" for key, value in call.kwargs.items()]
    return f"{name}({', '.join(args)})"


def _targets(outputs):
    """Returns the names that a call's results get, as text."""
    if _is_slot(outputs):
        return f"{outputs!r} = "
    if not isinstance(outputs, list | tuple) or not any(map(_is_slot, outputs)):
        return ""
    names = [repr(o) if _is_slot(o) else "_" for o in outputs]
    return f"{', '.join(names)}, = "


def _function(program):
    """Returns the calls as one Python function, which frees what it needs no more."""
    names: dict[Any, str] = {}
    lines, last_use = [], {}
    local = {s.number for s in program.inputs}
    for i, call in enumerate(program.calls):
        outputs = [s for s in tree.flatten(call.outputs) if _is_slot(s)]
        local.update(s.number for s in outputs)
        for slot in itertools.chain(call.slots(), outputs):
            last_use[slot.number] = i
    returned = [s for s in tree.flatten(program.outputs) if _is_slot(s)]
    for slot in returned:
        last_use.pop(slot.number, None)
    unused: dict[int, list[str]] = {}
    for number, i in last_use.items():
        if number in local:
            unused.setdefault(i, []).append(f"t{number}")
    generators = dict(program.generators)
    for i, call in enumerate(program.calls):
        for draws in tree.flatten([list(call.args), call.kwargs]):
            if isinstance(draws, Draws) and draws.seed is not None:
                device = call.kwargs.get("device") or "cpu"
                generators.setdefault(draws.number, torch.Generator(device))
                lines.append(f"{draws}.manual_seed({draws.seed}.item() & 0xFFFFFFFF)")
        name = names.setdefault(call.function, f"f{len(names)}")
        lines.append(_targets(call.outputs) + _line(call, name))
        if i in unused:
            lines.append(f"del {', '.join(unused[i])}")
    inputs = ", ".join(map(repr, program.inputs))
    lines.append(f"return ({''.join(f'{slot!r}, ' for slot in returned)})")
    source = f"def run({inputs}):\n" + "".join(f"    {line}\n" for line in lines)
    scope = {
        "torch": torch,
        "device": torch.device,
        "inf": math.inf,
        "nan": math.nan,
        **{name: function._op for function, name in names.items()},
        **{f"t{number}": tensor for number, tensor in program.externals.items()},
        **{f"g{number}": generator for number, generator in generators.items()},
    }
    exec(compile(source, "<recording>", "exec"), scope)
    return scope["run"]
