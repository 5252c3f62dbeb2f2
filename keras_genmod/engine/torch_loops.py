"""Loops on PyTorch: the body is recorded, and repeated."""

import dataclasses

import torch

from keras_genmod.engine.torch_program import Program
from keras_genmod.engine.torch_recording import (
    Call,
    Recording,
    innermost,
    leaves,
    mapped,
    unnoted,
)

_SHORT = 8  # loops that are written out
_SHORT_INSIDE = 64  # the same, in the body of another
_MAX_RECORDINGS = 4

_bodies = 0  # loops whose body is being recorded


def fori_loop(length, step, carry):
    """Returns the carry after a loop over 0, 1, ..., `length` - 1.

    Where nothing is differentiated, the body of a long loop is recorded, and `step`
    gets a tensor for `i`; else an int.
    """
    if length <= (_SHORT_INSIDE if _bodies else _SHORT) or torch.is_grad_enabled():
        for i in range(length):
            carry = step(i, carry)
        return carry
    return _LoopBody(length, step).run(carry)


class _LoopBody:
    """Runs a loop, records its body on the way, and notes it as one call.

    Args:
        length: Positive int.
        step: Function `(i, carry)`.
    """

    def __init__(self, length, step):
        self._length, self._step = length, step

    def run(self, carry):
        """Returns the carry after the loop."""
        outer = innermost()
        given = [leaf for leaf in leaves(carry) if isinstance(leaf, torch.Tensor)]
        device = given[0].device if given else "cpu"
        indices = torch.arange(self._length, device=device).unbind()
        with unnoted():
            carry, loop, captured, why = self._run(indices, carry)
        if outer is not None:
            if loop is None:
                outer.obstruct(why)
            else:
                outer.note(LoopCall, loop, [*given, *captured], list(leaves(carry)))
        return carry

    def _run(self, indices, carry):
        global _bodies
        recordings: list[Recording] = []
        why = "the steps of a loop differ"
        for i in range(min(_MAX_RECORDINGS, self._length)):
            _bodies += 1
            try:
                recording = Recording(self._step, (indices[i], carry))
            finally:
                _bodies -= 1
            carry, recording.results = recording.results, None
            if recording.obstacle is not None:
                why = recording.obstacle
                break
            recordings.append(recording)
            if len(recordings) > 1:
                try:
                    program = Program(*recordings[-2:])
                except ValueError as error:
                    why = f"{why}: {error}"
                    continue
                loop = Loop(program, self._length)
                captured = list(program.state.values())
                with torch._C.DisableTorchFunction():  # that of outer recordings
                    results = loop.go_on(indices[i + 1 :], carry, captured)
                return _like(carry, results), loop, captured, ""
        for index in indices[i + 1 :]:
            carry = self._step(index, carry)
        return carry, None, (), why


def _like(nest, values):
    """Returns values in the order of a nest as a nest of that structure."""
    values = iter(values)
    return mapped(lambda _: next(values), nest)


@dataclasses.dataclass(eq=False)
class Loop:
    """A loop as one call: of the carry, and of what else its body uses.

    Args:
        program: `Program` of the body.
        length: Positive int.
    """

    program: Program
    length: int

    def __post_init__(self):
        self._num_carried = len(self.program.inputs) - 1
        self._indices: dict = {}

    def __call__(self, *tensors):
        carry, captured = tensors[: self._num_carried], tensors[self._num_carried :]
        device = tensors[0].device
        if device not in self._indices:
            self._indices[device] = torch.arange(self.length, device=device).unbind()
        return self.go_on(self._indices[device], carry, captured)

    def go_on(self, indices, carry, captured) -> tuple:
        """Returns the tensors of the carry after further iterations."""
        carry = tuple(leaves(carry))
        for i in indices:
            carry = self.program.run(i, *carry, *captured)
        return carry

    def __eq__(self, other):
        """Whether another loop does the same."""
        return (
            isinstance(other, Loop)
            and self.length == other.length
            and self.program.source == other.program.source
            and [c.function for c in self.program.calls]
            == [c.function for c in other.program.calls]
            and all(
                torch.equal(constant, other.program.constants[number])
                for number, constant in self.program.constants.items()
            )
        )


class LoopCall(Call):
    """A loop in a recording."""

    draws = True  # it may

    def written(self):
        program, slots = self.function.program, list(leaves(self.args))
        numbers = [*(s.number for s in program.inputs[1:]), *program.state]
        written = program.written()
        return (
            s for s, number in zip(slots, numbers, strict=True) if number in written
        )

    def viewed(self):
        return iter(leaves(self.args))
