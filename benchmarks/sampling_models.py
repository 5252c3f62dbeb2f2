"""The autoregressive models whose sampling is timed."""

import dataclasses
import functools
from collections.abc import Callable

import keras

from keras_genmod import (
    CausalTransformer,
    GatedPixelCNN,
    PixelCNN,
    PixelCNNPlusPlus,
    PixelRNN,
)


@dataclasses.dataclass(frozen=True)
class Case:
    """One model at one image shape.

    Args:
        name: String.
        image_shape: `(height, width, channels)`.
        num_levels: Int.
        make_model: Function from image shape and number of levels to the model.
    """

    name: str
    image_shape: tuple
    num_levels: int
    make_model: Callable

    def make(self):
        """Returns the model, with the same weights each time."""
        keras.utils.set_random_seed(0)
        return self.make_model(self.image_shape, num_levels=self.num_levels)


_MAKERS = {
    "PixelCNN": PixelCNN,
    "GatedPixelCNN": functools.partial(GatedPixelCNN, filters=30, num_blocks=2),
    "PixelRNN, row": functools.partial(PixelRNN, kind="row", filters=30, num_layers=6),
    "PixelRNN, diagonal": functools.partial(
        PixelRNN, kind="diagonal", filters=30, num_layers=7
    ),
    "PixelCNN++": functools.partial(PixelCNNPlusPlus, filters=15, num_blocks=1),
    "CausalTransformer": functools.partial(
        CausalTransformer, model_dim=32, num_blocks=2
    ),
}
_SHAPES = (((28, 28, 1), 2), ((32, 32, 3), 256))

CASES = [
    Case(name, image_shape, num_levels, make)
    for image_shape, num_levels in _SHAPES
    for name, make in _MAKERS.items()
]

# For the cost of training: as many parameters as PixelCNN has, as near as it goes.
EQUAL_SIZES = {
    "PixelCNN": lambda: PixelCNN((28, 28, 1)),
    "PixelRNN, row": lambda: _MAKERS["PixelRNN, row"]((28, 28, 1)),
    "PixelRNN, diagonal": lambda: _MAKERS["PixelRNN, diagonal"]((28, 28, 1)),
}
