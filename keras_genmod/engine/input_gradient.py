"""The gradient of a network's scores with respect to its input."""

from collections.abc import Callable
from typing import Any

from keras import ops

from keras_genmod.engine import backend

_SCALE = 2.0**12  # a power of 2: float32 rounds as without it


def input_gradient(
    network: Callable[[Any], Any], x: Any, differentiable: bool = True
) -> Any:
    """Returns d sum(network(x)) / dx, differentiable in the weights, not in `x`.

    Every example's score must depend on that example alone (no batch statistics);
    then row `i` is the gradient of score `i`, and the batch costs one backward pass.

    Args:
        network: Callable from a tensor of the shape of `x` to scores. A network with
            further inputs is given as a `lambda`.
        x: Float tensor of shape `(batch, ...)`.
        differentiable: Whether it may be differentiated in the weights; `False` takes
            less memory and time.

    Returns:
        Float32 tensor of the shape of `x`, under any dtype policy.
    """
    x = ops.stop_gradient(ops.convert_to_tensor(x))
    _, gradient = backend.input_gradient(network, x, differentiable)
    return gradient if differentiable else ops.stop_gradient(gradient)


def value_and_input_gradient(function: Callable[[Any], Any], x: Any) -> tuple[Any, Any]:
    """Returns function(x) and its gradient for x, neither of which is differentiated.

    Small gradients pass through float16 in between: they are taken of a multiple.

    Args:
        function: Callable from a tensor of the shape of `x` to a float tensor `()`.
        x: Float tensor.

    Returns:
        Float32 tensors, `()` and of the shape of `x`.
    """
    x = ops.stop_gradient(ops.convert_to_tensor(x))
    value, gradient = backend.input_gradient(
        lambda x: _SCALE * function(x), x, differentiable=False
    )
    return ops.stop_gradient(value) / _SCALE, ops.stop_gradient(gradient) / _SCALE
