"""The calls of a recording on PyTorch, and nests of what they take."""

import dataclasses
import functools
from collections.abc import Callable, Iterator
from typing import Any

import torch


@dataclasses.dataclass(frozen=True)
class Slot:
    """A tensor of a recording, by its number."""

    number: int

    def __hash__(self):
        return self.number

    def __repr__(self):
        return f"t{self.number}"


@dataclasses.dataclass(frozen=True)
class HostNumber:
    """The number in a tensor of one element, read where a call takes numbers."""

    tensor: Slot

    def __repr__(self):
        return f"{self.tensor}.item()"


@dataclasses.dataclass(frozen=True)
class Draws:
    """A generator of random numbers, by its number; `seed` where it is seeded."""

    number: int
    seed: Slot | None = None

    def __repr__(self):
        return f"g{self.number}"


@dataclasses.dataclass(frozen=True)
class Call:
    """One aten call; tensors in its arguments are `Slot`s."""

    function: Any
    args: tuple
    kwargs: dict
    outputs: Any  # nest of `Slot`, or `None` where a result has a slot already
    is_alias: bool = False  # the result is the first argument, but for autograd
    is_new: bool = False  # the results share no memory, with arguments or one another
    backward: int = -1  # the backward pass that makes it, if any

    @property
    def draws(self) -> bool:
        """Whether it takes random numbers, which the next call then misses."""
        return draws(self.function)

    def slots(self) -> Iterator[Slot]:
        """Yields the slots that the call reads or writes into."""
        for leaf in leaves([self.args, self.kwargs]):
            if isinstance(leaf, Slot):
                yield leaf
            elif isinstance(leaf, HostNumber):
                yield leaf.tensor
            elif isinstance(leaf, Draws) and leaf.seed is not None:
                yield leaf.seed

    def results(self) -> list[Slot]:
        """Returns the slots that the call fills."""
        return [leaf for leaf in leaves(self.outputs) if isinstance(leaf, Slot)]

    def written(self) -> Iterator[Slot]:
        """Yields the slots that the call writes into."""
        return self._given_as(_written_arguments(self.function))

    def viewed(self) -> Iterator[Slot]:
        """Yields the slots that the results may share memory with."""
        return self._given_as(_viewed_arguments(self.function))

    def _given_as(self, arguments):
        given = _given_as(arguments, self.args, self.kwargs)
        return (leaf for leaf in given if isinstance(leaf, Slot))


def written_among(function: Any, args: tuple, kwargs: dict) -> list[torch.Tensor]:
    """Returns the tensors that an aten function writes into."""
    given = _given_as(_written_arguments(function), args, kwargs)
    return [leaf for leaf in given if isinstance(leaf, torch.Tensor)]


def _given_as(arguments, args, kwargs):
    for i, name in arguments:
        yield from leaves(args[i] if i < len(args) else kwargs.get(name))


@functools.cache
def draws(function: Any) -> bool:
    """Whether an aten function takes random numbers."""
    return torch.Tag.nondeterministic_seeded in function.tags


@functools.cache
def has_dynamic_shape(function: Any) -> bool:
    """Whether the shape of what an aten function returns depends on values."""
    return torch.Tag.dynamic_output_shape in function.tags


# Calls that hand on a tensor without its history.
_ALIASES = (torch.ops.aten.detach.default, torch.ops.aten.lift_fresh.default)


def sharing(function: Any, args: Any, kwargs: dict, results: Any) -> tuple[bool, bool]:
    """Returns whether a view shows all of its first argument, in the same shape.

    And whether the results share no memory with the arguments or one another.
    """
    made, given = storages(results), storages([args, kwargs])
    is_new = len({*made, *given}) == len(made) + len({*given})
    return _is_alias(function, args, results), is_new


def _is_alias(function, args, results):
    if function in _ALIASES:
        return True
    if not isinstance(results, torch.Tensor) or not function.is_view:
        return False
    first = args[0]
    starts_there = results.storage_offset() == first.storage_offset()
    return starts_there and layout(results) == layout(first)


def storages(nest: Any) -> list[int]:
    """Returns which memory each tensor of a nest lies in."""
    tensors = [leaf for leaf in leaves(nest) if isinstance(leaf, torch.Tensor)]
    return [tensor.untyped_storage()._cdata for tensor in tensors]


def layout(tensor: torch.Tensor) -> tuple:
    """Returns how a tensor lies in its memory, but for where it begins."""
    place = tensor.shape, tensor.stride(), tensor.dtype
    return *place, tensor.is_conj(), tensor.is_neg()


# Written into by batch normalization, which its schemas do not tell.
_STATISTICS = ("running_mean", "running_var")


@functools.cache
def _written_arguments(function):
    """Returns places and names of the arguments that an aten function writes into."""
    return [
        (i, argument.name)
        for i, argument in enumerate(function._schema.arguments)
        if (argument.alias_info is not None and argument.alias_info.is_write)
        or ("batch_norm" in function.__name__ and argument.name in _STATISTICS)
    ]


@functools.cache
def _viewed_arguments(function):
    """Returns places and names of the arguments that its results may be views of."""
    if all(result.alias_info is None for result in function._schema.returns):
        return []
    return [
        (i, argument.name)
        for i, argument in enumerate(function._schema.arguments)
        if argument.alias_info is not None
    ]


# A tuple: a union takes twice as long to look at, and nests are looked at all the time.
_SEQUENCES = (list, tuple)


def leaves(value: Any) -> list[Any]:
    """Returns what is in a nest of lists, tuples and dicts."""
    if isinstance(value, _SEQUENCES):
        return [leaf for part in value for leaf in leaves(part)]
    if isinstance(value, dict):
        return [leaf for part in value.values() for leaf in leaves(part)]
    return [value]


def mapped(function: Callable, value: Any) -> Any:
    """Returns the nest of what a function makes of the leaves of another."""
    if isinstance(value, _SEQUENCES):
        parts = [mapped(function, part) for part in value]
        return parts if isinstance(value, list) else tuple(parts)
    if isinstance(value, dict):
        return {key: mapped(function, part) for key, part in value.items()}
    return function(value)
