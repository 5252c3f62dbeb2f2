"""A learnable linear map in factors that stay invertible."""

from typing import Any

import keras
import numpy as np
import scipy.linalg
from keras import ops

from keras_genmod import checks
from keras_genmod.bijectors.bijector import Bijector
from keras_genmod.bijectors.events import same_for_all

_LARGEST_CONDITION = 1e6  # of a matrix: beyond, float32 loses all digits of an inverse


@keras.saving.register_keras_serializable("keras_genmod")
class InvertibleLinear(Bijector):
    """f(z) = W z with W = P L (U + diag(sign exp(s))).

    P is a fixed permutation, L lower triangular with ones on its diagonal, U strictly
    upper triangular, the signs are fixed: W is invertible whatever the weights L, U and
    s are, and log|det W| = sum_i s_i without a decomposition. The inverse solves two
    triangular systems for W^-1, once for all examples (or pixels), and multiplies.

    Args:
        event_dim: Positive int, the length of an event.
        matrix: Array `(event_dim, event_dim)` that W starts as; `None` draws a random
            rotation (or reflection).
        seed: Int for the same draw each time.
        **kwargs: As in `keras.layers.Layer`.

    Raises:
        ValueError: If an argument is out of range, or the matrix singular.

    References:
        Kingma and Dhariwal, Glow, 2018, arXiv:1807.03039, sections 3.2 and 3.3.

    Note:
        In the paper W leads from data to latents; here from latents to data.

    Example:
    ```python
    x = InvertibleLinear(2, matrix=[[1.0, 2.0], [0.0, 1.0]]).forward(ops.ones((5, 2)))
    ```
    """

    def __init__(
        self, event_dim: int, matrix: Any = None, seed: int | None = None, **kwargs: Any
    ) -> None:
        event_dim = checks.positive_int("event_dim", event_dim)
        super().__init__((event_dim,), **kwargs)
        self.event_dim = event_dim
        self.matrix = None if matrix is None else _checked(matrix, event_dim)
        self.seed = checks.seed("seed", seed)
        start = self.matrix
        if start is None:
            start = keras.initializers.Orthogonal(seed=seed)((event_dim, event_dim))
            start = ops.convert_to_numpy(start)
        permutation, lower, upper = scipy.linalg.lu(np.asarray(start, "float64"))
        diagonal = np.diag(upper)
        self.lower = self._weight("lower", np.tril(lower, -1))
        self.upper = self._weight("upper", np.triu(upper, 1))
        self.log_diagonal = self._weight("log_diagonal", np.log(np.abs(diagonal)))
        self._permutation = self._weight("permutation", permutation, trainable=False)
        self._signs = self._weight("signs", np.sign(diagonal), trainable=False)
        self.built = True

    def _weight(self, name, value, trainable=True):
        weight = self.add_weight(
            shape=value.shape,
            initializer="zeros",
            dtype="float32",
            autocast=False,
            trainable=trainable,
            name=name,
        )
        weight.assign(value)
        return weight

    def _factors(self):
        """Returns P, L, U with its diagonal, and s."""
        lower, upper, log_diagonal, permutation, signs = map(
            ops.convert_to_tensor,
            (
                self.lower,
                self.upper,
                self.log_diagonal,
                self._permutation,
                self._signs,
            ),
        )
        identity = ops.eye(self.event_dim, dtype="float32")
        lower = ops.tril(lower, -1) + identity
        upper = ops.triu(upper, 1) + signs * ops.exp(log_diagonal) * identity
        return permutation, lower, upper, log_diagonal

    def _forward_and_log_det(self, z, condition):
        permutation, lower, upper, log_diagonal = self._factors()
        matrix = ops.matmul(permutation, ops.matmul(lower, upper))
        x = ops.matmul(z, ops.transpose(matrix))  # rows are examples
        return x, same_for_all(ops.sum(log_diagonal), z)

    def _inverse_and_log_det(self, x, condition):
        permutation, lower, upper, log_diagonal = self._factors()
        identity = ops.eye(self.event_dim, dtype="float32")
        inverse = ops.solve_triangular(lower, identity, lower=True)
        inverse = ops.solve_triangular(upper, inverse)
        inverse = ops.matmul(inverse, ops.transpose(permutation))  # P^-1 = P^T
        z = ops.matmul(x, ops.transpose(inverse))  # rows are examples
        return z, same_for_all(-ops.sum(log_diagonal), x)

    def get_config(self):
        return {
            **super().get_config(),
            "event_dim": self.event_dim,
            "matrix": self.matrix,
            "seed": self.seed,
        }


def _checked(matrix, event_dim):
    """Returns the matrix as nested lists; raises unless float32 can invert it."""
    matrix = checks.as_numpy(matrix, "matrix")
    found = checks.numeric("matrix", matrix).astype("float64")
    if found.shape != (event_dim, event_dim) or not np.all(np.isfinite(found)):
        raise ValueError(
            f"`matrix` must be finite, of shape ({event_dim}, {event_dim}). "
            f"Received: matrix={matrix}"
        )
    condition = np.linalg.cond(found)
    if not condition < _LARGEST_CONDITION:
        raise ValueError(
            "`matrix` must be invertible: this one is singular, or so nearly that "
            f"float32 cannot invert it (condition number {condition:.3g}). "
            f"Received: matrix={matrix}"
        )
    return found.tolist()
