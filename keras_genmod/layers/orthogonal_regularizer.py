"""A penalty that keeps the filters of a kernel apart."""

from typing import Any

import keras
from keras import ops

from keras_genmod import checks


@keras.saving.register_keras_serializable("keras_genmod")
class OrthogonalRegularizer(keras.regularizers.Regularizer):
    """weight |W^T W x (1 - I)|_F^2, x element by element: BigGAN's regularization.

    W is the kernel as a matrix, a filter a column: the loss is the sum over pairs of
    filters of their squared inner product, and their lengths are free. With latents
    truncated where a model samples, it makes more generators stay good.

    Args:
        weight: Number of at least 0; 1e-4 in the paper.

    Raises:
        ValueError: If `weight` is negative.

    References:
        Brock, Donahue and Simonyan, 2019, arXiv:1809.11096.

    Note:
        The authors' code adds 2 W (W^T W x (1 - I)) weight to the gradient, half of
        that of this loss, which is the paper's.

    Example:
    ```python
    layer = keras.layers.Conv2D(8, 3, kernel_regularizer=OrthogonalRegularizer(1e-4))
    ```
    """

    def __init__(self, weight: float = 1e-4) -> None:
        self.weight = float(checks.non_negative("weight", weight))

    def __call__(self, x: Any) -> Any:
        matrix = ops.reshape(ops.cast(x, "float32"), (-1, x.shape[-1]))
        products = ops.matmul(ops.transpose(matrix), matrix)
        apart = products * (1.0 - ops.eye(matrix.shape[-1]))
        return self.weight * ops.sum(ops.square(apart))

    def get_config(self) -> dict[str, Any]:
        return {"weight": self.weight}
