"""Networks of masked dense layers, run on one value of a vector after the other."""

import keras
import numpy as np
from keras import ops

from keras_genmod.engine import affine, fori_loop, read
from keras_genmod.engine.keras_internals import num_calls

_LARGEST_PADDING = 16  # times as many units as there are, before whole passes are taken


class ValueByValue:
    """Finds a vector whose values follow from a network's outputs for them, in turn.

    The outputs for value i see the values before it alone, so that one value's units
    are all that has to be computed once it is known. Each layer keeps the sums that its
    units have of what is known so far. Value i adds its row of the first kernel to the
    sums of the first layer; now those of its units that see the values up to i and no
    further are complete, and what they become adds to the sums of the next layer. All
    values together cost about what one pass over the whole vector does.

    The units of a layer are ordered by their degree, and as many places kept for each
    degree as the most frequent one has: so every value takes the same shapes. Empty
    places have zeros for weights.

    Args:
        layers: `MaskedDense` layers, the last of them linear.
        event_dim: Positive int.
    """

    def __init__(self, layers, event_dim):
        self._layers = layers
        self._event_dim = event_dim
        self._places = [_places(lay.output_degrees, event_dim) for lay in layers[:-1]]
        self.num_places = sum(places.size for places in self._places)
        self.num_units = sum(layer.units for layer in layers[:-1])

    def outputs(self, z, condition, value_of):
        """Returns the network's outputs for the vector that they make of latents.

        Args:
            z: Tensor `(batch, event_dim)`.
            condition: Tensor `(batch, condition_dim)`, or `None`.
            value_of: Function of latents `(batch, 1)` and the outputs for their value,
                `(batch, count)`, that returns the value, `(batch, 1)`.

        Returns:
            Tensor `(batch, event_dim, count)`.
        """
        kernels, sums = self._start(z, condition)
        count = self._layers[-1].units // self._event_dim

        def add_value(i, sums):
            sums = list(sums)
            for n, places in enumerate(self._places):
                k = places.shape[1]
                units = self._layers[n].activation(read(sums[n], i * k, k, axis=1))
                rows = read(kernels[n + 1], i * k, k, axis=0)
                sums[n + 1] = affine(units, rows, sums[n + 1])
            outputs = read(sums[-1], i * count, count, axis=1)
            value = value_of(read(z, i, 1, axis=1), outputs)
            value = ops.cast(value, sums[0].dtype)
            sums[0] = affine(value, read(kernels[0], i, 1, axis=0), sums[0])
            return tuple(sums)

        sums = fori_loop(self._event_dim, add_value, tuple(sums))
        return ops.reshape(sums[-1], (-1, self._event_dim, count))

    def _start(self, z, condition):
        """Returns the kernels in the order of places, and the sums without a value."""
        kernels, sums = [], []
        for n, layer in enumerate(self._layers):
            kernel = ops.convert_to_tensor(layer.kernel)
            total = ops.zeros((ops.shape(z)[0], layer.units), kernel.dtype)
            if layer.use_bias:
                total = total + layer.bias
            if n == 0 and condition is not None:
                rows = kernel[self._event_dim :]
                total = total + ops.matmul(ops.cast(condition, kernel.dtype), rows)
            if n == 0:
                kernel = kernel[: self._event_dim]
            else:
                kernel = _in_places(kernel, self._places[n - 1], axis=0)
            if n < len(self._places):
                kernel = _in_places(kernel, self._places[n], axis=1)
                total = _in_places(total, self._places[n], axis=1)
            kernels.append(kernel)
            sums.append(total)
        return kernels, sums


def value_by_value(network, event_dim, condition_dim):
    """Returns the `ValueByValue` of a network, or `None` of one that has none.

    Networks of `networks.made` have one: stacks of `MaskedDense` layers, told by their
    degrees, and a `Reshape`. What else there is may mix units. Nor has one of half
    precision, whose sums would round to others than those of a pass from data to
    latents: the two directions would be no inverses.

    Args:
        network: Built Keras model that `MaskedAutoregressive` takes.
        event_dim: Positive int.
        condition_dim: Positive int or `None`.
    """
    joins = keras.layers.InputLayer, keras.layers.Concatenate
    layers = [layer for layer in network.layers if not isinstance(layer, joins)]
    *layers, last = layers
    degrees = [*range(1, event_dim + 1), *[0] * (condition_dim or 0)]
    if type(last) is not keras.layers.Reshape or not layers:
        return None
    for layer in layers:
        if not _is_masked_dense(layer) or list(layer.input_degrees) != list(degrees):
            return None
        degrees = layer.output_degrees
    # The degrees of the outputs: `count` for each value, which see those before it.
    count = len(degrees) // event_dim
    outputs = [i for i in range(event_dim) for _ in range(count)]
    is_linear = layers[-1].activation is keras.activations.linear
    if list(degrees) != outputs or not is_linear:
        return None
    found = ValueByValue(layers, event_dim)
    padding = found.num_places / (found.num_units + event_dim)
    return found if padding <= _LARGEST_PADDING else None


def _is_masked_dense(layer):
    """Whether a layer is a `MaskedDense` that treats its units one by one."""
    return (
        hasattr(layer, "output_degrees")
        and type(layer).call is keras.layers.Dense.call
        and layer.quantization_mode is None
        and layer.compute_dtype in ("float32", "float64")
        and not isinstance(
            layer.activation, keras.layers.Layer
        )  # one with weights, say
        and num_calls(layer) == 1
    )


def _places(degrees, event_dim):
    """Returns the unit in each place of each degree, `len(degrees)` where it is empty.

    Units of degree `event_dim` see all values; no output sees them.
    """
    units = [np.flatnonzero(np.equal(degrees, d)) for d in range(event_dim)]
    width = max(map(len, units))
    return np.stack(
        [np.pad(u, (0, width - len(u)), constant_values=len(degrees)) for u in units]
    )


def _in_places(x, places, axis):
    """Orders an axis of a matrix by places; zeros where one is empty."""
    padding = [(0, int(axis == 0)), (0, int(axis == 1))]
    return ops.take(ops.pad(x, padding), places.reshape(-1), axis=axis)
