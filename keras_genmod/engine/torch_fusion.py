"""Calls of a recording that inductor makes one kernel of, or a few."""

from collections.abc import Callable
from typing import Any

import torch

from keras_genmod.engine.torch_calls import Call, HostNumber, Slot, leaves
from keras_genmod.engine.torch_program import Program, python_function

_FEWEST = 4  # calls that are worth a compiler's time


class FusedCall(Call):
    """Several calls, compiled: a function of tensors that returns a list of them."""

    draws = False

    def written(self):
        return iter(self.function.written)

    def viewed(self):
        return iter(leaves(self.args))


class Fused:
    """Calls without draws, loops and reads on the host, compiled when first run.

    Args:
        calls: List of `Call`.
        inputs: Slots of what they take.
        returned: Slots of what is used of their results.
    """

    def __init__(self, calls: list[Call], inputs: list[Slot], returned: list[Slot]):
        taken = set(inputs)
        self.written = [s for call in calls for s in call.written() if s in taken]
        run = python_function(
            calls, inputs, returned, {}, {}, bind=lambda function: function
        )[1]
        self._run = torch.compile(run, fullgraph=True, dynamic=False)

    def __call__(self, *tensors: torch.Tensor) -> Any:
        return self._run(*tensors)


def fused_run(program: Program) -> Callable:
    """Returns a program's function of inputs and state, with its calls fused."""
    return python_function(
        fused(program.calls, program.returned()),
        [*program.inputs, *map(Slot, program.state)],
        program.returned(),
        program.constants,
        program.generators,
    )[1]


def fused(calls: list[Call], returned: list[Slot]) -> list[Call]:
    """Returns the calls with each run of those that can be compiled as one call.

    Args:
        calls: List of `Call`.
        returned: Slots of what all of them return.
    """
    runs: list[list[Call]] = [[]]
    for call in calls:
        if _is_fusible(call):
            runs[-1].append(call)
        else:
            runs += [[call], []]
    used = {slot.number for slot in returned}
    kept: list[Call] = []
    for run in reversed(runs):
        if len(run) >= _FEWEST:
            run = [_one_call(run, used)]
        for call in reversed(run):
            used.update(slot.number for slot in call.slots())
            kept.append(call)
    return kept[::-1]


def _is_fusible(call):
    return (
        isinstance(call.function, torch._ops.OpOverload)
        and not call.draws
        and not any(
            isinstance(leaf, HostNumber) for leaf in leaves([call.args, call.kwargs])
        )
    )


def _one_call(calls, used):
    made = [slot for call in calls for slot in call.results()]
    inside = {slot.number for slot in made}
    taken = {s.number: s for call in calls for s in call.slots()}
    inputs = [slot for number, slot in taken.items() if number not in inside]
    outputs = [slot for slot in made if slot.number in used]
    return FusedCall(Fused(calls, inputs, outputs), tuple(inputs), {}, outputs)
