"""Programs and loops on a GPU as CUDA graphs: one launch in the place of many."""

import dataclasses
from collections.abc import Callable
from typing import Any

import torch

from keras_genmod.engine.torch_calls import Slot
from keras_genmod.engine.torch_cuda_graph import CudaGraph
from keras_genmod.engine.torch_fusion import fused, fused_run
from keras_genmod.engine.torch_graph_calls import GraphCalls
from keras_genmod.engine.torch_program import Program
from keras_genmod.engine.torch_proof import Host, ProvedProgram, warn_of_calls

#: What captures; tests put one in its place that needs no GPU.
Graph: Any = CudaGraph


def graphed(program: Program, fuse: bool = False) -> Callable:
    """Returns a program, as a graph if it runs on a GPU and may be one.

    Args:
        program: `Program`.
        fuse: Whether inductor is to make few kernels of its calls, graph or not.
    """
    calls = GraphCalls(
        program.calls,
        [*program.inputs, *map(Slot, program.state)],
        program.returned(),
        program.constants,
        program.generators,
        program.devices,
        program.shared,
    )
    if calls.may_be_a_graph(Graph.device):
        why = calls.obstacle(Graph.device)
        if why is None and calls.writes() & set(program.inputs):
            why = "it writes into what it is given"
        if why is None:
            return ProvedProgram(
                program,
                lambda tensors, state: GraphedCalls(calls, tensors, state, fuse),
                Graph,
            )
        warn_of_calls(Graph, why)
    if fuse:
        run = fused_run(program)
        return ProvedProgram(
            program,
            lambda tensors, state: lambda *tensors: run(*tensors, *state),
            Graph if Graph.device in program.devices.values() else Host,
        )
    return program


class GraphedCalls:
    """Calls as a graph.

    Args:
        calls: `GraphCalls`.
        tensors: List of examples of what they are given.
        state: Tensors that they take besides, and which stay where they are.
        fuse: Whether inductor is to make few kernels of them.
    """

    def __init__(
        self, calls: GraphCalls, tensors: list, state: list, fuse: bool = False
    ):
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
        if fuse:
            main = dataclasses.replace(main, calls=fused(main.calls, main.returned))
        run = main.function()
        if fuse:  # the compiler works when they are called first, and not in a capture
            run(*[tensor.clone() for tensor in memory])
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
