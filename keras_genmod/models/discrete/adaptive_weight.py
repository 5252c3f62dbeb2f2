"""How much a discriminator weighs beside a reconstruction error."""

from typing import Any

import keras
from keras import ops

from keras_genmod.engine.input_gradient import input_gradient

_EPSILON = 1e-4
_LARGEST = 1e4


class LastLayer:
    """A decoder, taken apart at its last layer with weights.

    lambda = |d reconstruction / d W| / (|d adversarial / d W| + 1e-4), at most 1e4 and
    without gradient, where W is that layer's kernel: both losses then pull it equally
    hard.

    Args:
        decoder: Functional or Sequential Keras model.

    Raises:
        ValueError: If it is another kind of model, or has no such layer, or a branch
            goes past that layer.
    """

    def __init__(self, decoder: Any) -> None:
        layers = getattr(decoder, "layers", [])
        layers = [x for x in layers if x.weights and not hasattr(x, "layers")]
        if not hasattr(decoder, "inputs") or not layers:
            raise ValueError(
                "`decoder` must be a Functional or Sequential Keras model, whose last "
                "layer with weights is no model itself: the weight of the adversarial "
                f"loss comes from its gradients. Received: decoder={decoder!r}"
            )
        self._last: Any = layers[-1]
        try:
            self._take_apart(decoder)
        except (AttributeError, ValueError) as e:  # Keras', of calls or of a branch
            raise ValueError(
                "`decoder` must end in one call of its last layer with weights, "
                f"{self._last.name!r}, which no branch goes past: the weight of the "
                "adversarial loss comes from its gradients. Join branches before a "
                f"last convolution, say. Received: decoder={decoder!r}"
            ) from e

    def _take_apart(self, decoder):
        self._body: Any = keras.Model(decoder.inputs[0], self._last.input)
        self._tail: Any = None
        if self._last.output is not decoder.outputs[0]:
            self._tail = keras.Model(self._last.output, decoder.outputs[0])

    def call(self, vectors: Any, training: bool) -> tuple[Any, Any]:
        """Returns the decoder's output, float32, and what comes into its last layer."""
        features = self._body(vectors, training=training)
        return self._finish(self._last(features), training), features

    def _finish(self, outputs, training):
        if self._tail is not None:
            outputs = self._tail(outputs, training=training)
        return ops.cast(outputs, "float32")

    def weight(self, features: Any, reconstruction: Any, adversarial: Any) -> Any:
        """Returns lambda, a float32 tensor `()`.

        Args:
            features: What comes into the last layer.
            reconstruction: The gradient of a loss for the decoder's output.
            adversarial: The same of the other loss.

        Raises:
            ValueError: If the last layer is frozen.
        """
        if not self._last.trainable_variables:
            raise ValueError(
                "`decoder` must have a last layer with weights that trains, since the "
                "weight of the adversarial loss comes from its gradients. Set "
                "`trainable = True` of it and compile again. Received: "
                f"{self._last.name!r} is frozen"
            )
        features = ops.stop_gradient(features)
        ratio = self._norm(features, reconstruction) / (
            self._norm(features, adversarial) + _EPSILON
        )
        return ops.stop_gradient(ops.clip(ratio, 0.0, _LARGEST))

    def _norm(self, features, gradient):
        """Returns the length of a loss's gradient for the last layer's kernel.

        Args:
            features: What comes into the last layer.
            gradient: That for the decoder's output.
        """
        kernel, *others = map(ops.convert_to_tensor, self._last.trainable_variables)
        fixed = [ops.convert_to_tensor(v) for v in self._last.non_trainable_variables]

        def of_kernel(kernel):
            outputs, _ = self._last.stateless_call([kernel, *others], fixed, features)
            return gradient * self._finish(outputs, False)

        gradient = ops.stop_gradient(gradient)
        pull = input_gradient(of_kernel, kernel, differentiable=False)
        return ops.sqrt(ops.sum(ops.square(pull)))
