"""The affine coupling layer of RealNVP."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_genmod.bijectors.conditioner import log_scale
from keras_genmod.bijectors.coupling import Coupling


@keras.saving.register_keras_serializable("keras_genmod")
class AffineCoupling(Coupling):
    """x = z exp(s) + t off the mask, with s and t from what the mask keeps.

    log|det df/dz| is the sum of s off the mask. The network's outputs are t, then the
    raw s, on the last axis; s = 5 tanh(raw / 5) is bounded. A network whose last layer
    is zero makes the identity.

    Args:
        event_shape: Tuple `(event_dim,)`, or `(height, width, channels)` of images; at
            least two values.
        network: Built Keras model from the event, zeros off the mask, to twice as many
            values on the last axis; with `condition_dim`, from the list
            `[event, condition]`. See `networks.coupling_mlp`, `networks.coupling_cnn`.
        mask: Which part is kept. "half": the first `event_dim // 2` values of a vector.
            "checkerboard": the pixels (i, j) of even i + j, or the values of even index
            of a vector. "channel": the first `channels // 2` channels of an image.
        flip: Boolean, whether the other part is kept instead.
        condition_dim: Positive int, the length of the condition, or `None`.
        **kwargs: As in `keras.layers.Layer`.

    Raises:
        ValueError: If the mask does not fit the event, or the network does not.

    References:
        Dinh, Sohl-Dickstein and Bengio, Density estimation using Real NVP, 2017,
        arXiv:1605.08803.

    Note:
        The paper scales tanh by a weight; here the last layer's weights do so, and the
        bound is fixed. It writes the map from data to latents in this form, instead of
        that from latents to data. It puts batch normalization between couplings, which
        mixes examples; `ActNorm` takes its place here.

    Example:
    ```python
    network = keras_genmod.networks.coupling_mlp(4)
    x, log_det = AffineCoupling((4,), network).forward_and_log_det(ops.ones((5, 4)))
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
            outputs_per_value=2,
            mask=mask,
            flip=flip,
            condition_dim=condition_dim,
            **kwargs,
        )

    def _map_values(self, values, outputs, inverse):
        shift, raw = ops.split(outputs, 2, axis=-1)
        s = log_scale(raw)
        if inverse:
            return (values - shift) * ops.exp(-s), -s
        return values * ops.exp(s) + shift, s
