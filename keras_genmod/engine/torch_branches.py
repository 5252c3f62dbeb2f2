"""Branches on PyTorch: what a recording holds where a tensor's value decides."""

from collections.abc import Callable
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from keras_genmod.engine import keras_internals
from keras_genmod.engine.torch_calls import (
    draws,
    layout,
    leaves,
    mapped,
    storages,
    written_among,
)
from keras_genmod.engine.torch_recording import innermost, unnoted


def cond(due, taken, left):
    """Returns `taken()` or `left()`: a step is recorded once for each way it goes.

    A step that takes branches needs `step_branches` of its model, which says on the
    host which ones are next; see `traced`.

    Args:
        due: Boolean tensor of shape `()`.
        taken: Function without arguments.
        left: The same, of the same results.
    """
    recording = innermost()
    if recording is None:
        return taken() if due else left()
    if not recording.may_branch:
        recording.obstruct("it branches on a tensor's value")
    return taken() if _read(due) else left()


def choose(keras_cond: Callable, pred: Any, true_fn: Callable, false_fn: Callable):
    """Returns what `keras.ops.cond` does, in a recording a choice of both its sides.

    As in a graph of JAX' or TensorFlow's, both are computed there, so that the calls
    are the same whichever is due: of a `CosineDecay` that warms up, say. What they
    write is chosen, as their results are. Sides that draw, or have gradients, are an
    obstacle: the gradient of one that is not due could be NaN. An optimizer that adds
    up gradients is recorded once for each way it goes, as by `cond`: most of its steps
    leave out what takes long.

    Args:
        keras_cond: Keras' own function, for what is not recorded.
        pred: Boolean tensor of shape `()`, or what Python takes for a condition.
        true_fn: Function without arguments.
        false_fn: The same, of results of the same shapes.
    """
    recording = innermost()
    is_tensor = isinstance(pred, torch.Tensor) and not pred.is_meta
    if recording is None or not is_tensor:
        return keras_cond(pred, true_fn, false_fn)
    if keras_internals.is_of_optimizer(true_fn):  # see `torch_updates.due_updates`
        return cond(pred, true_fn, false_fn)
    is_true = _read(pred)
    # In the order of the sides, whichever is due: two recordings are to agree.
    sides = _Side(true_fn, is_true), _Side(false_fn, not is_true)
    for side in sides:
        side.run()
        side.take_back()
    due = sides[0] if is_true else sides[1]
    why = sides[0].obstacle or sides[1].obstacle or _difference(*sides)
    if why is not None:
        due.put_again()
        recording.obstruct(f"the sides of a branch on a tensor's value {why}")
        return due.results
    with torch.no_grad():
        for key, tensor in _written(*sides).items():
            # Where a side does not write, the tensor is what it was: taken back.
            values = (side.left_at(key, tensor) for side in sides)
            tensor.copy_(torch.where(pred, *values))
    others = iter(leaves(sides[1].results))

    def chosen(one):
        other = next(others)
        return one if one is None else torch.where(pred, one, other)

    return mapped(chosen, sides[0].results)


def _read(flag):
    with unnoted():
        return bool(flag)


def _difference(one, other):
    """Returns why the one side cannot be chosen in place of the other, or `None`."""
    if mapped(_kind, one.results) != mapped(_kind, other.results):
        return "differ in more than numbers"
    places = _written(one, other)
    if len(set(storages(list(places.values())))) < len(places):
        return "write into parts of one tensor"
    return None


def _written(one, other):
    return {**one.written, **other.written}


def _kind(value):
    if isinstance(value, torch.Tensor):
        return value.shape, value.dtype, value.device
    return None if value is None else object()  # like no other


class _Side(TorchDispatchMode):
    """A side of a branch, and what it does when it is run.

    Args:
        function: Function without arguments.
        is_due: Whether it would be run without a recording, too.

    Attributes:
        results: What it returns.
        written: Tensors that were there before and that it writes into, by their place.
        obstacle: What it does that cannot be chosen, or `None`.
    """

    def __init__(self, function, is_due):
        super().__init__()
        self.results: Any = None
        self.written: dict[tuple, torch.Tensor] = {}
        self.obstacle: str | None = None
        self._function, self._is_due = function, is_due
        self._before: dict[tuple, torch.Tensor] = {}
        self._after: dict[tuple, torch.Tensor] = {}
        self._new: dict[int, torch.Tensor] = {}  # kept, so that their places are theirs

    def run(self) -> None:
        """Calls the function, which need not be possible where it is not due."""
        try:
            with self:
                self.results = self._function()
        except Exception as error:
            if self._is_due:
                raise
            line = next(iter(str(error).splitlines()), repr(error))
            self._obstruct(f"are not both possible ({line})")
        if any(getattr(leaf, "requires_grad", False) for leaf in leaves(self.results)):
            self._obstruct("have gradients")

    @torch.no_grad()
    def take_back(self) -> None:
        """Puts back what it has written."""
        for key, tensor in self.written.items():
            self._after[key] = tensor.clone()
            tensor.copy_(self._before[key])

    @torch.no_grad()
    def put_again(self) -> None:
        """Writes again what was taken back."""
        for key, tensor in self.written.items():
            tensor.copy_(self._after[key])

    def left_at(self, key: tuple, tensor: torch.Tensor) -> torch.Tensor:
        """Returns what it leaves in a tensor, which is as it was before."""
        return self._after.get(key, tensor)

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if draws(func):
            self._obstruct("draw random numbers")
            if not self._is_due:
                raise RuntimeError(self.obstacle)
        for tensor in written_among(func, args, kwargs):
            self._note(tensor)
        results = func(*args, **kwargs)
        given = set(storages([args, kwargs]))
        for leaf in leaves(results):
            if isinstance(leaf, torch.Tensor) and not given & set(storages(leaf)):
                self._new[storages(leaf)[0]] = leaf
        return results

    def _note(self, tensor):
        key = *storages(tensor), tensor.storage_offset(), layout(tensor)
        if key[0] in self._new or key in self.written:
            return
        if tensor.requires_grad and not tensor.is_leaf:
            self._obstruct("have gradients")
        self.written[key], self._before[key] = tensor, tensor.clone()

    def _obstruct(self, why):
        self.obstacle = self.obstacle or why
