"""The two networks of a generator by styles: whether they fit, and both in one."""

from typing import Any

import keras

from keras_genmod.models import network_checks


def joined(mapping, synthesis, num_styles):
    """Returns the network from latents (and labels) to images."""
    shapes = mapping.input_shape
    if isinstance(shapes, list):
        inputs: Any = [keras.Input(shape[1:]) for shape in shapes]
    else:
        inputs = keras.Input(shapes[1:])
    styles = keras.layers.RepeatVector(num_styles, name="repeated")(mapping(inputs))
    return keras.Model(inputs, synthesis(styles), name="generator")


def checked_shapes(mapping, synthesis, num_classes):
    """Returns the shapes of latents and of styles; raises unless networks fit."""
    latent_shape, style_shape = network_checks.shapes("mapping", mapping, num_classes)
    network_checks.features("mapping", style_shape)
    styles_shape, _ = network_checks.shapes("synthesis", synthesis)
    if len(styles_shape) != 2 or styles_shape[1:] != style_shape:
        raise ValueError(
            "`synthesis` must take what `mapping` makes, once a layer: shape "
            f"(num_styles, {style_shape[0]}) without the batch. Received a network of "
            f"input shape {styles_shape}"
        )
    network_checks.known_shape("synthesis", styles_shape)
    if mapping.name == synthesis.name:
        raise ValueError(
            "`synthesis` must have another name than `mapping`: give one, `keras.Model("
            f'..., name="synthesis")`. Received: {mapping.name!r} for both'
        )
    return latent_shape, styles_shape
