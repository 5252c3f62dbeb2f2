"""The additive coupling layer of NICE."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_genmod.bijectors.coupling import Coupling


@keras.saving.register_keras_serializable("keras_genmod")
class AdditiveCoupling(Coupling):
    """x = z + t off the mask, with t from what the mask keeps: volumes stay.

    log|det df/dz| = 0, so a flow of these alone needs an `Affine` layer at its end to
    scale the values, as in the paper. A network whose last layer is zero makes the
    identity.

    Args:
        event_shape: Tuple `(event_dim,)`, or `(height, width, channels)` of images; at
            least two values.
        network: Built Keras model from the event, zeros off the mask, to as many
            values; with `condition_dim`, from the list `[event, condition]`. See
            `networks.coupling_mlp`, `networks.coupling_cnn`.
        mask: "half", "checkerboard" or "channel", as in `AffineCoupling`; the paper
            takes "checkerboard" on vectors: values of even and of odd index.
        flip: Boolean, whether the other part is kept instead.
        condition_dim: Positive int, the length of the condition, or `None`.
        **kwargs: As in `keras.layers.Layer`.

    Raises:
        ValueError: If the mask does not fit the event, or the network does not.

    References:
        Dinh, Krueger and Bengio, NICE: non-linear independent components estimation,
        2014, arXiv:1410.8516.

    Note:
        The paper's base is logistic for images; `NormalizingFlow` takes N(0, I) unless
        another base is given.

    Example:
    ```python
    network = keras_genmod.networks.coupling_mlp(4, outputs_per_dim=1)
    x = AdditiveCoupling((4,), network, mask="checkerboard").forward(ops.ones((5, 4)))
    ```
    """

    def __init__(
        self,
        event_shape: Sequence[int],
        network: keras.Model,
        mask: str = "half",
        flip: bool = False,
        condition_dim: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            event_shape,
            network,
            outputs_per_value=1,
            mask=mask,
            flip=flip,
            condition_dim=condition_dim,
            **kwargs,
        )

    def _map_values(self, values, outputs, inverse):
        mapped = values - outputs if inverse else values + outputs
        return mapped, ops.zeros_like(values)
