"""Kernels of spectral norm one, in training and where a network is used."""

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_genmod import checks

_SMALLEST = 1e-24  # squared length of a vector that has a direction
_FIRST_ITERATIONS = 15  # of a new kernel
# Exact classes: others read their kernels in ways of their own.
_WRAPPED = {
    "Dense": "kernel",
    "Conv2D": "kernel",
    "Conv2DTranspose": "kernel",
    "Embedding": "embeddings",
}


@keras.saving.register_keras_serializable("keras_genmod")
class SpectralNormalization(keras.layers.Wrapper):
    """Divides the kernel of a layer by its largest singular value, wherever it is used.

    W' = W / sigma,  sigma = v^T W u,  v = W u / |W u|,  u = W^T v / |W^T v|

    with W as a matrix `(all inputs, outputs)`. The vector `u` is a weight that is no
    trainable one: a call in training takes `num_iterations` of these steps from where
    it stands and keeps it; a call at inference takes them too and keeps nothing. So the
    stored kernel stays W, both kinds of call use W', and the gradient is that through
    sigma,

        dL/dW = (G - <G, W'> v u^T) / sigma,   G = dL/dW'.

    All of this is float32 under any policy.

    Args:
        layer: `keras.layers.Dense`, `Conv2D`, `Conv2DTranspose` or `Embedding`, whose
            kernel does not start at zero.
        num_iterations: Positive int, steps of the power iteration a call.
        **kwargs: As in `keras.layers.Layer`.

    Raises:
        ValueError: If `layer` is another one, or has an `activity_regularizer`; in a
            call, if it no longer keeps one kernel of floats (`enable_lora`,
            quantization to integers).

    References:
        Miyato et al., Spectral normalization for generative adversarial networks, 2018,
        arXiv:1802.05957.

    Note:
        - `u` starts from 15 steps for the first kernel, and from noise in the paper.
        - `keras.layers.SpectralNormalization` (Keras 3.15) assigns W' to the trainable
          kernel in training and uses the raw kernel at inference.
        - Each call in training moves `u`, as in the authors' code: those for real and
          for generated data, and the generator's.

    Example:
    ```python
    layer = SpectralNormalization(keras.layers.Conv2D(16, 3))
    layer(images)
    layer.normalized_kernel()  # of spectral norm 1
    ```
    """

    def __init__(
        self, layer: keras.Layer, num_iterations: int = 1, **kwargs: Any
    ) -> None:
        if type(layer).__name__ not in _WRAPPED or type(layer) is not getattr(
            keras.layers, type(layer).__name__, None
        ):
            raise ValueError(
                f"`layer` must be one of keras.layers.{sorted(_WRAPPED)}. "
                f"Received: layer={layer!r}"
            )
        if layer.activity_regularizer is not None:
            raise ValueError(
                "`layer` must have no activity regularizer: give it to "
                f"SpectralNormalization(activity_regularizer=...). Received: {layer!r}"
            )
        num_iterations = checks.positive_int("num_iterations", num_iterations)
        super().__init__(layer, **kwargs)
        self.num_iterations = num_iterations

    def build(self, input_shape=None):
        super().build(input_shape)
        matrix = self._matrix(ops.convert_to_tensor(self._weight))
        self.u = self.add_weight(
            shape=(matrix.shape[-1],),
            initializer="random_normal",
            dtype="float32",
            trainable=False,
            autocast=False,
            aggregation="only_first_replica",  # all see the same kernel
            name="u",
        )
        matrix, u = (np.asarray(ops.convert_to_numpy(x)) for x in (matrix, self.u))
        for _ in range(_FIRST_ITERATIONS):
            v = _numpy_unit(matrix @ u)
            u = _numpy_unit(v @ matrix)
        self.u.assign(u)

    @property
    def _weight(self):
        weight = getattr(self.layer, _WRAPPED[type(self.layer).__name__])
        is_one = isinstance(weight, keras.Variable)
        if not is_one or not keras.backend.is_float_dtype(weight.dtype):
            raise ValueError(
                "`layer` must keep one kernel of floats, to be divided by its norm: "
                "`enable_lora` and quantization leave none. "
                f"Received: layer={self.layer!r}"
            )
        return weight

    def _matrix(self, kernel):
        if isinstance(self.layer, keras.layers.Conv2DTranspose):
            kernel = ops.transpose(kernel, (0, 1, 3, 2))  # outputs last
        return ops.reshape(kernel, (-1, kernel.shape[-1]))

    def normalized_kernel(self, training: bool = False) -> Any:
        """Returns the kernel that a call uses, float32.

        Args:
            training: Whether `u` is kept.

        Raises:
            ValueError: If the layer is not built.
        """
        if not self.built:
            raise ValueError(
                "SpectralNormalization must be built before it has a kernel: call it, "
                f"or `build(input_shape)`. Received: {self!r}"
            )
        kernel = ops.cast(ops.convert_to_tensor(self._weight), "float32")
        matrix = self._matrix(kernel)
        fixed, u = ops.stop_gradient(matrix), ops.convert_to_tensor(self.u)
        for _ in range(self.num_iterations):
            v = _unit(ops.matmul(fixed, u))
            u = _unit(ops.matmul(v, fixed))
        u, v = ops.stop_gradient(u), ops.stop_gradient(v)
        if training:
            self.u.assign(u)
        sigma = ops.sum(v * ops.matmul(matrix, u))
        return kernel / ops.maximum(sigma, _SMALLEST**0.5)

    def call(self, inputs, training=False):
        kernel = self.normalized_kernel(training)
        # The layer reads W' for its kernel, and all else as it is.
        weight = self._weight
        values = [(v, v.value) for v in self.layer.variables if v is not weight]
        with keras.StatelessScope(state_mapping=[*values, (weight, kernel)]):
            return self.layer(inputs)

    def compute_output_shape(self, input_shape):
        return self.layer.compute_output_shape(input_shape)

    def get_config(self):
        return {**super().get_config(), "num_iterations": self.num_iterations}


def _unit(x):
    return x * ops.rsqrt(ops.maximum(ops.sum(ops.square(x)), _SMALLEST))


def _numpy_unit(x):
    return x / max(float(np.linalg.norm(x)), _SMALLEST**0.5)
