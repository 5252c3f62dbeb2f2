"""Loops of unknown length on PyTorch: the body is recorded, and repeated."""

import torch

from keras_genmod.engine.torch_loops import LoopCall, do_the_same
from keras_genmod.engine.torch_program import Program
from keras_genmod.engine.torch_recording import Recording, innermost, unnoted


def while_loop(goes_on, step, carry, maximum):
    """Returns the carry after a loop that goes on while a condition holds.

    Nothing of it is differentiated. It must draw nothing and write into nothing.
    """
    outer = innermost()
    with torch.no_grad():
        flag = goes_on(*carry)
        with unnoted():
            loop, why = (
                (None, "")
                if outer is None
                else _while_loop(goes_on, step, carry, maximum)
            )
            if loop is None:
                results, goes = carry, flag
                for _ in range(maximum):
                    if not goes:
                        break
                    results = step(*results)
                    goes = goes_on(*results)
            else:
                given = [flag, *carry, *loop.program.state.values()]
                with torch._C.DisableTorchFunction():  # that of outer recordings
                    results = loop(*given)
        if outer is not None and loop is not None:
            outer.note(LoopCall, loop, given, results)
        elif outer is not None:
            outer.obstruct(why)
    return results


def _while_loop(goes_on, step, carry, maximum):
    """Returns a `WhileLoop`, or `None` and why there is none."""

    def body(*carry):
        carry = step(*carry)
        return carry, goes_on(*carry)

    # Of copies, since the body may use a tensor that it also gets.
    copies = [tuple(tensor.clone() for tensor in carry) for _ in range(2)]
    recordings = [Recording(body, copy) for copy in copies]
    for recording in recordings:
        recording.results = None
        if recording.obstacle is not None:
            return None, recording.obstacle
    try:
        return WhileLoop(Program(*recordings), maximum), ""
    except ValueError as error:
        return None, str(error)


class WhileLoop:
    """A loop of unknown length as one call: of whether it starts, and of the carry.

    Args:
        program: `Program` that returns the carry and whether to go on.
        maximum: Positive int.
    """

    def __init__(self, program, maximum):
        self.program, self.length = program, maximum
        self.writes = [False] * (1 + len(program.inputs) + len(program.state))

    def __call__(self, flag, *tensors):
        n = len(self.program.inputs)
        carry, captured = tensors[:n], tensors[n:]
        for _ in range(self.length):
            if not flag:
                break
            *carry, flag = self.program.run(*carry, *captured)
        return tuple(carry)

    def __eq__(self, other):
        """Whether another loop does the same."""
        return isinstance(other, WhileLoop) and do_the_same(self, other)
