"""Distances of images in the features of a classifier.

Johnson, Alahi and Fei-Fei, Perceptual losses for real-time style transfer and
super-resolution, 2016, arXiv:1603.08155; Zhang et al., The unreasonable effectiveness
of deep features as a perceptual metric, 2018, arXiv:1801.03924.
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_genmod import checks
from keras_genmod.losses.frozen_features import FrozenFeatures

_EPSILON = 1e-10  # inside the square root of a norm


@keras.saving.register_keras_serializable("keras_genmod")
class PerceptualLoss(keras.layers.Layer):
    """Mean squared difference of features, of unit length or raw, summed over layers.

    With f_l(x) the features of layer l at each place, divided by their length,

    d(x, y) = sum_l mean_places sum_c w_lc (f_lc(x) - f_lc(y))^2

    It is what LPIPS computes where the network and the weights are those of LPIPS; with
    weights of one, or another network, it is a perceptual loss and no LPIPS. Of raw
    features, with `unit_length=False`, it is the mean over channels as over places:

    d(x, y) = sum_l mean_places mean_c w_lc (f_lc(x) - f_lc(y))^2

    as in Johnson et al., who divide by channels times height times width.

    The network is copied, so that the given one may go on training; the copy has no
    trainable weights, and always works as in inference: no dropout, no batch
    statistics.

    Args:
        network: Built Functional or Sequential Keras model of images, such as a
            classifier of the recipe `feature_classifier`, or `keras.applications.VGG16(
            include_top=False, weights=path)`. It takes images in [0, 1]: one that takes
            others needs `scale` and `offset`.
        layers: Sequence of names of layers in it, or one name: for VGG16 as in LPIPS
            "block1_conv2", "block2_conv2", "block3_conv3", "block4_conv3" and
            "block5_conv3".
        weights: Sequence of an array `(channels,)` of numbers of at least 0 for each
            layer, or `None` for ones.
        scale: Number, or one a channel; the network sees scale x + offset. LPIPS takes
            images to [-1, 1] and subtracts (-.030, -.088, -.188), then divides by
            (.458, .448, .450): scale (4.367, 4.464, 4.444) and offset (-2.118, -2.036,
            -1.804).
        offset: Number, or one a channel.
        unit_length: Whether features are divided by their length, and their differences
            summed over channels; else these are averaged.
        **kwargs: As in `keras.layers.Layer`.

    Call arguments:
        inputs: Pair `(x, y)` of images `(batch, height, width, channels)` in [0, 1].

    Returns:
        Float32 tensor `(batch,)`.

    Raises:
        ValueError: If a layer is not in the network, weights do not fit its channels,
            or images have other channels than the network takes.

    Note:
        SRGAN's equation 5 divides by height times width, and does not say what becomes
        of the channels. Its weight 0.006, about 1 / 12.75^2, stands for features
        divided by 12.75, whose mean squared error it is here.

    References:
        - Johnson, Alahi and Fei-Fei, 2016, arXiv:1603.08155.
        - Zhang et al., 2018, arXiv:1801.03924.

    Example:
    ```python
    classifier = keras.saving.load_model("runs/feature_classifier/model.keras")
    loss = losses.PerceptualLoss(classifier, ["conv2d_1", "conv2d_3"])
    distances = loss((x, reconstructions))  # (batch,)
    ```
    """

    def __init__(
        self,
        network: keras.Model,
        layers: Sequence[str] | str,
        weights: Sequence[Any] | None = None,
        scale: Any = 1.0,
        offset: Any = 0.0,
        unit_length: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(autocast=False, **kwargs)
        features = FrozenFeatures(network, layers, scale, offset)
        self.unit_length = checks.boolean("unit_length", unit_length)
        self.channels = features.channels
        self.channel_weights = _channel_weights(weights, features.sizes)
        self.network = features.network
        self._features = features
        self.built = True

    def call(self, inputs):
        x, y = inputs
        total = 0.0
        pairs = zip(self._features_of(x), self._features_of(y), strict=True)
        for i, (of_x, of_y) in enumerate(pairs):
            squared = ops.square(of_x - of_y)
            if self.channel_weights is not None:
                squared = squared * ops.convert_to_tensor(self.channel_weights[i])
            over_channels = ops.sum if self.unit_length else ops.mean
            errors = over_channels(squared, axis=-1)  # (batch, height, width)
            errors = ops.reshape(errors, (ops.shape(errors)[0], -1))
            total = total + ops.mean(errors, axis=1)
        return total

    def _features_of(self, x):
        for features in self._features(x):
            if not self.unit_length:
                yield features
                continue
            squared = ops.sum(ops.square(features), axis=-1, keepdims=True)
            yield features * ops.rsqrt(squared + _EPSILON)

    def compute_output_shape(self, input_shape):
        return (input_shape[0][0],)

    def get_config(self):
        weights = self.channel_weights
        return {
            **super().get_config(),
            "network": keras.saving.serialize_keras_object(self.network),
            "layers": self._features.layer_names,
            "weights": None if weights is None else [w.tolist() for w in weights],
            "scale": self._features.scale.tolist(),
            "offset": self._features.offset.tolist(),
            "unit_length": self.unit_length,
        }

    @classmethod
    def from_config(cls, config):
        network = keras.saving.deserialize_keras_object(config["network"])
        return cls(**{**config, "network": network})


def _channel_weights(weights, sizes):
    if weights is None:
        return None
    is_list = isinstance(weights, (list, tuple)) and len(weights) == len(sizes)
    arrays = [checks.real_numbers("weights", w) for w in weights] if is_list else []
    fits = is_list and all(
        a.shape == (n,) and a.min() >= 0 for a, n in zip(arrays, sizes, strict=True)
    )
    if not fits:
        raise ValueError(
            "`weights` must be an array of numbers of at least 0 for each layer, of "
            f"{sizes} channels. Received: weights={weights!r}"
        )
    return [np.asarray(array, "float32") for array in arrays]
