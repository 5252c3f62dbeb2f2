"""Methods that are compiled once and called often."""

import collections
import contextlib
import contextvars
import functools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from keras import ops, tree

from keras_genmod.engine import backend

_MAX_CALLS = 64  # of one model: the oldest are forgotten


class CompiledCall(NamedTuple):
    """One call of a compiled method: whose, with what, and what came of it."""

    model: Any
    method: Callable
    tensors: tuple
    static: dict
    result: Any


_WATCHER: contextvars.ContextVar[list | None] = contextvars.ContextVar("watcher")
_IN_PARTS: contextvars.ContextVar[bool] = contextvars.ContextVar("in_parts")


@contextlib.contextmanager
def _set(variable: contextvars.ContextVar, value: Any) -> Iterator[None]:
    before = variable.set(value)
    try:
        yield
    finally:
        variable.reset(before)


@contextlib.contextmanager
def watched_calls() -> Iterator[list[CompiledCall]]:
    """Gives a list that compiled calls are added to, without those inside of others."""
    calls: list[CompiledCall] = []
    with _set(_WATCHER, calls):
        yield calls


def part_of_a_program() -> contextlib.AbstractContextManager:
    """Lets compiled methods run as they are written: another program traces them."""
    return _set(_IN_PARTS, True)


def compiled(xla: bool | Callable[[Any], bool] = False):
    """Turns a method of a Keras model into one compiled call on each backend.

    The method reads the model's variables and draws from `Seeds`; it must not assign
    variables. It is compiled once for each set of keyword arguments, which are
    static and hashable; positional arguments are nests of tensors,
    NumPy arrays or `None`.
    JAX jits it over the variables' values, TensorFlow makes it a `tf.function`, torch
    records what it does without autograd, and repeats that.

    Args:
        xla: Whether TensorFlow compiles the call with XLA: worth its compile time
            for methods with a long loop. JAX always uses XLA. Or a function of the
            model that says whether.

    Returns:
        A decorator for methods.

    Example:
    ```python
    @compiled(xla=True)
    def _sample(self, state, condition, *, num_samples): ...
    ```
    """

    def decorate(method):
        @functools.wraps(method)
        def call(self, *tensors, **static):
            given = tuple(tree.map_structure(_tensor, nest) for nest in tensors)
            if _IN_PARTS.get(False):
                return method(self, *given, **static)
            # Written past Keras' attribute tracking: this is no state of the model.
            cache = self.__dict__.setdefault(
                "_compiled_calls", collections.OrderedDict()
            )
            variables = list(self.variables)
            key = (
                method.__qualname__,
                tuple(sorted(static.items())),
                tuple(map(id, variables)),
            )
            if key not in cache:
                function = functools.partial(method, self, **static)
                uses_xla = xla(self) if callable(xla) else xla
                made = backend.compile_call(function, variables, uses_xla)
                # With the variables: while they are there, no others have their ids.
                cache[key] = made, variables
                if len(cache) > _MAX_CALLS:
                    cache.popitem(last=False)
            cache.move_to_end(key)
            run, _ = cache[key]
            calls = _WATCHER.get(None)
            if calls is None:
                return run(*given)
            with _set(_WATCHER, None):
                result = run(*given)
            calls.append(CompiledCall(self, method, given, static, result))
            return result

        return call

    return decorate


def _tensor(x):
    return None if x is None else ops.convert_to_tensor(x)
