"""The radial flow."""

import math
from typing import Any

import keras
from keras import ops

from keras_genmod import checks
from keras_genmod.bijectors.bijector import Bijector
from keras_genmod.bijectors.conditional_weights import add_kernel, moved

_SMALLEST = 1e-6  # of alpha and alpha + beta
_SMALLEST_SQUARE = 1e-30  # of a distance that is told from 0
_SOFTPLUS_OF_ONE = math.log(math.e - 1.0)  # softplus of it is 1


@keras.saving.register_keras_serializable("keras_genmod")
class Radial(Bijector):
    """f(z) = z + beta h(alpha, r) (z - z0): draws space to a centre, or away from it.

    With r = |z - z0| and h(alpha, r) = 1 / (alpha + r), det df/dz =
    (1 + beta h)^(d - 1) (1 + beta h + beta h' r), in O(d). f is invertible where
    alpha > 0 and beta > -alpha, which hold by construction: two free numbers a and c
    give alpha = softplus(a) and alpha + beta = softplus(c), both at least 1e-6.

    Distances from z0 go from r to s = r (1 + beta h), so that the inverse solves
    r^2 + (alpha + beta - s) r - alpha s = 0 for its one root that is not negative.

    With a condition, (z0, a, c) is an affine map of it, example by example, that
    starts small: the amortised flow of the paper.

    Args:
        event_dim: Positive int, the length of an event.
        condition_dim: Positive int, the length of the condition, or `None`.
        seed: Int or `None`, of the initial weights.
        **kwargs: As in `keras.layers.Layer`.

    Raises:
        ValueError: If `event_dim` or `condition_dim` is not a positive int.

    References:
        Rezende and Mohamed, Variational inference with normalizing flows, 2015,
        arXiv:1505.05770, section 4.1 and appendix A.2. There is no inverse there.

    Example:
    ```python
    x, log_det = Radial(2).forward_and_log_det(ops.ones((5, 2)))
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
        seeds = [None if seed is None else seed + i for i in range(3)]
        initializers = keras.initializers
        self.center, self.a, self.c = (
            self.add_weight(
                shape=shape,
                initializer=initializer,
                dtype="float32",
                autocast=False,
                name=name,
            )
            for name, shape, initializer in (
                ("center", (event_dim,), initializers.RandomNormal(0.0, 1.0, seeds[0])),
                ("a", (), initializers.Constant(_SOFTPLUS_OF_ONE)),
                # beta = 0 is the identity.
                ("c", (), initializers.RandomNormal(_SOFTPLUS_OF_ONE, 0.1, seeds[1])),
            )
        )
        self.kernel = add_kernel(self, self._weights(), seeds[2])
        self.built = True

    def _weights(self):
        return [self.center, self.a, self.c]

    def _tensors(self, condition):
        """Returns z0, alpha and alpha + beta; with a condition, with a batch axis."""
        center, a, c = moved(self._weights(), self.kernel, condition)
        return center, ops.softplus(a) + _SMALLEST, ops.softplus(c) + _SMALLEST

    @staticmethod
    def _distance(offset):
        """Returns the length of each offset, `(batch,)`, with gradient 0 at 0."""
        squared = ops.sum(ops.square(offset), axis=-1)
        is_apart = squared > _SMALLEST_SQUARE
        return ops.where(is_apart, ops.sqrt(ops.where(is_apart, squared, 1.0)), 0.0)

    def _log_det(self, r, alpha, gap):
        # 1 + beta h = (gap + r) / (alpha + r), gap being alpha + beta, and
        # 1 + beta h + beta h' r = (alpha gap + (2 alpha + r) r) / (alpha + r)^2:
        # sums of what is not negative, so that nothing cancels.
        tangential = ops.log(gap + r) - ops.log(alpha + r)
        radial = ops.log(alpha * gap + (2.0 * alpha + r) * r) - 2.0 * ops.log(alpha + r)
        return (self.event_dim - 1) * tangential + radial

    def _forward_and_log_det(self, z, condition):
        center, alpha, gap = self._tensors(condition)
        offset = z - center
        r = self._distance(offset)
        scale = (gap + r) / (alpha + r)
        return center + scale[:, None] * offset, self._log_det(r, alpha, gap)

    def _inverse_and_log_det(self, x, condition):
        center, alpha, gap = self._tensors(condition)
        offset = x - center
        s = self._distance(offset)
        # Of the root's two forms, the one that adds numbers of one sign.
        half = 0.5 * (gap - s)
        is_far = half < 0
        size = ops.where(is_far, -half, half)  # `abs` has no gradient at 0
        total = size + ops.sqrt(ops.square(half) + alpha * s)
        r = ops.where(is_far, total, alpha * s / total)
        scale = (alpha + r) / (gap + r)
        return center + scale[:, None] * offset, -self._log_det(r, alpha, gap)

    def get_config(self):
        return {
            **super().get_config(),
            "event_dim": self.event_dim,
            "condition_dim": self.condition_dim,
            "seed": self.seed,
        }
