"""The element-wise rational-quadratic spline."""

from collections.abc import Sequence
from typing import Any

import keras

from keras_genmod.bijectors import rational_quadratic
from keras_genmod.bijectors.bijector import Bijector
from keras_genmod.bijectors.conditional_weights import add_kernel, moved
from keras_genmod.bijectors.events import sum_event


@keras.saving.register_keras_serializable("keras_genmod")
class RationalQuadraticSpline(Bijector):
    """Maps every value by a monotonic spline of its own, with learned knots.

    In [-bound, bound], `num_bins` pieces, each a ratio of two quadratics, with
    continuous derivatives; outside, the identity. Both directions are closed forms. It
    starts at the identity; with a condition, near it.

    Args:
        event_shape: Tuple of positive ints, the shape of an event.
        num_bins: Int from 2 to 100, how many pieces a spline has.
        bound: Positive float, half the side of the box.
        condition_dim: Positive int, the length of a condition that an affine map turns
            into the splines of each example, or `None`.
        **kwargs: As in `keras.layers.Layer`.

    Raises:
        ValueError: If an argument is out of range.

    References:
        Durkan, Bekasov, Murray and Papamakarios, Neural spline flows, 2019,
        arXiv:1906.04032.

    Note:
        The raw derivatives are shifted, so that zeros make the identity.

    Example:
    ```python
    spline = RationalQuadraticSpline((2,), num_bins=8)
    x, log_det = spline.forward_and_log_det(ops.ones((5, 2)))
    ```
    """

    def __init__(
        self,
        event_shape: Sequence[int],
        num_bins: int = 8,
        bound: float = 3.0,
        condition_dim: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(event_shape, condition_dim=condition_dim, **kwargs)
        num_bins, bound = rational_quadratic.check_spline(num_bins, bound)
        self.num_bins = num_bins
        self.bound = bound
        self.raw = self.add_weight(
            shape=(*self.event_shape, rational_quadratic.num_parameters(num_bins)),
            initializer="zeros",
            dtype="float32",
            autocast=False,
            name="raw",
        )
        self.kernel = add_kernel(self, [self.raw])
        self.built = True

    def _forward_and_log_det(self, z, condition):
        return self._map_values(z, condition, inverse=False)

    def _inverse_and_log_det(self, x, condition):
        return self._map_values(x, condition, inverse=True)

    def _map_values(self, values, condition, inverse):
        (raw,) = moved([self.raw], self.kernel, condition)
        mapped, log_det = rational_quadratic.map_values(
            values, raw, self.num_bins, self.bound, inverse
        )
        return mapped, sum_event(log_det)

    def get_config(self):
        return {
            **super().get_config(),
            "event_shape": self.event_shape,
            "num_bins": self.num_bins,
            "bound": self.bound,
            "condition_dim": self.condition_dim,
        }
