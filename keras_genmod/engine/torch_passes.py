"""Lists of calls that do the same with less."""

import collections
import dataclasses
from collections.abc import Callable
from typing import Any

import torch

from keras_genmod.engine.torch_calls import (
    Call,
    Draws,
    HostNumber,
    Slot,
    leaves,
    mapped,
)

# Calls that change the shape of a tensor: it may not stand for another.
_RESHAPES = {
    "as_strided_",
    "resize_",
    "set_",
    "squeeze_",
    "swapaxes_",
    "swapdims_",
    "t_",
    "transpose_",
    "unsqueeze_",
}


def without_aliases(calls: list[Call], outputs: Any) -> tuple:
    """Lets a tensor stand for what shows all of it: without autograd they are one."""
    if any(str(call.function).split(".")[1] in _RESHAPES for call in calls):
        return calls, outputs
    same: dict[Slot, Slot] = {}
    kept = []
    for call in calls:
        call = _renamed(call, same)
        if not call.is_alias:
            kept.append(call)
        elif call.outputs is not None:
            same[call.outputs] = call.args[0]
    return kept, _renamed_value(outputs, same)


def without_repeats(
    calls: list[Call],
    outputs: Any,
    shared: dict[int, int],
    constants: dict[int, torch.Tensor],
) -> tuple:
    """Makes calls that give the same once: what they read is not written into between.

    So two networks' objectives share what both compute of one that neither has updated
    yet. What a backward pass computes again is not what was forgotten for it: memory is
    not to be held from the one to the other.

    Args:
        calls: List of `Call`.
        outputs: Nest of what is returned.
        shared: As `shared_memory` returns it.
        constants: Tensors that never change, by the number of their slot.
    """
    root = roots(calls, shared)
    written = {root(slot) for call in calls for slot in call.written()}
    num_writes: collections.Counter = collections.Counter()
    same = _equal_numbers(constants)
    known: dict[tuple, list] = {}
    kept = []
    for call in calls:
        call = _renamed(call, same)
        results = call.results()
        if not _may_be_shared(call):
            kept.append(call)
        elif (key := _what_it_gives(call, root, written, num_writes)) in known:
            same.update(zip(results, known[key], strict=True))
        else:
            if key is not None:
                known[key] = results
            kept.append(call)
        num_writes.update(root(slot) for slot in call.written())
    return kept, _renamed_value(outputs, same)


def _may_be_shared(call):
    """Whether what a call gives depends on its arguments alone, which it leaves."""
    given = leaves([call.args, call.kwargs])
    seeds = [draws.seed for draws in given if isinstance(draws, Draws)]
    return (
        call.results()
        and (not call.draws or (seeds and None not in seeds))
        and "empty" not in getattr(call.function, "__name__", "empty")
        and not any(call.written())
    )


def _what_it_gives(call, root, written, num_writes):
    """Returns what two calls have in common that give the same, or `None`."""
    args, kwargs = (mapped(_seed, value) for value in (call.args, call.kwargs))
    is_view = not call.is_new and any(call.viewed())  # of memory that may change
    is_whole = call.is_new and not any(root(slot) in written for slot in call.results())
    if not (is_view or is_whole):
        return None
    return (
        *(call.function, repr(args), repr(kwargs), len(call.results())),
        *(num_writes[root(slot)] for slot in call.slots()),
        is_view or call.backward,
    )


def _seed(value):
    return ("seeded", value.seed) if isinstance(value, Draws) else value


def without_copies(
    calls: list[Call], outputs: Any, shared: dict[int, int], layouts: dict[int, tuple]
) -> list[Call]:
    """Lets what was copied to another layout and back stand for its copy.

    Keras copies the images that a convolution takes to NCHW, and that to the layout
    which they had before. Neither is written into, and the copy is not returned.

    Args:
        calls: List of `Call`.
        outputs: Nest of what is returned.
        shared: As `shared_memory` returns it.
        layouts: Those of all tensors, by the number of their slot.
    """
    root = roots(calls, shared)
    fixed = {root(slot) for call in calls for slot in call.written()}
    fixed |= {root(leaf) for leaf in leaves(outputs) if isinstance(leaf, Slot)}
    sources: dict[Slot, Slot] = {}
    same: dict[Slot, Slot] = {}
    kept = []
    for call in calls:
        call = _renamed(call, same)
        if call.function is torch.ops.aten.clone.default:
            (copy,), source = call.results(), call.args[0]
            if not fixed & {root(copy), root(source)}:
                sources[copy] = source
            while source in sources and layouts[source.number] != layouts[copy.number]:
                source = sources[source]
            if copy in sources and layouts[source.number] == layouts[copy.number]:
                same[copy] = source
                continue
        kept.append(call)
    return kept


def _equal_numbers(constants):
    """Returns, for slots of single numbers, the first slot of the same number."""
    first: dict[tuple, Slot] = {}
    same = {}
    for number, tensor in constants.items():
        if tensor.numel() == 1:
            value = repr(tensor.item())
            key = value, tensor.dtype, tensor.device, tuple(tensor.shape)
            slot = Slot(number)
            if first.setdefault(key, slot) != slot:
                same[slot] = first[key]
    return same


def _renamed(call, same):
    if not any(slot in same for slot in call.slots()):
        return call
    args, kwargs = (_renamed_value(v, same) for v in (call.args, call.kwargs))
    return dataclasses.replace(call, args=args, kwargs=kwargs)


def _renamed_value(value, same):
    def renamed(leaf):
        if isinstance(leaf, HostNumber):
            return HostNumber(renamed(leaf.tensor))
        if isinstance(leaf, Draws) and leaf.seed is not None:
            return Draws(leaf.number, renamed(leaf.seed))
        return same.get(leaf, leaf) if isinstance(leaf, Slot) else leaf

    return mapped(renamed, value)


def shared_memory(tensors: dict[int, torch.Tensor]) -> dict[int, int]:
    """Returns, for tensors by number, the first whose memory each shares, if another's.

    A view that was made before anything was recorded, say of a weight that is trained.
    """
    first: dict[int, int] = {}
    shared = {}
    for number, tensor in tensors.items():
        place = tensor.untyped_storage().data_ptr()
        if place and first.setdefault(place, number) != number:
            shared[number] = first[place]
    return shared


def roots(calls: list[Call], shared: dict[int, int]) -> Callable[[Any], int]:
    """Returns a function from a slot to the number of that whose memory it shares.

    Args:
        calls: List of `Call`.
        shared: As `shared_memory` returns it.
    """
    base = dict(shared)
    for call in calls:
        source = next(call.viewed(), None)
        if source is not None:
            for slot in call.results():
                base[slot.number] = base.get(source.number, source.number)
    return lambda slot: base.get(slot.number, slot.number)
