"""The planar flow."""

from typing import Any

import keras
from keras import ops

from keras_genmod import checks
from keras_genmod.bijectors.bijector import Bijector
from keras_genmod.bijectors.conditional_weights import add_kernel, moved
from keras_genmod.engine import while_loop

_PRECISION = 2e-7  # relative size of a move that ends the search, float32's own
_SMALLEST_GAP = 1e-6  # of 1 + w.u, so that its logarithm has a gradient
_ITERATIONS = 40  # halvings of the bracket alone reach float32; Newton needs about 6


@keras.saving.register_keras_serializable("keras_genmod")
class Planar(Bijector):
    """f(z) = z + u tanh(w.z + b): pushes space along u, away from a hyperplane.

    With s = w.z + b, det df/dz = 1 + (1 - tanh(s)^2) w.u (the matrix determinant
    lemma), in O(d). f is invertible where w.u > -1, which holds by construction: the
    free vector v becomes u = v + (m(w.v) - w.v) w / |w|^2, so that
    w.u = m(w.v) = -1 + 1e-6 + log(1 + exp(w.v)).

    The inverse solves the scalar equation a + w.u tanh(a + b) = w.x for a = w.z, which
    is monotone in a: Newton's method, kept inside a bracket that halves when Newton
    leaves it or does not halve its moves. Gradients through it are those of the
    implicit function theorem: the last Newton step stands outside the stopped
    gradient.

    With a condition, (w, v, b) is an affine map of it, example by example: the
    amortised flow of the paper, where the condition is the features that an encoder
    finds. The map starts small, so that the flow starts as one without a condition.

    Args:
        event_dim: Positive int, the length of an event.
        condition_dim: Positive int, the length of the condition, or `None`.
        seed: Int or `None`, of the initial weights.
        **kwargs: As in `keras.layers.Layer`.

    Raises:
        ValueError: If `event_dim` or `condition_dim` is not a positive int.

    References:
        Rezende and Mohamed, Variational inference with normalizing flows, 2015,
        arXiv:1505.05770, section 4.1 and appendix A.1. There is no inverse there.

    Note:
        The paper's m has no 1e-6: 1 + w.u would underflow below w.v = -87, and the
        gradient of its logarithm become NaN.

    Example:
    ```python
    x, log_det = Planar(2).forward_and_log_det(ops.ones((5, 2)))
    ```
    """

    def __init__(
        self,
        event_dim: int,
        condition_dim: int | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        event_dim = checks.positive_int("event_dim", event_dim)
        super().__init__((event_dim,), condition_dim=condition_dim, **kwargs)
        self.event_dim = event_dim
        seed = checks.seed("seed", seed)
        self.seed = seed
        # Not the same seed twice: w and v would start equal.
        seeds = [None if seed is None else seed + i for i in range(3)]
        self.w, self.v = (
            self.add_weight(
                shape=(event_dim,),
                initializer=keras.initializers.RandomNormal(0.0, scale, seed=seed),
                dtype="float32",
                autocast=False,
                name=name,
            )
            for name, scale, seed in zip(("w", "v"), (1.0, 0.1), seeds[:2], strict=True)
        )
        self.b = self.add_weight(
            shape=(), initializer="zeros", dtype="float32", autocast=False, name="b"
        )
        self.kernel = add_kernel(self, self._weights(), seeds[2])
        self.built = True

    def _weights(self):
        return [self.w, self.v, self.b]

    def _tensors(self, condition):
        """Returns w, u, b and 1 + w.u > 0, a softplus of w.v unless w = 0.

        With a condition, each has a batch axis.
        """
        w, v, b = moved(self._weights(), self.kernel, condition)
        product = ops.sum(w * v, axis=-1)
        gap = ops.softplus(product) + _SMALLEST_GAP
        squared_norm = ops.sum(ops.square(w), axis=-1)
        divisor = ops.maximum(squared_norm, 1e-12)
        u = v + ((gap - 1.0 - product) / divisor)[..., None] * w
        share = squared_norm / divisor  # 1, but for w = 0, where w.u = w.v
        return w, u, b, share * gap + (1.0 - share) * (1.0 + product)

    @staticmethod
    def _along(w, x):
        """Returns w.x of each example, `(batch,)`."""
        one_for_all = len(w.shape) == 1  # then a product with a vector is the fastest
        return ops.matmul(x, w) if one_for_all else ops.sum(x * w, axis=-1)

    @staticmethod
    def _log_det(tanh, gap):
        # 1 + (1 - tanh^2) w.u = tanh^2 + (1 - tanh^2) (1 + w.u): no cancellation
        squared = ops.square(tanh)
        return ops.log(squared + (1.0 - squared) * gap)

    def _forward_and_log_det(self, z, condition):
        w, u, b, gap = self._tensors(condition)
        tanh = ops.tanh(self._along(w, z) + b)  # (batch,)
        return z + tanh[:, None] * u, self._log_det(tanh, gap)

    def _inverse_and_log_det(self, x, condition):
        w, u, b, gap = self._tensors(condition)
        target = self._along(w, x)  # (batch,)

        def residual_and_slope(a, target, b, gap):
            # a + w.u tanh(a + b) - w.x and its derivative in a
            tanh = ops.tanh(a + b)
            squared = ops.square(tanh)
            slope = squared + (1.0 - squared) * gap
            return (a - tanh - target) + gap * tanh, slope

        def moves(a, low, high, last_move):
            return ops.any(last_move > _PRECISION * (1.0 + ops.abs(a)))

        def newton(a, low, high, last_move):
            residual, slope = residual_and_slope(a, *fixed)
            low = ops.where(residual < 0, a, low)
            high = ops.where(residual < 0, high, a)
            move = residual / ops.maximum(slope, 1e-12)
            inside = (a - move >= low) & (a - move <= high)
            # Moves that do not halve may go round in a circle inside the bracket.
            trusted = inside & (2.0 * ops.abs(move) <= last_move)
            following = ops.where(trusted, a - move, 0.5 * (low + high))
            return following, low, high, ops.abs(following - a)

        fixed = tuple(ops.stop_gradient(t) for t in (target, b, gap))
        reach = ops.abs(fixed[2] - 1.0)  # |w.u tanh| is at most |w.u|
        low, high = fixed[0] - reach, fixed[0] + reach
        start = (fixed[0], low, high, high - low)
        a, *_ = while_loop(moves, newton, start, _ITERATIONS)
        a = ops.stop_gradient(a)
        residual, slope = residual_and_slope(a, target, b, gap)
        a = a - residual / ops.stop_gradient(ops.maximum(slope, 1e-12))
        tanh = ops.tanh(a + b)
        return x - tanh[:, None] * u, -self._log_det(tanh, gap)

    def get_config(self):
        return {
            **super().get_config(),
            "event_dim": self.event_dim,
            "condition_dim": self.condition_dim,
            "seed": self.seed,
        }
