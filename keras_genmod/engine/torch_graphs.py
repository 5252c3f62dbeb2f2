"""Programs and loops on a GPU as CUDA graphs: one launch in the place of many."""

import warnings
from collections.abc import Callable
from typing import Any

import torch

from keras_genmod.engine.torch_calls import Slot
from keras_genmod.engine.torch_cuda_graph import CudaGraph
from keras_genmod.engine.torch_graph_calls import GraphCalls
from keras_genmod.engine.torch_program import Program

#: What captures; tests put one in its place that needs no GPU.
Graph: Any = CudaGraph


def graphed(program: Program) -> Callable:
    """Returns a program, as a graph if it runs on a GPU and may be one."""
    calls = GraphCalls(
        program.calls,
        [*program.inputs, *map(Slot, program.state)],
        program.returned(),
        program.constants,
        program.generators,
        program.devices,
        program.shared,
    )
    if calls.obstacle(Graph.device) is not None:
        return program
    if calls.writes() & set(program.inputs):
        return program
    return _GraphedProgram(program, calls)


class _GraphedProgram:
    """A program that becomes a graph when it is run for the first time."""

    def __init__(self, program, calls):
        self._program, self._calls, self._run = program, calls, None

    def __call__(self, tensors):
        state = self._program.state
        with torch.inference_mode():
            if self._run is None:
                written, root = self._program.written(), self._program.root()
                memory = [t for n, t in state.items() if root(Slot(n)) in written]
                results, self._run = proved(
                    lambda *tensors: self._program.run(*tensors, *state.values()),
                    lambda: GraphedCalls(self._calls, tensors, list(state.values())),
                    tensors,
                    memory,
                )
            else:
                results = self._run(*tensors)
        return self._program.nest(results)


class GraphedCalls:
    """Calls as a graph.

    Args:
        calls: `GraphCalls`.
        tensors: List of examples of what they are given.
        state: Tensors that they take besides, and which stay where they are.
    """

    def __init__(self, calls: GraphCalls, tensors: list, state: list):
        calls = calls.on(Graph.device)
        self._buffers = [tensor.clone() for tensor in tensors]
        memory = [*self._buffers, *state]
        main, self._generators = calls.unseeded(Graph.generator)
        if self._generators:
            seeds = calls.seeds()
            function, writes = seeds.function(), seeds.writes()

            def read_seeds():
                given = zip(seeds.inputs, memory, strict=True)
                copies = (t.clone() if slot in writes else t for slot, t in given)
                return torch.stack(function(*copies))

            self._seeds = Graph(read_seeds, ())
        run = main.function()
        self._graph = Graph(lambda: run(*memory), main.generators.values())

    def __call__(self, *tensors: torch.Tensor) -> list[torch.Tensor]:
        for buffer, tensor in zip(self._buffers, tensors, strict=True):
            buffer.copy_(tensor)
        if self._generators:
            self._seeds.replay()
            _seed(self._generators, self._seeds.outputs.tolist())
        self._graph.replay()
        return [output.clone() for output in self._graph.outputs]


