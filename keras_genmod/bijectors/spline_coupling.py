"""The coupling layer of neural spline flows."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_genmod.bijectors import rational_quadratic
from keras_genmod.bijectors.coupling import Coupling


@keras.saving.register_keras_serializable("keras_genmod")
class SplineCoupling(Coupling):
    """Maps each value off the mask by a spline that what the mask keeps decides.

    The splines are those of `RationalQuadraticSpline`. The network's outputs are
    `3 num_bins - 1` numbers for the first channel, then those for the second, and so
    on, on the last axis. A network whose last layer is zero makes the identity.

    Args:
        event_shape: Tuple `(event_dim,)`, or `(height, width, channels)` of images; at
            least two values.
        network: Built Keras model from the event, zeros off the mask, to
            `3 num_bins - 1` times as many values on the last axis; with
            `condition_dim`, from the list `[event, condition]`. See
            `networks.coupling_mlp`, `networks.coupling_cnn`.
        mask: "half", "checkerboard" or "channel", as in `AffineCoupling`.
        flip: Boolean, whether the other part is kept instead.
        num_bins: Int from 2 to 100, how many pieces a spline has.
        bound: Positive float, half the side of the box, outside which a spline is the
            identity.
        condition_dim: Positive int, the length of the condition, or `None`.
        **kwargs: As in `keras.layers.Layer`.

    Raises:
        ValueError: If the mask does not fit the event, or the network does not, or a
            value is out of range.

    References:
        Durkan, Bekasov, Murray and Papamakarios, Neural spline flows, 2019,
        arXiv:1906.04032.

    Example:
    ```python
    network = keras_genmod.networks.coupling_mlp(4, outputs_per_dim=3 * 8 - 1)
    x, log_det = SplineCoupling((4,), network).forward_and_log_det(ops.ones((5, 4)))
    ```
    """

    _one_value_after_the_other = True

    def __init__(
        self,
        event_shape: Sequence[int],
        network: keras.Model,
        mask: str = "half",
        flip: bool = False,
        num_bins: int = 8,
        bound: float = 3.0,
        condition_dim: int | None = None,
        **kwargs: Any,
    ) -> None:
        num_bins, bound = rational_quadratic.check_spline(num_bins, bound)
        super().__init__(
            event_shape,
            network,
            outputs_per_value=rational_quadratic.num_parameters(num_bins),
            mask=mask,
            flip=flip,
            condition_dim=condition_dim,
            **kwargs,
        )
        self.num_bins = num_bins
        self.bound = bound

    def _map_values(self, values, outputs, inverse):
        parameters = ops.reshape(
            outputs, (-1, *values.shape[1:], self.outputs_per_value)
        )
        return rational_quadratic.map_values(
            values, parameters, self.num_bins, self.bound, inverse
        )

    def get_config(self):
        return {
            **super().get_config(),
            "num_bins": self.num_bins,
            "bound": self.bound,
        }
