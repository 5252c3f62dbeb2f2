"""What is faster than calls, used once it has done what the calls do."""

import warnings
from collections.abc import Callable
from typing import Any

import torch

from keras_genmod.engine.torch_calls import Slot


class Host:
    """The machine that calls run on, where it is no GPU; see `CudaGraph`."""

    way = "what inductor made of it"
    random_state = staticmethod(torch.get_rng_state)
    set_random_state = staticmethod(torch.set_rng_state)

    @staticmethod
    def recover():
        """Does nothing: what fails leaves nothing behind."""


class ProvedProgram:
    """A program that gets a faster form when it is run for the first time.

    Args:
        program: `Program`.
        make: Function of examples of its inputs, and of its state, that returns a
            function of inputs.
        machine: `Host`, or a class of graphs.
    """

    def __init__(self, program, make, machine):
        self._program, self._make, self._machine = program, make, machine
        self._run: Any = None

    def __call__(self, tensors):
        with torch.inference_mode():
            if self._run is None:
                results, self._run = self._prove(tensors)
            else:
                results = self._run(*tensors)
        return self._program.nest(results)

    def _prove(self, tensors):
        program, state = self._program, list(self._program.state.values())
        written, root = program.written(), program.root()
        memory = [t for n, t in program.state.items() if root(Slot(n)) in written]
        return proved(
            lambda *tensors: program.run(*tensors, *state),
            lambda: self._make(tensors, state),
            tensors,
            memory,
            self._machine,
        )


def proved(
    plain: Callable, make: Callable, tensors: Any, memory: list, machine: Any
) -> tuple:
    """Runs calls, and what is faster from the same state.

    What does not do what the calls do is not used, nor what cannot be made, for want of
    memory or a compiler say: a warning tells why.

    Args:
        plain: Function that makes the calls.
        make: Function that returns a faster one.
        tensors: What both take.
        memory: List of tensors that are written into.
        machine: `Host`, or a class of graphs.

    Returns:
        The results, and the function to call from then on.
    """
    try:
        before, after = _State(memory, machine), _State(memory, machine)
    except torch.OutOfMemoryError:
        return plain(*tensors), plain
    expected = plain(*tensors)
    after.note()
    before.restore()
    try:
        run = make()
        results = run(*tensors)
        if after.is_like(_State(memory, machine), before) and _are_alike(
            expected, results
        ):
            return results, run
        why = "it gives other numbers"
    except Exception as error:  # compilers raise whatever they like
        why = next(iter(str(error).splitlines()), repr(error))
        machine.recover()
    after.restore()
    warn_of_calls(machine, why)
    return expected, plain


def warn_of_calls(machine: Any, why: str) -> None:
    """Warns that calls are run in turn.

    Args:
        machine: `Host`, or a class of graphs.
        why: What keeps it from being used.
    """
    warnings.warn(
        f"A program is run call by call, which is slower, since {machine.way} cannot "
        f"be used: {why}.",
        stacklevel=3,
    )


class _State:
    """A copy of memory, and of the global generator."""

    def __init__(self, memory, machine):
        self.memory, self.copies = memory, [tensor.clone() for tensor in memory]
        self.machine, self.random = machine, machine.random_state()

    def note(self):
        """Takes what is there now."""
        for tensor, copy in zip(self.memory, self.copies, strict=True):
            copy.copy_(tensor)
        self.random = self.machine.random_state()

    def restore(self):
        for tensor, copy in zip(self.memory, self.copies, strict=True):
            tensor.copy_(copy)
        self.machine.set_random_state(self.random)

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
