"""Calls of a recording, made ready to be captured as a graph on a GPU."""

import dataclasses
from collections.abc import Callable, Iterable, Iterator

import torch

from keras_genmod.engine.torch_calls import (
    Call,
    Draws,
    HostNumber,
    Slot,
    leaves,
    mapped,
)
from keras_genmod.engine.torch_passes import roots
from keras_genmod.engine.torch_program import python_function

_aten = torch.ops.aten
_LAYOUT = (_aten.as_strided.default, _aten.as_strided_.default)


@dataclasses.dataclass
class GraphCalls:
    """Calls, and what they take, by the numbers of slots.

    Attributes:
        calls: List of `Call`.
        inputs: Slots of the tensors that they are given.
        returned: Slots of their results.
        constants: Tensors of their own.
        generators: What they draw from.
        devices: Kinds of devices of all tensors.
        shared: As `shared_memory` returns it.
    """

    calls: list[Call]
    inputs: list[Slot]
    returned: list[Slot]
    constants: dict[int, torch.Tensor]
    generators: dict[int, torch.Generator]
    devices: dict[int, str]
    shared: dict[int, int]

    def may_be_a_graph(self, device: str) -> bool:
        """Whether the calls work on a kind of device, and hold no loop.

        A loop is a graph by itself.
        """
        used = {slot.number for call in self.calls for slot in call.slots()}
        return any(self.devices[number] == device for number in used) and all(
            isinstance(call.function, torch._ops.OpOverload) for call in self.calls
        )

    def obstacle(self, device: str, changing: Iterable[Slot] = ()) -> str | None:
        """Says why calls that may be a graph cannot be one, or returns `None`.

        Args:
            device: Kind of device that all tensors must be on, but for constants of
                one element, which `on` moves there.
            changing: Slots of what other calls change between seeds and draws.
        """
        for call in self.calls:
            if call.function in _LAYOUT:  # which that of a copy may not be
                return f"`{call.function}` asks how memory is laid out"
            if any(isinstance(leaf, HostNumber) for leaf in _arguments(call)):
                return f"`{call.function}` reads a number on the host"
            for slot in (*call.slots(), *call.results()):
                constant = self.constants.get(slot.number)
                if self.devices[slot.number] != device and (
                    constant is None or constant.dim()
                ):
                    return f"`{call.function}` has a tensor on the host"
        seeds = self.seeds()
        if any(call.draws for call in seeds.calls):
            return "a seed is drawn at random"
        used = {slot for call in seeds.calls for slot in call.slots()}
        if used & set(changing):
            return "a seed depends on what changes"
        return None

    def on(self, device: str) -> "GraphCalls":
        """Returns the calls with constants of one element moved from the host."""
        constants = {
            number: tensor if tensor.dim() else tensor.to(device)
            for number, tensor in self.constants.items()
        }
        return dataclasses.replace(self, constants=constants)

    def writes(self) -> set[Slot]:
        """Returns the inputs that are written into."""
        root = roots(self.calls, self.shared)
        written = {root(slot) for call in self.calls for slot in call.written()}
        return {slot for slot in self.inputs if root(slot) in written}

    def seeds(self) -> "GraphCalls":
        """Returns the calls that lead to the seeds of the draws, which they return."""
        root = roots(self.calls, self.shared)
        seeds = {i: d.seed for i, call in enumerate(self.calls) for d in _seeded(call)}
        needed, kept = {root(seed) for seed in seeds.values()}, set()
        for i, call in reversed(list(enumerate(self.calls))):
            if any(root(s) in needed for s in (*call.results(), *call.written())):
                kept.add(i)
                needed.update(root(slot) for slot in call.slots())
        devices, calls, returned = dict(self.devices), [], []
        for i, call in enumerate(self.calls):
            if i in seeds:  # as it is now: its memory may be written into later
                copy = _new_slot(devices, seeds[i])
                calls.append(Call(_aten.clone.default, (seeds[i],), {}, copy))
                returned.append(copy)
            if i in kept:
                calls.append(call)
        return dataclasses.replace(
            self, calls=calls, returned=returned, devices=devices
        )

    def unseeded(self, new_generator: Callable) -> tuple["GraphCalls", list]:
        """Returns the calls with a new generator for each seed, and these generators.

        Args:
            new_generator: Function that returns a `torch.Generator`.
        """
        generators, made, current = dict(self.generators), [], {}

        def replaced(value):
            if not isinstance(value, Draws):
                return value
            if value.seed is not None:
                current[value.number] = 1 + max(generators)
                made.append(new_generator())
                generators[current[value.number]] = made[-1]
            return Draws(current.get(value.number, value.number))

        calls = [
            dataclasses.replace(
                call,
                args=mapped(replaced, call.args),
                kwargs=mapped(replaced, call.kwargs),
            )
            for call in self.calls
        ]
        used = {leaf.number for call in calls for leaf in _draws(call)}
        generators = {n: g for n, g in generators.items() if n in used}
        return dataclasses.replace(self, calls=calls, generators=generators), made

    def function(self) -> Callable:
        """Returns the calls as a Python function of the inputs."""
        return python_function(
            self.calls, self.inputs, self.returned, self.constants, self.generators
        )[1]


def _arguments(call) -> list:
    return leaves([call.args, call.kwargs])


def _draws(call) -> Iterator[Draws]:
    return (leaf for leaf in _arguments(call) if isinstance(leaf, Draws))


def _seeded(call) -> Iterator[Draws]:
    return (draws for draws in _draws(call) if draws.seed is not None)


def _new_slot(devices, like) -> Slot:
    slot = Slot(1 + max(devices))
    devices[slot.number] = devices[like.number]
    return slot
