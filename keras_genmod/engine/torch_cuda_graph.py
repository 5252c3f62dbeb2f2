"""A function on a GPU, captured and launched as one."""

import contextlib
import warnings
from collections.abc import Callable, Iterable
from typing import Any

import torch


class CudaGraph:
    """What a function does on a GPU, as a CUDA graph.

    `outputs` are the function's results, whose memory each `replay` writes into. Random
    numbers come from the generators as they are at the time of a `replay`.

    Args:
        function: Callable of no arguments that returns a tuple of tensors. It works on
            memory that stays where it is, and reads nothing on the host.
        generators: Iterable of `torch.Generator` that it draws from, beside the global
            one.

    Raises:
        RuntimeError: If something in it cannot be captured, or memory does not suffice.
    """

    #: Where graphs run, and what they are called in a warning.
    device, way = "cuda", "its CUDA graph"
    _pool: Any = None

    def __init__(self, function: Callable, generators: Iterable[torch.Generator]):
        self._graph = torch.cuda.CUDAGraph()
        self._keeps = function, list(generators)  # their memory is the graph's
        for generator in self._keeps[1]:
            with contextlib.suppress(AttributeError), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # later versions do it by themselves
                self._graph.register_generator_state(generator)
        # Graphs run one after the other, and results are copied: they share memory.
        if CudaGraph._pool is None:
            CudaGraph._pool = torch.cuda.graph_pool_handle()
        with torch.cuda.graph(
            self._graph,
            pool=CudaGraph._pool,
            capture_error_mode="thread_local",  # others may load data meanwhile
        ):
            self.outputs = function()

    def replay(self) -> None:
        """Does what the function does."""
        self._graph.replay()

    @staticmethod
    def generator() -> torch.Generator:
        """Returns a generator that a function may draw from."""
        return torch.Generator(device="cuda")

    @staticmethod
    def random_state() -> torch.Tensor:
        """Returns the state of the global generator."""
        return torch.cuda.get_rng_state()

    @staticmethod
    def set_random_state(state: torch.Tensor) -> None:
        """Puts the global generator into a state."""
        torch.cuda.set_rng_state(state)

    @staticmethod
    def recover() -> None:
        """Mends the global generator, which a failed capture may leave captured."""
        current = torch.cuda.default_generators[torch.cuda.current_device()]
        current.graphsafe_set_state(CudaGraph.generator().graphsafe_get_state())
