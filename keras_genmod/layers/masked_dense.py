"""The masked dense layer of autoregressive networks on vectors."""

from typing import Any

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable("keras_genmod")
class MaskedDense(keras.layers.Dense):
    """Dense layer whose outputs see the inputs of no higher degree than their own.

    The degree of a unit says how many values of an ordered vector it may depend on:
    the first ones. Value 1 of the vector has degree 1, a condition has degree 0; an
    output of degree 0 sees nothing else. Stacks of such layers are autoregressive
    whatever the hidden degrees are, if the outputs that belong to value i have degree
    i - 1.

    Masked weights start at zero, are multiplied by zero wherever `kernel` is read, and
    have zero gradient, so they stay zero in memory and in files.

    Args:
        input_degrees: List of ints of at least 0, one an input.
        output_degrees: List of ints of at least 0, one an output.
        **kwargs: Further arguments of `keras.layers.Dense`, but `units`.

    Raises:
        ValueError: If degrees are not as above, or do not fit the inputs.

    References:
        Germain, Gregor, Murray and Larochelle, MADE: masked autoencoder for
        distribution estimation, 2015, arXiv:1502.03509.

    Example:
    ```python
    hidden = MaskedDense([1, 2, 3], [1, 2, 1, 2], activation="relu")
    outputs = MaskedDense([1, 2, 1, 2], [0, 1, 2])
    outputs(hidden(ops.zeros((1, 3))))  # value i sees the values before it
    ```
    """

    kernel_initializer: Any

    def __init__(self, input_degrees: Any, output_degrees: Any, **kwargs: Any) -> None:
        for name, degrees in (
            ("input_degrees", input_degrees),
            ("output_degrees", output_degrees),
        ):
            is_sequence = isinstance(degrees, (list, tuple)) and len(degrees) > 0
            if not is_sequence or not all(map(_is_degree, degrees)):
                raise ValueError(
                    f"`{name}` must be a non-empty list of ints of at least 0. "
                    f"Received: {name}={degrees!r}"
                )
        super().__init__(len(output_degrees), **kwargs)
        self.input_degrees = tuple(map(int, input_degrees))
        self.output_degrees = tuple(map(int, output_degrees))
        shown = np.array(input_degrees)[:, None] <= np.array(output_degrees)
        self._kernel_mask = shown.astype("float32")

    def build(self, input_shape):
        if input_shape[-1] != len(self.input_degrees):
            raise ValueError(
                "`input_degrees` must hold one degree an input. Received: "
                f"{len(self.input_degrees)} degrees, {input_shape[-1]} inputs"
            )
        initializer = self.kernel_initializer
        self.kernel_initializer = lambda shape, dtype=None: ops.multiply(
            initializer(shape, dtype=dtype), ops.cast(self._kernel_mask, dtype)
        )
        super().build(input_shape)
        self.kernel_initializer = initializer

    @property
    def kernel(self) -> Any:
        kernel = ops.convert_to_tensor(super().kernel)
        return kernel * ops.cast(self._kernel_mask, kernel.dtype)

    def get_config(self):
        config = super().get_config()
        del config["units"]
        return {
            **config,
            "input_degrees": list(self.input_degrees),
            "output_degrees": list(self.output_degrees),
        }


def _is_degree(value) -> bool:
    is_int = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    return is_int and value >= 0
