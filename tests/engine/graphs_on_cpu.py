"""Graphs that need no GPU: captured functions that are called again.

As a plugin, `pytest -p tests.engine.graphs_on_cpu ...`, it lets every program of every
test be such a graph.
"""

import torch
from torch.utils._python_dispatch import TorchDispatchMode

_READS = (torch.ops.aten._local_scalar_dense.default, torch.ops.aten.item.default)


class _Captured(TorchDispatchMode):
    """Refuses to read on the host; notes memory before it is written into."""

    def __init__(self):
        super().__init__()
        self.before = {}

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func in _READS:
            raise RuntimeError("operation not permitted when stream is capturing")
        arguments = zip(func._schema.arguments, args, strict=False)
        for argument, value in arguments:
            if argument.alias_info is not None and argument.alias_info.is_write:
                for tensor in value if isinstance(value, list | tuple) else [value]:
                    self.before.setdefault(id(tensor), (tensor, tensor.clone()))
        return func(*args, **(kwargs or {}))


class GraphOnCPU:
    """Does what `CudaGraph` does, so slowly that a CPU can.

    As there, nothing is done while a function is captured; its results lie in memory
    that each replay writes into; nobody seeds a generator or reads on the host within.
    """

    device, way = "cpu", "its CUDA graph"
    num_replays = 0

    def __init__(self, function, generators):
        self._function, generators = function, [*generators, torch.default_generator]
        states = [generator.get_state() for generator in generators]
        with _Captured() as noted:
            self.outputs = function()
        for tensor, before in reversed(noted.before.values()):
            tensor.copy_(before.reshape(tensor.shape))  # `squeeze_` writes, too
        for generator, state in zip(generators, states, strict=True):
            generator.set_state(state)

    def replay(self):
        type(self).num_replays += 1
        with _Captured():
            results = self._function()
        if isinstance(results, torch.Tensor):
            self.outputs.copy_(results)
        else:
            for output, result in zip(self.outputs, results, strict=True):
                output.copy_(result)

    generator = staticmethod(torch.Generator)
    random_state = staticmethod(torch.get_rng_state)
    set_random_state = staticmethod(torch.set_rng_state)

    @staticmethod
    def recover():
        pass


def pytest_sessionstart(session):
    del session
    from keras_genmod.engine import torch_graphs

    torch_graphs.Graph = GraphOnCPU
