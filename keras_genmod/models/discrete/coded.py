"""What all autoencoders to codes offer: codes, their images, and back."""

from typing import Any

from keras import ops

from keras_genmod.engine import Seeds, compiled, uniform
from keras_genmod.models.discrete import code_checks
from keras_genmod.models.generative_model import GenerativeModel


class Coded(GenerativeModel):
    """The part of an autoencoder whose latents are codes.

    A subclass sets `grid`, the shape of an example's codes, and `num_codes`, and gives
    `_quantized`, `_lookup` and `_images_of`.
    """

    grid: tuple[int, ...]
    num_codes: int

    def __setattr__(self, name: str, value: Any) -> None:
        # No property: torch puts networks past it.
        if name == "prior":
            raise ValueError(
                "`prior` must not be set: an autoencoder would not draw from it. "
                f"`TwoStage(autoencoder, prior)` does. Received: prior={value!r}"
            )
        super().__setattr__(name, value)

    def _quantized(self, x, training=False):
        """Returns what a quantizer returns of data, with `quantized` to decode."""
        raise NotImplementedError

    def _lookup(self, codes):
        """Returns what is decoded of codes `(batch, *grid)`."""
        raise NotImplementedError

    def _images_of(self, vectors):
        """Returns the data that what is decoded stands for."""
        raise NotImplementedError

    def _codes(self, x):
        return self._quantized(x)["codes"]

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
        return self._images_of(self._lookup(codes))

    def reconstruct(self, x: Any) -> Any:
        """Returns `decode(encode(x))`, of the shape of `x`."""
        return self.decode(self.encode(x))

    @compiled()
    def _sample(self, state, condition, *, num_samples):
        # Of codes in uniform use, as nothing says otherwise.
        noise = uniform((num_samples, *self.grid), Seeds(state))
        codes = ops.cast(ops.floor(noise * self.num_codes), "int32")
        codes = ops.minimum(codes, self.num_codes - 1)
        return self._images_of(self._lookup(codes))
