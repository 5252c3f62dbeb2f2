"""The two streams of PixelCNN++: down through the resolutions, and up again."""

import keras
from keras import ops

from keras_genmod.layers import (
    ShiftedConv2D,
    ShiftedConv2DTranspose,
    WeightNormalization,
)

KERNELS = {"down": (2, 3), "down_right": (2, 2)}


def concat_elu(x):
    """Returns elu of `x` and of `-x`, twice as many features."""
    return ops.elu(ops.concatenate([x, -x], axis=-1))


def with_ones(x):
    """Returns images in [-1, 1], with a channel of ones, which ends at their border."""
    return ops.concatenate([2 * x - 1, ops.ones_like(x[..., :1])], axis=-1)


def weight_normalized(layer, inputs, initial_deviation=1.0):
    """Returns a built layer with weight normalization, for so many input features."""
    layer = WeightNormalization(layer, initial_deviation)
    layer.build((None, None, None, inputs))
    return layer


def pointwise(inputs, filters, direction):
    """Returns a built 1x1 convolution."""
    layer = ShiftedConv2D(filters, (1, 1), direction, use_bias=False)
    return weight_normalized(layer, inputs)


class _GatedBlock(keras.layers.Layer):
    """x + a sigmoid(b) with (a, b) = two convolutions of x, and more between them.

    Args:
        filters: Positive int.
        direction: "down" or "down_right".
        place: What messages between the streams are known by.
        has_shortcut: Whether the block also takes features from the way down.
        num_classes: Int or `None`.
    """

    def __init__(self, filters, direction, place, has_shortcut, num_classes):
        super().__init__()

        def convolution(outputs, **kwargs):
            layer = ShiftedConv2D(
                outputs, KERNELS[direction], direction, use_bias=False
            )
            return weight_normalized(layer, 2 * filters, **kwargs)

        self.place = place
        self.first = convolution(filters)
        self.second = convolution(2 * filters, initial_deviation=0.1)
        self.shortcut = self.message = self.labels = None
        if has_shortcut:
            self.shortcut = pointwise(2 * filters, filters, direction)
        if direction == "down":
            self.message = pointwise(2 * filters, filters, direction)
        if num_classes is not None:
            self.labels = keras.layers.Dense(2 * filters, use_bias=False)
            self.labels.build((None, num_classes))
        self.built = True

    def run(self, x, form, shortcut=None):
        y = form.apply(self.first, concat_elu(x))
        if shortcut is not None:
            y = y + form.apply(self.shortcut, concat_elu(shortcut))
        if self.message is None:
            y = y + form.receive(self.place)
        y = form.apply(self.second, form.drop(concat_elu(y)))
        if self.labels is not None:
            y = y + form.bias(self.labels)
        a, b = ops.split(y, 2, axis=-1)
        x = x + a * ops.sigmoid(b)
        if self.message is not None:
            form.send(self.place, form.apply(self.message, concat_elu(x)))
        return x


class GatedStream(keras.layers.Layer):
    """One stream: gated blocks at each resolution, to the coarsest and back.

    The stream of direction "down" sends a message after each block, which the block of
    the same place in the stream of direction "down_right" receives.

    `run` is written once for all forms of computing. A form has the methods
    `apply(layer, x)`, `coarse(level, layer, function, x)` (which returns
    `function(x)`, or what that was where nothing coarse has changed), `send(place,
    x)`, `receive(place)`, `drop(x)` and `bias(layer)`.

    Args:
        filters: Positive int.
        num_blocks: Positive int, blocks at each resolution on the way down; there is
            one more on the way up, but at the coarsest.
        num_resolutions: Positive int.
        direction: "down" or "down_right".
        num_classes: Int or `None`.
    """

    def __init__(self, filters, num_blocks, num_resolutions, direction, num_classes):
        super().__init__()
        self.num_resolutions = num_resolutions

        def blocks(level, first, number, has_shortcut):
            return [
                _GatedBlock(
                    filters, direction, (level, first + i), has_shortcut, num_classes
                )
                for i in range(number)
            ]

        levels = range(num_resolutions)
        num_up = [num_blocks + (i + 1 < num_resolutions) for i in levels]
        self.encoder = [blocks(i, 0, num_blocks, False) for i in levels]
        self.decoder = [blocks(i, num_blocks, num_up[i], True) for i in levels]
        self.downs = [
            weight_normalized(
                ShiftedConv2D(
                    filters, KERNELS[direction], direction, strides=2, use_bias=False
                ),
                filters,
            )
            for _ in levels[1:]
        ]
        self.ups = [
            weight_normalized(
                ShiftedConv2DTranspose(filters, direction, use_bias=False), filters
            )
            for _ in levels[1:]
        ]
        self.built = True

    def run(self, x, form, level=0):
        """Returns the features of a level, after all levels below it.

        Args:
            x: Features of the level at the start.
            form: The form of computing.
            level: Int, 0 for the finest.
        """
        kept = [x]
        for block in self.encoder[level]:
            x = block.run(x, form)
            kept.append(x)
        if level + 1 < self.num_resolutions:
            down = self.downs[level]
            x = form.coarse(
                level + 1,
                down,
                lambda x: self.run(form.apply(down, x), form, level + 1),
                x,
            )
            x = form.apply(self.ups[level], x)
        else:
            x = kept.pop()
        for block in self.decoder[level]:
            x = block.run(x, form, shortcut=kept.pop())
        return x

    def layers_of(self, level):
        """Returns the layers that work at a level, those to and from below included."""
        convolutions = [
            layer
            for block in [*self.encoder[level], *self.decoder[level]]
            for layer in (block.first, block.second, block.shortcut, block.message)
            if layer is not None
        ]
        return (
            convolutions + self.downs[level : level + 1] + self.ups[level : level + 1]
        )

    def blocks(self):
        """Returns all blocks."""
        return [b for level in (*self.encoder, *self.decoder) for b in level]
