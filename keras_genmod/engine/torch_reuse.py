"""Calls that put their result where an argument lies that nobody needs any more.

Fresh memory is dear on a CPU: the system hands it out page by page, which of a product
of two arrays of 2 MB takes seven times as long as the product.
"""

import dataclasses
from typing import Any

import torch

from keras_genmod.engine.torch_calls import Call, Slot
from keras_genmod.engine.torch_passes import roots

_aten = torch.ops.aten

# What works element by element.
_ELEMENTWISE = {
    *("abs", "add", "clamp", "clamp_max", "clamp_min", "cos", "div", "erf", "exp"),
    *("log", "log1p", "mul", "neg", "pow", "reciprocal", "relu", "rsqrt", "sigmoid"),
    *("sin", "sqrt", "sub", "tanh"),
}
_MAY_SWAP = {_aten.add.Tensor, _aten.mul.Tensor}

# Gradients, which have no form of their own in place; `out` is one.
_OUT = {
    _aten.sigmoid_backward.default: _aten.sigmoid_backward.grad_input,
    _aten.tanh_backward.default: _aten.tanh_backward.grad_input,
    _aten.threshold_backward.default: _aten.threshold_backward.grad_input,
}


def in_place(
    calls: list[Call],
    returned: list[Slot],
    shared: dict[int, int],
    layouts: dict[int, tuple],
) -> list[Call]:
    """Lets elementwise calls overwrite an argument that is read for the last time.

    The numbers are the same to the last bit. Inputs, state, constants and what is
    returned stay as they are: only what a call before has made is overwritten.

    Args:
        calls: List of `Call`.
        returned: Slots of what they return.
        shared: As `torch_passes.shared_memory` returns it.
        layouts: Those of all tensors, by the number of their slot.
    """
    root = roots(calls, shared)
    free = _last_reads(calls, returned, root)

    def may_hold(slot, call, result):
        place = root(slot)
        others = [s for s in call.slots() if s != slot]
        return (
            free.get(place) is call
            and layouts[slot.number] == layouts[result.number]
            and all(root(other) != place for other in others)
        )

    return [_overwriting(call, may_hold) for call in calls]


def _last_reads(calls, returned, root) -> dict[int, Call]:
    """Returns, for memory that calls made for themselves, the call that reads it last.

    Args:
        calls: List of `Call`.
        returned: Slots of what they return.
        root: As `torch_passes.roots` returns it.
    """
    last: dict[int, Call] = {}
    made: set[int] = set()
    kept = {root(slot) for slot in returned}
    for call in calls:
        results = call.results()
        if call.is_new:
            made.update(s.number for s in results if root(s) == s.number)
        elif results and len({*map(root, call.viewed())}) != 1:  # views, of who knows
            kept.update(root(slot) for slot in [*call.slots(), *results])
        last.update((root(slot), call) for slot in [*call.slots(), *results])
    own = made - kept
    return {place: call for place, call in last.items() if place in own}


def _overwriting(call, may_hold) -> Call:
    twin = _twin(call.function)
    if twin is None or not isinstance(call.outputs, Slot):
        return call
    first, *rest = call.args
    if _is_held(first, call, may_hold):
        if call.function in _OUT:
            kwargs = {**call.kwargs, "grad_input": first}
            return dataclasses.replace(call, function=twin, kwargs=kwargs)
        return dataclasses.replace(call, function=twin)
    swaps = call.function in _MAY_SWAP and not call.kwargs and len(rest) == 1
    if swaps and _is_held(rest[0], call, may_hold):
        return dataclasses.replace(call, function=twin, args=(rest[0], first))
    return call


def _is_held(value, call, may_hold):
    return isinstance(value, Slot) and may_hold(value, call, call.outputs)


def _twin(function) -> Any:
    """Returns the function that overwrites its first argument, or `None`."""
    if not isinstance(function, torch._ops.OpOverload):
        return None
    if function in _OUT:
        return _OUT[function]
    name = function._schema.name.removeprefix("aten::")
    if name not in _ELEMENTWISE:
        return None
    packet = getattr(_aten, f"{name}_", None)
    return getattr(packet, function._overloadname, None)
