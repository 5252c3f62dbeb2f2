"""Checks of the networks that users hand to models."""

import warnings

import keras

from keras_genmod import checks
from keras_genmod.engine import keras_internals
from keras_genmod.losses import PerceptualLoss


def shapes(
    name: str,
    network,
    num_classes: int | None = None,
    embedding_dim: int | None = None,
):
    """Returns a built network's data and output shapes, without the batch.

    Raises:
        ValueError: If it is not built, does not take `[x, one_hot]` although
            `num_classes` is given, or `[x, embedding]` although `embedding_dim` is, or
            has several outputs.
    """
    if num_classes is not None:
        num_classes = checks.positive_int("num_classes", num_classes)
    if not getattr(network, "built", False) or not hasattr(network, "input_shape"):
        raise ValueError(
            f"`{name}` must be a built Keras model with known shapes: a functional "
            "model, or a `Sequential` that starts with `keras.Input(shape)`. Of a "
            "subclass of `keras.Model`, or a layer, `keras.Sequential(["
            f"keras.Input(shape), network])` makes one. Received: {network!r}"
        )
    inputs = network.input_shape
    if embedding_dim is None:
        data_shape = _input_shape(name, inputs, num_classes)
    else:
        data_shape = _beside_embedding(name, inputs, embedding_dim)
    if not isinstance(network.output_shape, tuple):
        raise ValueError(
            f"`{name}` must have one output: `keras.Model(inputs, output)`. "
            f"Received a network of output shapes {network.output_shape}"
        )
    return data_shape, network.output_shape[1:]


def _input_shape(name: str, inputs, num_classes: int | None):
    if num_classes is None:
        if not isinstance(inputs, tuple):
            raise ValueError(
                f"`{name}` must take one input; it takes {len(inputs)}. A network of "
                "[x, one_hot] needs `num_classes`."
            )
        return inputs[1:]
    if not isinstance(inputs, list) or len(inputs) != 2:
        raise ValueError(
            f"With `num_classes`, `{name}` must take the list [x, one_hot]. "
            f"Received a network of input shape {inputs}"
        )
    if inputs[1][1:] != (num_classes,):
        raise ValueError(
            f"`{name}` must take one-hot labels of shape (batch, {num_classes}). "
            f"Received a network of input shapes {inputs}"
        )
    return inputs[0][1:]


def _beside_embedding(name: str, inputs, embedding_dim: int):
    expected = (embedding_dim,)
    if not isinstance(inputs, list) or len(inputs) != 2 or inputs[1][1:] != expected:
        raise ValueError(
            f"`{name}` must take the list [x, embedding], with embeddings of shape "
            f"(batch, {embedding_dim}) by `embedding_dim`. "
            f"Received a network of input shape {inputs}"
        )
    return inputs[0][1:]


def maps(
    name, network, input_shape, output_shape, num_classes=None, embedding_dim=None
):
    """Raises a `ValueError` unless a network maps one shape to another."""
    found = shapes(name, network, num_classes, embedding_dim)
    if found != (tuple(input_shape), tuple(output_shape)):
        raise ValueError(
            f"`{name}` must map shape {tuple(input_shape)} to {tuple(output_shape)} "
            f"(without the batch). Received a network from {found[0]} to {found[1]}"
        )


def no_batch_normalization(name: str, network, reason: str) -> None:
    """Raises a `ValueError` if a network holds batch normalization."""
    for layer in keras_internals.sublayers(network):
        if isinstance(layer, keras.layers.BatchNormalization):
            raise ValueError(
                f"`{name}` must hold no BatchNormalization: {reason}. Found "
                f"{layer.name!r}; use LayerNormalization, GroupNormalization or none."
            )


def image_discriminator(discriminator, image_shape) -> None:
    """Raises a `ValueError` unless a discriminator takes images of one shape."""
    found, _ = shapes("discriminator", discriminator)
    if found != tuple(image_shape):
        raise ValueError(
            f"`discriminator` must take images of shape {tuple(image_shape)}. Received "
            f"a network of {found}"
        )
    warn_unless_scores("discriminator", discriminator)


def perceptual_loss(perceptual, image_shape) -> None:
    """Raises a `ValueError` unless a loss is `None` or takes such images."""
    if perceptual is None:
        return
    if not isinstance(perceptual, PerceptualLoss):
        raise ValueError(
            "`perceptual` must be a `keras_genmod.losses.PerceptualLoss` or None. "
            f"Received: perceptual={perceptual!r}"
        )
    if perceptual.channels != image_shape[-1]:
        raise ValueError(
            f"`perceptual` must take images of {image_shape[-1]} channels. Received "
            f"one whose network takes {perceptual.channels}"
        )
    found = perceptual.network.input_shape[1:]
    sizes = zip(found[:2], image_shape[:2], strict=True)
    if any(taken not in (None, given) for taken, given in sizes):
        raise ValueError(
            f"`perceptual` must take images of {image_shape[0]} x {image_shape[1]}. "
            f"Received one whose network takes {found[0]} x {found[1]}: one of "
            f"`keras.Input((None, None, {image_shape[-1]}))` takes any size"
        )


def features(name: str, output_shape) -> None:
    """Raises a `ValueError` unless a network's output is one vector an example."""
    if len(output_shape) != 1:
        raise ValueError(
            f"`{name}` must end in features of shape (batch, features); end it "
            f"with a Flatten layer. Received an output of shape {output_shape}"
        )


def known_shape(name: str, shape) -> None:
    """Raises a `ValueError` unless a network's shape holds no `None`."""
    if None in shape:
        raise ValueError(
            f"`{name}` must map data of a known shape, since the model keeps or draws "
            f"such data: give every size in `keras.Input(shape)`. Received: {shape}"
        )


def last_activation(network) -> str | None:
    """Returns the name of what a network's outputs come out of, such as "tanh".

    Layers that only move values about are looked through. It is `None` if the last
    layer has no activation, or none with a name.
    """
    operations = getattr(network, "operations", None) or getattr(network, "layers", [])
    for operation in reversed(operations):
        if type(operation).__name__ in _MOVING:
            continue
        if hasattr(operation, "layers"):
            return last_activation(operation)
        activation = getattr(operation, "activation", None)
        if activation is None:  # `keras.ops.tanh` in a functional model is a `Tanh`
            return type(operation).__name__.lower()
        return getattr(activation, "__name__", None)
    return None


# Names of layers and of the operations that `keras.ops` leaves in functional models.
_MOVING = ("Reshape", "Flatten", "Permute", "Transpose", "Cropping2D", "Squeeze")
_BOUNDED = ("sigmoid", "hard_sigmoid", "softmax", "tanh", "hard_tanh")


def warn_unless_scores(name: str, network) -> None:
    """Warns of a network that ends in a squashing function where logits are due."""
    activation = last_activation(network)
    if activation in _BOUNDED:
        warnings.warn(
            f"`{name}` ends in {activation}, so that its outputs are bounded; the "
            "losses take logits, which are not. Give its last layer no activation.",
            UserWarning,
            stacklevel=2,
        )


def warn_unless_unit_range(name: str, network) -> None:
    """Warns of a network of images that ends in a function with values below 0."""
    activation = last_activation(network)
    if activation in ("tanh", "hard_tanh"):
        warnings.warn(
            f"`{name}` ends in {activation}, with values in [-1, 1]; images lie in "
            "[0, 1]. End it in a sigmoid, or put `keras.layers.Rescaling(0.5, 0.5)` "
            "behind it.",
            UserWarning,
            stacklevel=2,
        )
