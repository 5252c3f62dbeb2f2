"""Loops on PyTorch: the body is recorded, and repeated."""

import threading
from collections.abc import Callable

import torch

from keras_genmod.engine import torch_graphs, torch_proof
from keras_genmod.engine.torch_calls import Call, Slot, leaves, mapped
from keras_genmod.engine.torch_graph_calls import GraphCalls
from keras_genmod.engine.torch_index import Index
from keras_genmod.engine.torch_program import Program, are_equal
from keras_genmod.engine.torch_recording import Recording, innermost, unnoted

_SHORT = 8  # loops that are written out
_SHORT_INSIDE = 64  # the same, in the body of another
_MAX_RECORDINGS = 4

_local = threading.local()  # loops whose body is being recorded here


def fori_loop(length, step, carry, period=1):
    """Returns the carry after a loop over 0, 1, ..., `length` - 1.

    Where nothing is differentiated, the body of a long loop is recorded, and `step`
    gets a tensor for `i`; with a period that divides the length, so many steps are one
    body, and `step` gets an `Index`. Else it is an int.
    """
    is_inside = getattr(_local, "bodies", 0) > 0
    if length <= (_SHORT_INSIDE if is_inside else _SHORT) or torch.is_grad_enabled():
        for i in range(length):
            carry = step(i, carry)
        return carry
    if period == 1 or length % period:
        return _LoopBody(length, step).run(carry)

    def steps(i, carry):
        for offset in range(period):
            carry = step(Index(i, period, offset), carry)
        return carry

    return _LoopBody(length // period, steps).run(carry)


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
        recordings: list[Recording] = []
        why = "the steps of a loop differ"
        for i in range(min(_MAX_RECORDINGS, self._length)):
            _local.bodies = getattr(_local, "bodies", 0) + 1
            try:
                recording = Recording(self._step, (indices[i], carry))
            finally:
                _local.bodies -= 1
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
                captured = list(program.state.values())
                if _share_memory([*leaves(carry), *captured], program):
                    why = "a loop writes into memory that it also has as another"
                    break
                loop = Loop(program, self._length)
                with torch._C.DisableTorchFunction():  # that of outer recordings
                    results = loop.go_on(indices[i + 1 :], carry, captured)
                return _like(carry, results), loop, captured, ""
        for index in indices[i + 1 :]:
            carry = self._step(index, carry)
        return carry, None, (), why


def _share_memory(tensors, program):
    """Whether one tensor that is written into is also another's memory."""
    places = [tensor.untyped_storage().data_ptr() for tensor in tensors]
    slots = [*program.inputs[1:], *map(Slot, program.state)]
    written, root = _written(program), program.root()
    return any(
        root(slot) in written and places.count(place) > 1
        for slot, place in zip(slots, places, strict=True)
    )


def _written(program) -> set[int]:
    """Returns what some iteration of a body writes into, by the numbers of slots.

    Memory that it returns in another's place is written where that one is.
    """
    written, root = program.written(), program.root()
    moves = zip(program.inputs[1:], program.returned(), strict=True)
    next_places = [(root(place), root(memory)) for place, memory in moves]
    for _ in next_places:
        written |= {memory for place, memory in next_places if place in written}
    return written


def _like(nest, values):
    """Returns values in the order of a nest as a nest of that structure."""
    values = iter(values)
    return mapped(lambda _: next(values), nest)


class Loop:
    """A loop as one call: of the carry, and of what else its body uses.

    What is the same in every iteration is done once, before the first.

    Args:
        program: `Program` of the body; its first input is the index.
        length: Positive int.
    """

    def __init__(self, program, length):
        self.program, self.length = program, length
        given = [*program.inputs[1:], *map(Slot, program.state)]
        before, body = _split(program)
        shared = [slot for call in before for slot in call.results()]
        inputs, returned = [program.inputs[0], *given, *shared], program.returned()
        _, self._before = program.function(before, given, shared)
        _, self._body = program.function(body, inputs, returned)
        self._calls = GraphCalls(
            body,
            inputs,
            returned,
            program.constants,
            program.generators,
            program.devices,
            program.shared,
        )
        self.num_carried = len(program.inputs) - 1
        #: Whether it writes into an argument, for each of them.
        written, root = _written(program), program.root()
        self.writes = [root(slot) in written for slot in given]
        self._indices: dict = {}
        changing = {slot.number for slot in program.inputs[1:]} | written
        seen = [slot for slot in self._calls.inputs if root(slot) in changing]
        self._run: Callable | None = self._in_turn
        if self._calls.may_be_a_graph(torch_graphs.Graph.device):
            why = self._calls.obstacle(torch_graphs.Graph.device, changing=seen)
            if why is None:
                self._run = None  # until it is proved
            else:
                torch_proof.warn_of_calls(torch_graphs.Graph, why)

    def __call__(self, *tensors):
        if self._run is None:
            memory = zip(tensors, self.writes, strict=True)
            results, self._run = torch_proof.proved(
                self._in_turn,
                lambda: torch_graphs.GraphedLoop(
                    self._before, self._calls, self.writes, self.length, tensors
                ),
                tensors,
                [tensor for tensor, is_written in memory if is_written],
                torch_graphs.Graph,
            )
            return results
        return self._run(*tensors)

    def _in_turn(self, *tensors):
        device = tensors[0].device
        if device not in self._indices:
            self._indices[device] = torch.arange(self.length, device=device).unbind()
        n = self.num_carried
        return self.go_on(self._indices[device], tensors[:n], tensors[n:])

    def go_on(self, indices, carry, captured) -> tuple:
        """Returns the tensors of the carry after further iterations."""
        carry = tuple(leaves(carry))
        shared = self._before(*carry, *captured)
        for i in indices:
            carry = self._body(i, *carry, *captured, *shared)
        return carry

    def __eq__(self, other):
        """Whether another loop does the same."""
        return isinstance(other, Loop) and do_the_same(self, other)


def do_the_same(loop, other) -> bool:
    """Whether two loops make the same calls as often."""
    one, two = loop.program, other.program
    return (
        loop.length == other.length
        and one.source == two.source
        and [c.function for c in one.calls] == [c.function for c in two.calls]
        and all(are_equal(t, two.constants[n]) for n, t in one.constants.items())
    )


def _split(program):
    """Returns the calls that every iteration makes alike, and the others.

    A tensor that the body returns as it got it, having written into it or not, is the
    same in every iteration; so are views of it.
    """
    kept = zip(program.inputs[1:], program.returned(), strict=True)
    same = {slot.number for slot, result in kept if slot == result}
    same |= program.state.keys() | program.constants.keys()
    root, written = program.root(), _written(program)
    before, body = [], []
    for call in program.calls:
        is_view = any(call.viewed()) and not call.is_new  # a cast may be one, or not
        memory = {root(slot) for slot in (*call.slots(), *call.results())}
        if (
            call.draws
            or any(call.written())
            or any(slot.number not in same for slot in call.slots())
            or (memory & written and not is_view)
        ):
            body.append(call)
        else:
            before.append(call)
            same.update(slot.number for slot in call.results())
    return before, body


class LoopCall(Call):
    """A loop in a recording."""

    draws = True  # it may

    def written(self):
        flags = zip(leaves(self.args), self.function.writes, strict=True)
        return (slot for slot, is_written in flags if is_written)

    def viewed(self):
        return iter(leaves(self.args))
