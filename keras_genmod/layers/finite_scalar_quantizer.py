"""Codes without a codebook: a few levels a channel.

Mentzer, Minnen, Agustsson and Tschannen, Finite scalar quantization: VQ-VAE made
simple, 2023, arXiv:2309.15505.

Departure: a channel of two levels is not shifted. The paper's shift, atanh(1/2 / half),
is NaN there, and with a wider tanh it sits where that has no slope.
"""

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_genmod import checks
from keras_genmod.layers.quantizer import (
    Quantizer,
    straight_through,
    sum_over_positions,
)

_MARGIN = 1e-3  # how far the levels' ends lie from half a level beyond


@keras.saving.register_keras_serializable("keras_genmod")
class FiniteScalarQuantizer(Quantizer):
    """Rounds each channel of a bounded feature vector to one of a few levels.

    With L levels, h = (L - 1)(1 - 0.001) / 2, and o = 1/2 for even L, 0 for odd L,

    y = h tanh(z + atanh(o / h)) - o,  quantized = (y + sg(round(y) - y)) / floor(L / 2)

    in [-1, 1], where sg stops gradients. The code of a vector is the number whose
    digits are the levels of its channels, the first one least. Nothing is learned here,
    and the loss is 0.

    Args:
        levels: Sequence of ints of at least 2, the levels of each channel; their
            product is the number of codes. The paper's for 2^8, 2^10 and 2^12 codes are
            `(8, 6, 5)`, `(8, 5, 5, 5)` and `(7, 5, 5, 5, 5)`.
        **kwargs: As in `keras.layers.Layer`.

    Call arguments:
        inputs: Float tensor `(batch, ..., len(levels))`.

    Returns:
        Dict of `quantized`, float32 `(batch, ..., len(levels))`; `codes`, int32
        `(batch, ...)`; and `loss`, zeros `(batch,)`.

    Raises:
        ValueError: If `levels` are no such numbers, or their product is above 2^24.

    References:
        Mentzer, Minnen, Agustsson and Tschannen, 2023, arXiv:2309.15505.

    Example:
    ```python
    quantizer = FiniteScalarQuantizer((8, 5, 5, 5))
    codes = quantizer(ops.zeros((4, 7, 7, 4)))["codes"]  # (4, 7, 7), of 1,000 codes
    ```
    """

    def __init__(self, levels: Sequence[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.levels = checks.sizes("levels", levels)
        self.num_codes = math.prod(self.levels)
        if min(self.levels) < 2 or self.num_codes > 2**24:
            raise ValueError(
                "`levels` must be at least 2 each, and their product at most 2**24. "
                f"Received: levels={levels!r}"
            )
        self.input_dim = self.code_dim = len(self.levels)
        sizes = np.array(self.levels)
        half = (sizes - 1) * (1.0 - _MARGIN) / 2
        offset = np.where(sizes % 2 == 0, 0.5, 0.0)
        shift = np.arctanh(np.where(sizes > 2, offset / half, 0.0))
        place = np.cumprod([1, *self.levels[:-1]]).astype("int32")
        floats = [x.astype("float32") for x in (half, offset, shift, sizes // 2)]
        self._arrays = (*floats, place)
        self.built = True

    def _constants(self):
        """Returns half, offset, shift, floor(L / 2) and place value of each channel."""
        return [ops.convert_to_tensor(array) for array in self._arrays]

    def call(self, inputs):
        features = self.features(inputs)
        half, offset, shift, center, place = self._constants()
        bounded = ops.tanh(features + shift) * half - offset
        levels = ops.round(bounded)
        digits = ops.cast(levels + center, "int32")  # 0, ..., L - 1
        codes = ops.sum(digits * place, axis=-1)
        return {
            "quantized": straight_through(bounded, levels) / center,
            "codes": ops.cast(codes, "int32"),
            "loss": sum_over_positions(ops.zeros_like(features)),
        }

    def lookup(self, codes: Any) -> Any:
        codes = ops.cast(codes, "int32")[..., None]
        *_, center, place = self._constants()
        sizes = ops.convert_to_tensor(np.array(self.levels, "int32"))
        digits = ops.mod(ops.floor_divide(codes, place), sizes)
        return (ops.cast(digits, "float32") - center) / center

    def get_config(self):
        return {**super().get_config(), "levels": self.levels}
