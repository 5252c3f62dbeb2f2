"""The calls of a recording on PyTorch, and nests of what they take."""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import torch


@dataclasses.dataclass(frozen=True)
class Slot:
    """A tensor of a recording, by its number."""

    number: int

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

    @property
    def draws(self) -> bool:
        """Whether it takes random numbers, which the next call then misses."""
        return torch.Tag.nondeterministic_seeded in self.function.tags

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
        return self._with_alias(lambda info: info.is_write)

    def viewed(self) -> Iterator[Slot]:
        """Yields the slots that the results may share memory with."""
        if all(r.alias_info is None for r in self.function._schema.returns):
            return iter(())
        return self._with_alias(lambda info: True)

    def _with_alias(self, wanted):
        for i, argument in enumerate(self.function._schema.arguments):
            if argument.alias_info is not None and wanted(argument.alias_info):
                by_name = self.kwargs.get(argument.name)
                value = self.args[i] if i < len(self.args) else by_name
                yield from (leaf for leaf in leaves(value) if isinstance(leaf, Slot))


def leaves(value: Any) -> Iterator[Any]:
    """Yields what is in a nest of lists, tuples and dicts."""
    if isinstance(value, list | tuple):
        for part in value:
            yield from leaves(part)
    elif isinstance(value, dict):
        for part in value.values():
            yield from leaves(part)
    else:
        yield value


def mapped(function: Callable, value: Any) -> Any:
    """Returns the nest of what a function makes of the leaves of another."""
    if isinstance(value, list | tuple):
        parts = [mapped(function, part) for part in value]
        return parts if isinstance(value, list) else tuple(parts)
    if isinstance(value, dict):
        return {key: mapped(function, part) for key, part in value.items()}
    return function(value)
