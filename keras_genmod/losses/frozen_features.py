"""Features of images in some layers of a network that no longer learns."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_genmod import checks


class FrozenFeatures:
    """Reads features of images off layers of a copy of a network.

    The copy has no trainable weights, and always works as in inference: no dropout, no
    batch statistics. It is `network`, for a Keras layer to keep: this object itself is
    nothing that Keras tracks.

    Args:
        network: Built Functional or Sequential Keras model of images.
        layers: Sequence of names of layers in it, or one name.
        scale: Number, or one a channel; the network sees scale x + offset.
        offset: Number, or one a channel.
        any_size: Whether the copy ends at the last of these layers, and so takes images
            of any height and width. It works in float32 then, whatever the network's
            dtype.
        average_pooling: Whether pooling takes means in place of maxima, with
            `any_size` alone.

    Raises:
        ValueError: If a layer is not in the network.
    """

    def __init__(
        self,
        network: keras.Model,
        layers: Sequence[str] | str,
        scale: Any = 1.0,
        offset: Any = 0.0,
        any_size: bool = False,
        average_pooling: bool = False,
    ) -> None:
        names = [layers] if isinstance(layers, str) else layers
        outputs = outputs_of(network, names)
        self.sizes = [output.shape[-1] for output in outputs]
        self.layer_names = list(names)
        self.channels = network.input_shape[-1]
        self.scale = _per_channel("scale", scale, self.channels)
        self.offset = _per_channel("offset", offset, self.channels)
        if any_size:
            network = keras.Model(network.inputs[0], outputs, name=network.name)
            self.network = _of_any_size(network, self.channels, average_pooling)
        else:
            self.network = keras.models.clone_model(network)
        self.network.set_weights(network.get_weights())
        self.network.trainable = False
        found = outputs_of(self.network, names)
        self._model = keras.Model(self.network.inputs[0], found)

    def __call__(self, x: Any) -> list[Any]:
        """Returns float32 features of images `(batch, height, width, channels)`."""
        checks.static_shape("inputs", x, (None, None, self.channels))
        scale, offset = map(ops.convert_to_tensor, (self.scale, self.offset))
        x = ops.cast(x, "float32") * scale + offset
        found = self._model(x, training=False)
        found = found if isinstance(found, (list, tuple)) else [found]
        return [ops.cast(features, "float32") for features in found]

    def check_size(self, name: str, shape: Any) -> None:
        """Raises a `ValueError` if pooling leaves nothing of images of a shape.

        Args:
            name: The argument's name in the message.
            shape: Shape `(batch, height, width, channels)`.
        """
        try:
            found = self._model.compute_output_shape((1, *shape[1:]))
        except ValueError:  # Keras', of a convolution without a place
            found = (0,)
        if 0 in keras.tree.flatten(found):
            raise ValueError(
                f"`{name}` must be larger: the network leaves no place of images of "
                f"{tuple(shape[1:3])}. Received: {name}.shape={tuple(shape)}"
            )


def outputs_of(network: Any, names: Any, argument: str = "layers") -> list[Any]:
    """Returns the outputs of layers by their names.

    Args:
        network: What shall be a built Keras model of images.
        names: What shall be a list of names of layers in it.
        argument: What the names are called in a message.

    Raises:
        ValueError: If the network is none of images, or has no such layer.
    """
    shape = getattr(network, "input_shape", None)
    is_built = isinstance(network, keras.Model) and hasattr(network, "inputs")
    if not is_built or not isinstance(shape, tuple) or len(shape) != 4:
        raise ValueError(
            "`network` must be a built Functional or Sequential Keras model of images. "
            f"Received: network={network!r}"
        )
    known = [layer.name for layer in network.layers]
    is_list = isinstance(names, (list, tuple)) and len(names) > 0
    if not is_list or not all(name in known for name in names):
        raise ValueError(
            f"`{argument}` must be names of layers of `network`: {', '.join(known)}. "
            f"Received: {argument}={names!r}"
        )
    return [network.get_layer(name).output for name in names]


def _of_any_size(network, channels, average_pooling):
    """Returns a copy for images of any height and width, with weights of its own."""

    def copied(layer):
        config = {**layer.get_config(), "dtype": "float32"}
        if average_pooling and isinstance(layer, keras.layers.MaxPooling2D):
            return keras.layers.AveragePooling2D.from_config(config)
        return layer.__class__.from_config(config)

    return keras.models.clone_model(
        network,
        input_tensors=keras.Input((None, None, channels), name="images"),
        clone_function=copied,
        recursive=True,  # pooling is pooling inside of nested models too
    )


def _per_channel(name, value, channels):
    array = checks.real_numbers(name, value).astype("float32")
    if array.shape not in ((), (channels,)):
        raise ValueError(
            f"`{name}` must be a number, or one for each of {channels} channels. "
            f"Received: {name}={value!r}"
        )
    return array
