"""Several processes on torch, as a group of `torch.distributed`.

Each has weights of its own, which stay equal to the last bit: they start as those of
process 0, and take steps along the mean of all processes' gradients.
"""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np
import torch

from keras_genmod.engine.own_of_process import is_own
from keras_genmod.engine.seeds import SPREAD
from keras_genmod.engine.torch_calls import Call
from keras_genmod.engine.torch_recording import innermost, unnoted


def num_processes() -> int:
    """Returns how many processes train together."""
    group = torch.distributed
    if not (group.is_available() and group.is_initialized()):
        return 1
    return group.get_world_size()


def process_id() -> int:
    """Returns which of them this one is, from 0."""
    return torch.distributed.get_rank() if num_processes() > 1 else 0


#: How many processes compute apart, so that they may share work.
num_apart = num_processes


def gathered(array: np.ndarray) -> np.ndarray:
    """Returns the arrays of all processes, which have one shape, in their order."""
    if num_processes() == 1:
        return array[None]
    array = np.ascontiguousarray(array)
    flat = torch.frombuffer(bytearray(array.tobytes()), dtype=torch.uint8)
    flat = flat.to(_device())
    found = [torch.empty_like(flat) for _ in range(num_processes())]
    torch.distributed.all_gather(found, flat)
    joined = torch.stack(found).cpu().numpy().tobytes()
    return np.frombuffer(joined, array.dtype).reshape(-1, *array.shape)


def _device():
    """Returns where the group's messages are."""
    is_nccl = torch.distributed.get_backend() == "nccl"
    return torch.device("cuda" if is_nccl else "cpu")


def refuse_other_processes(model: keras.Model) -> None:
    """Raises an error where Keras would distribute a model by itself.

    Raises:
        RuntimeError: If `keras.distribution` is set, which does not know of gradients
            that the engine takes.
    """
    if keras.distribution.distribution() is not None:
        raise RuntimeError(
            f"{type(model).__name__} does not train under `keras.distribution` on "
            "torch: Keras would not see the gradients of its objectives. Call "
            "`keras.distribution.set_distribution(None)` and start a group by "
            "`torch.distributed.init_process_group`, over which they are averaged."
        )


class Average:
    """Tensors that become their mean over the processes, the same bits in each."""

    def __call__(self, *tensors: torch.Tensor) -> list[torch.Tensor]:
        # Half a precision would not do for a mean; `cat` takes the largest.
        flat = torch.cat([_at_least_single(tensor).reshape(-1) for tensor in tensors])
        # Gloo takes what a GPU holds to the host and back by itself.
        torch.distributed.all_reduce(flat)
        flat = flat / num_processes()
        parts = flat.split([tensor.numel() for tensor in tensors])
        return [
            part.reshape(tensor.shape).to(tensor.dtype)
            for part, tensor in zip(parts, tensors, strict=True)
        ]


def _at_least_single(tensor):
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))


_average = Average()


class AverageCall(Call):
    """A mean over the processes in a recording: never left out, nor made once of two.

    All processes take the same ones in the same order, or wait for ever.
    """

    draws = True

    def written(self):
        return iter(())

    def viewed(self):
        return iter(())


@torch.no_grad()
def averaged(tensors: Sequence[torch.Tensor | None]) -> list:
    """Returns the means of tensors over the processes; `None` stays.

    Args:
        tensors: Tensors or `None`, of the same shapes in each process.
    """
    present = [tensor.detach() for tensor in tensors if tensor is not None]
    if num_processes() == 1 or not present:
        return list(tensors)
    recording = innermost()
    with unnoted():
        means = _average(*present)
    if recording is not None:
        recording.note(AverageCall, _average, present, means)
    rest = iter(means)
    return [None if tensor is None else next(rest) for tensor in tensors]


@contextlib.contextmanager
def shared_changes(model: keras.Model) -> Iterator[None]:
    """Lets weights that no optimizer trains change by the mean over the processes.

    Moving statistics follow the data of a process. What does not change stays what it
    is, to the bit.
    """
    if num_processes() == 1:
        yield
        return
    values = [
        v.value
        for v in model.non_trainable_variables
        if not is_own(v) and v.value.is_floating_point()
    ]
    before = [value.detach().clone() for value in values]
    yield
    with torch.no_grad():
        changes = [v - old for v, old in zip(values, before, strict=True)]
        for value, old, change in zip(values, before, averaged(changes), strict=True):
            value.copy_(old + change)


def whole_values(variables: list) -> contextlib.AbstractContextManager:
    """Returns a context without effect: each process has all of every variable."""
    del variables
    return contextlib.nullcontext()


@contextlib.contextmanager
def summed_metrics(model: keras.Model) -> Iterator[None]:
    """Lets metrics, which are sums over examples, be read as those of all processes."""
    if num_processes() == 1:
        yield
        return
    variables = model.metrics_variables
    means = averaged([v.value for v in variables])
    totals = [mean * num_processes() for mean in means]
    with keras.StatelessScope(state_mapping=list(zip(variables, totals, strict=True))):
        yield


@torch.no_grad()
def join(model: Any) -> None:
    """Gives all processes the weights of process 0, and each random numbers of its own.

    A seed follows from that of process 0, which alone is in files: a run that resumes
    draws the same.

    Args:
        model: Compiled model.
    """
    if num_processes() == 1:
        return
    for variable in [*model.variables, *model.optimizer.variables]:
        if not is_own(variable):
            value = variable.value.detach().to(_device(), copy=True)
            torch.distributed.broadcast(value, 0)
            if variable.name == "seed_generator_state":
                value[0] = _wrapped(int(value[0]) + process_id() * SPREAD, value.dtype)
            variable.value.copy_(value)


def _wrapped(number, dtype):
    """Returns 32 bits of an int, as Keras keeps those of a seed."""
    number %= 2**32
    return number - 2**32 if dtype == torch.int32 and number >= 2**31 else number
