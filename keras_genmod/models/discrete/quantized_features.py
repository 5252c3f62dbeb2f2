"""What autoencoders offer that quantize the features of one encoder."""

from typing import Any

import keras
from keras import ops

from keras_genmod import checks
from keras_genmod.engine import compiled
from keras_genmod.layers.quantizer import Quantizer
from keras_genmod.models import network_checks
from keras_genmod.models.discrete.coded import Coded


class QuantizedFeatures(Coded):
    """The part of one with an encoder, a quantizer of its features, and a decoder."""

    encoder: keras.Model
    quantizer: Quantizer

    def _quantized(self, x, training=False):
        features = self.encoder(x, training=training)
        return self.quantizer(features, training=training)

    def _lookup(self, codes):
        return self.quantizer.lookup(codes)

    def encode_features(self, x: Any) -> Any:
        """Returns what the quantizer takes, float32 `(batch, *grid, input_dim)`.

        Args:
            x: Data `(batch, *data_shape)`.
        """
        self.check_examples(x)
        return self._encode_features(x)

    @compiled()
    def _encode_features(self, x):
        features = self.encoder(ops.cast(x, "float32"), training=False)
        return ops.cast(features, "float32")

    def decode_features(self, features: Any) -> Any:
        """Returns the data of features, which are quantized on the way.

        Args:
            features: Floats `(batch, *grid, input_dim)`.

        Returns:
            Float32 tensor `(batch, *data_shape)`.
        """
        shape = (*self.grid, self.quantizer.input_dim)
        checks.shape("features", features, shape)
        return self._decode_features(features)

    @compiled()
    def _decode_features(self, features):
        codes = self.quantizer(features, training=False)["codes"]
        return self._images_of(self._lookup(codes))


def grid_of(encoder: Any, quantizer: Any, level: str = "") -> tuple:
    """Returns the data's shape and that of an example's codes.

    Args:
        encoder: Network from data to the features of a quantizer.
        quantizer: `Quantizer`.
        level: What the names of both arguments begin with in messages.

    Raises:
        ValueError: If the quantizer does not take what the encoder returns.
    """
    if not isinstance(quantizer, Quantizer):
        raise ValueError(
            f"`{level}quantizer` must be a `keras_genmod.layers.VectorQuantizer`, "
            "`FiniteScalarQuantizer` or `GumbelQuantizer`. "
            f"Received: {level}quantizer={quantizer!r}"
        )
    name = f"{level}encoder"
    data_shape, features = network_checks.shapes(name, encoder)
    network_checks.known_shape(name, data_shape)
    network_checks.known_shape(name, features)
    if features[-1] != quantizer.input_dim:
        raise ValueError(
            f"`{name}` must end in {quantizer.input_dim} channels, as the quantizer "
            f"takes them. Received an output of shape {features} (without the batch)"
        )
    return data_shape, features[:-1]