class GraphedLoop:
    """The body of a loop as a graph, on a carry that stays where it is.

    Args:
        before: Function of the carry and of what else the body uses that returns what
            all iterations share.
        calls: `GraphCalls` of the body: of the index, the carry, what else it uses, and
            what `before` returns.
        writes: Whether the body writes into a tensor, for each of `tensors`.
        length: Number of iterations.
        tensors: Examples of the carry and of what else the body uses.
    """

    def __init__(self, before, calls, writes, length, tensors):
        calls = calls.on(Graph.device)
        self._before, self._length = before, length
        self._given = calls.inputs[1 : 1 + len(tensors)]
        self._writes, self._returned = writes, calls.returned
        changes = zip(self._given, self._returned, writes, strict=False)
        if any(written and slot != result for slot, result, written in changes):
            raise RuntimeError("a loop writes into a carry that it does not return")
        self._buffers = [tensor.clone() for tensor in tensors]
        shared = before(*self._buffers)
        places = {_place(buffer) for buffer in self._buffers}
        # Views of the buffers stay what they are, other results are copied.
        self._shared = [t if _place(t) in places else t.clone() for t in shared]
        self._index = torch.zeros((), dtype=torch.int64, device=tensors[0].device)
        memory = [self._index, *self._buffers, *self._shared]
        self._capture(calls, memory, self._buffers[: len(calls.returned)])

    def _capture(self, calls, memory, carry):
        main, self._generators = calls.unseeded(Graph.generator)
        if self._generators:
            seeds = calls.seeds().function()
            self._table = self._index.new_zeros(self._length, len(self._generators))

            def note_seeds():
                row = torch.stack(seeds(*memory)).to(self._table.dtype)
                self._table.index_copy_(0, self._index.reshape(1), row[None])
                self._index.add_(1)
                return ()

            self._seeds = Graph(note_seeds, ())
        run = main.function()

        def iterate():
            results = run(*memory)
            places = {_place(buffer) for buffer in carry}
            results = [
                result
                if result is buffer or _place(result) not in places
                else result.clone()
                for result, buffer in zip(results, carry, strict=True)
            ]
            for buffer, result in zip(carry, results, strict=True):
                if result is not buffer:
                    buffer.copy_(result)
            self._index.add_(1)
            return ()

        self._graph = Graph(iterate, main.generators.values())

    def __call__(self, *tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        for buffer, tensor in zip(self._buffers, tensors, strict=True):
            buffer.copy_(tensor)
        for buffer, tensor in zip(
            self._shared, self._before(*self._buffers), strict=True
        ):
            if _place(buffer) != _place(tensor):
                buffer.copy_(tensor)
        self._iterate()
        for is_written, buffer, tensor in zip(
            self._writes, self._buffers, tensors, strict=True
        ):
            if is_written:
                tensor.copy_(buffer)
        carried = zip(self._given, self._returned, self._buffers, tensors, strict=False)
        return tuple(
            tensor if slot == result else buffer.clone()
            for slot, result, buffer, tensor in carried
        )

    def _iterate(self):
        table = [()] * self._length
        if self._generators:
            self._index.zero_()
            for _ in range(self._length):
                self._seeds.replay()
            table = self._table.tolist()
        self._index.zero_()
        for seeds in table:
            _seed(self._generators, seeds)
            self._graph.replay()


def _place(tensor):
    return tensor.untyped_storage().data_ptr()


def _seed(generators, seeds):
    for generator, seed in zip(generators, seeds, strict=True):
        generator.manual_seed(seed & 0xFFFFFFFF)


def proved(plain: Callable, capture: Callable, tensors, memory: list) -> tuple:
    """Runs calls, and their graph from the same state.

    A graph that does not do what the calls do is not used, nor is one that cannot be
    captured, for want of memory say: a warning tells why.

    Args:
        plain: Function that makes the calls.
        capture: Function that returns a faster one.
        tensors: What both take.
        memory: List of tensors that are written into.

    Returns:
        The results, and the function to call from then on.
    """
    try:
        before, after = _State(memory), _State(memory)
    except torch.OutOfMemoryError:
        return plain(*tensors), plain
    expected = plain(*tensors)
    after.note()
    before.restore()
    try:
        run = capture()
        results = run(*tensors)
        if after.is_like(_State(memory), before) and _are_alike(expected, results):
            return results, run
        why = "it gives other numbers"
    except RuntimeError as error:
        why = str(error).splitlines()[0]
        Graph.recover()
    after.restore()
    warnings.warn(
        "A program on the GPU is run call by call, which is slower, since its CUDA "
        f"graph cannot be used: {why}.",
        stacklevel=2,
    )
    return expected, plain


class _State:
    """A copy of memory, and of the global generator."""

    def __init__(self, memory):
        self.memory, self.copies = memory, [tensor.clone() for tensor in memory]
        self.random = Graph.random_state()

    def note(self):
        """Takes what is there now."""
        for tensor, copy in zip(self.memory, self.copies, strict=True):
            copy.copy_(tensor)
        self.random = Graph.random_state()

    def restore(self):
        for tensor, copy in zip(self.memory, self.copies, strict=True):
            tensor.copy_(copy)
        Graph.set_random_state(self.random)

    def is_like(self, other, before):
        """Whether another state follows in about the same way from one before."""
        return _are_alike(*(_changes(before, state) for state in (self, other)))


def _changes(before, after):
    pairs = zip(before.copies, after.copies, strict=True)
    return [new.double() - old.double() for old, new in pairs]


def _are_alike(ones, others):
    """Whether numbers agree but for the order in which a GPU adds up."""
    size = difference = 0.0
    for one, other in zip(ones, others, strict=True):
        one, other = one.double().nan_to_num(), other.double().nan_to_num()
        size = size + one.square().sum()
        difference = difference + (one - other).square().sum()
    return bool(difference <= 0.01 * size + 1e-12) if len(ones) else True
