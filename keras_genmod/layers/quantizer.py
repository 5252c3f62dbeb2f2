"""The contract of layers that turn features into one of finitely many codes."""

from typing import Any

import keras
from keras import ops

from keras_genmod import checks


class Quantizer(keras.layers.Layer):
    """Turns feature vectors into codes 0, ..., `num_codes` - 1, and codes into vectors.

    A subclass sets `input_dim`, `code_dim` and `num_codes`, ends its `__init__` with
    `self.built = True`, and overrides `call` and `lookup`. `call` takes features
    `(batch, ..., input_dim)` and returns a dict:

    | name | what | shape |
    | --- | --- | --- |
    | `quantized` | vectors of the codes, with a gradient towards the features | `(batch, ..., code_dim)` |
    | `codes` | the codes, int32 | `(batch, ...)` |
    | `loss` | what training adds to the model's loss | `(batch,)` |

    All of it is float32 under every policy.

    Args:
        **kwargs: As in `keras.layers.Layer`.
    """  # noqa: E501

    #: Channels of the features.
    input_dim: int
    #: Channels of the vectors.
    code_dim: int
    #: How many codes there are.
    num_codes: int

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(autocast=False, **kwargs)

    def lookup(self, codes: Any) -> Any:
        """Returns the float32 vectors `(..., code_dim)` of int32 codes `(...)`."""
        raise NotImplementedError

    def compute_output_shape(self, input_shape):
        return {
            "quantized": (*input_shape[:-1], self.code_dim),
            "codes": tuple(input_shape[:-1]),
            "loss": (input_shape[0],),
        }

    def features(self, inputs: Any) -> Any:
        """Returns the inputs of `call` as float32.

        Raises:
            ValueError: If they have other channels.
        """
        rest = (None,) * (len(inputs.shape) - 2)
        checks.static_shape("inputs", inputs, (*rest, self.input_dim))
        return ops.cast(inputs, "float32")


def straight_through(features: Any, quantized: Any) -> Any:
    """Returns `quantized`, whose gradient goes to `features` as it is."""
    return features + ops.stop_gradient(quantized - features)


def sum_over_positions(terms: Any) -> Any:
    """Returns the sum over all axes but the first, `(batch,)`."""
    return ops.sum(terms, axis=tuple(range(1, len(terms.shape))))
