"""Methods that are compiled once and called often."""

import functools
from collections.abc import Callable
from typing import Any

from keras import ops, tree

from keras_genmod.engine import backend


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
            # Written past Keras' attribute tracking: this is no state of the model.
            cache = self.__dict__.setdefault("_compiled_calls", {})
            variables = list(self.variables)
            key = (
                method.__qualname__,
                tuple(sorted(static.items())),
                tuple(map(id, variables)),
            )
            if key not in cache:
                function = functools.partial(method, self, **static)
                uses_xla = xla(self) if callable(xla) else xla
                cache[key] = backend.compile_call(function, variables, uses_xla)
            return cache[key](*(tree.map_structure(_tensor, nest) for nest in tensors))

        return call

    return decorate


def _tensor(x):
    return None if x is None else ops.convert_to_tensor(x)
