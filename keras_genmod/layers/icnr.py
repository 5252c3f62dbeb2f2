"""How convolutions before a pixel shuffle start, free of checkerboards."""

from typing import Any

import keras
from keras import ops

from keras_genmod import checks


@keras.saving.register_keras_serializable("keras_genmod")
class ICNR(keras.initializers.Initializer):
    """Starts all pixels of a square alike: the shuffle begins as nearest neighbours.

    The kernel (height, width, channels, filters factor^2) repeats one of `filters`
    factor^2 times, so that

    PixelShuffle(factor)(conv(x)) = nearest neighbour upsampling of conv'(x)

    exactly, and a constant image stays one. Kernels of independent weights start with a
    pattern of period `factor`, which training has to unlearn.

    Args:
        factor: Int of at least 1, that of the `PixelShuffle` behind the convolution.
        initializer: Keras initializer, or its name, of the kernel that is repeated.

    Raises:
        ValueError: If `factor` is not positive, there is no such initializer; where it
            is called, if factor^2 does not divide the filters.

    References:
        Aitken et al., Checkerboard artifact free sub-pixel convolution, 2017,
        arXiv:1707.02937.

    Example:
    ```python
    layer = keras.layers.Conv2D(256, 3, padding="same", kernel_initializer=ICNR(2))
    ```
    """

    def __init__(self, factor: int = 2, initializer: Any = "glorot_uniform") -> None:
        self.factor = checks.positive_int("factor", factor)
        try:
            self.initializer = keras.initializers.get(initializer)
        except (ValueError, TypeError):
            self.initializer = None
        if not isinstance(self.initializer, keras.initializers.Initializer):
            raise ValueError(
                "`initializer` must be a Keras initializer or its name. "
                f"Received: initializer={initializer!r}"
            )

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        *rest, filters = shape
        if filters % self.factor**2:
            raise ValueError(
                f"`factor` must have a square, {self.factor**2}, that divides the "
                f"filters. Received: factor={self.factor}, {filters} filters"
            )
        kernel = self.initializer((*rest, filters // self.factor**2), dtype=dtype)
        # Torch's `repeat` may give one memory many times, which no step can write to.
        return ops.reshape(ops.stack([kernel] * self.factor**2, axis=-1), shape)

    def get_config(self) -> dict[str, Any]:
        initializer = keras.initializers.serialize(self.initializer)
        return {"factor": self.factor, "initializer": initializer}
