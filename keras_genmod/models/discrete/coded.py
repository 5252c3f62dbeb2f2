"""What all autoencoders to codes offer: codes, their images, and back."""

from typing import Any

import keras
from keras import ops

from keras_genmod import checks
from keras_genmod.engine import Seeds, compiled, uniform
from keras_genmod.layers.quantizer import Quantizer
from keras_genmod.models import network_checks
from keras_genmod.models.discrete import code_checks
from keras_genmod.models.generative_model import GenerativeModel


class Coded(GenerativeModel):
    """The part of an autoencoder with an encoder, a quantizer and a decoder.

    A subclass sets them, `grid` and `num_codes`, and gives `_images_of`.
    """

    encoder: keras.Model
    quantizer: Quantizer
    grid: tuple[int, ...]
    num_codes: int

    def _images_of(self, vectors):
        """Returns the data that vectors `(batch, *grid, code_dim)` stand for."""
        raise NotImplementedError

    def _codes(self, x):
        return self.quantizer(self.encoder(x, training=False), training=False)["codes"]

    def encode(self, x: Any) -> Any:
        """Returns the codes of data `(batch, *data_shape)`, int32 `(batch, *grid)`."""
        self.check_examples(x)
        return self._encode(x)

    @compiled()
    def _encode(self, x):
        return self._codes(ops.cast(x, "float32"))

    def decode(self, codes: Any) -> Any:
        """Returns the data of codes, the mean where there is a likelihood.

        Args:
            codes: Ints `(batch, *grid)` from 0 to `num_codes` - 1.

        Returns:
            Float32 tensor `(batch, *data_shape)`.

        Raises:
            ValueError: If the codes are not such.
        """
        return self._decode(code_checks.codes(codes, self.grid, self.num_codes))

    @compiled()
    def _decode(self, codes):
        return self._images_of(self.quantizer.lookup(codes))

    def reconstruct(self, x: Any) -> Any:
        """Returns `decode(encode(x))`, of the shape of `x`."""
        return self.decode(self.encode(x))

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
        return self._images_of(self.quantizer.lookup(codes))

    @compiled()
    def _sample(self, state, condition, *, num_samples):
        # Of codes in uniform use, as nothing says otherwise.
        noise = uniform((num_samples, *self.grid), Seeds(state))
        codes = ops.cast(ops.floor(noise * self.num_codes), "int32")
        codes = ops.minimum(codes, self.num_codes - 1)
        return self._images_of(self.quantizer.lookup(codes))


def grid_of(encoder: Any, quantizer: Any) -> tuple:
    """Returns the data's shape and that of an example's codes.

    Raises:
        ValueError: If the quantizer does not take what the encoder returns.
    """
    if not isinstance(quantizer, Quantizer):
        raise ValueError(
            "`quantizer` must be a `keras_genmod.layers.VectorQuantizer`, "
            "`FiniteScalarQuantizer` or `GumbelQuantizer`. "
            f"Received: quantizer={quantizer!r}"
        )
    data_shape, features = network_checks.shapes("encoder", encoder)
    network_checks.known_shape("encoder", data_shape)
    network_checks.known_shape("encoder", features)
    if features[-1] != quantizer.input_dim:
        raise ValueError(
            f"`encoder` must end in {quantizer.input_dim} channels, as the quantizer "
            f"takes them. Received an output of shape {features} (without the batch)"
        )
    return data_shape, features[:-1]
