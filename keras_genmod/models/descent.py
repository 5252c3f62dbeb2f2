"""Adam on what is no weight: images, or latents, that a loss is smallest at."""

from collections.abc import Callable
from typing import Any

from keras import ops

from keras_genmod.engine import fori_loop, input_gradient

_BETAS = (0.9, 0.999)


def descend(
    loss: Callable[[Any], Any],
    start: Any,
    rate: Callable[[Any], Any],
    num_steps: int,
    epsilon: float = 1e-8,
    clip: tuple[float, float] | None = None,
) -> Any:
    """Returns where Adam arrives, in one loop on the device.

    Args:
        loss: Function from `(batch, ...)` to losses `(batch,)`, each of its example
            alone.
        start: Float32 tensor `(batch, ...)`.
        rate: Function from the share of the steps that is done with this one, in
            (0, 1], to the learning rate.
        num_steps: Positive int.
        epsilon: Of Adam; far below the gradients' size.
        clip: `(low, high)`, where each step is clipped to, or `None`.
    """

    def step(i, state):
        x, mean, square = state
        gradient = input_gradient(loss, x, differentiable=False)
        number = ops.cast(i, "float32") + 1.0
        mean = _BETAS[0] * mean + (1.0 - _BETAS[0]) * gradient
        square = _BETAS[1] * square + (1.0 - _BETAS[1]) * ops.square(gradient)
        mean_of_all = mean / (1.0 - _BETAS[0] ** number)
        square_of_all = square / (1.0 - _BETAS[1] ** number)
        length = rate(number / num_steps)
        x = x - length * mean_of_all / (ops.sqrt(square_of_all) + epsilon)
        return (x if clip is None else ops.clip(x, *clip)), mean, square

    start = ops.convert_to_tensor(start)
    zeros = ops.zeros_like(start)
    return fori_loop(num_steps, step, (start, zeros, zeros))[0]
