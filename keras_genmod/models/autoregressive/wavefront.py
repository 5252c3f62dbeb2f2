"""Networks of masked convolutions on several rows at a time."""

import numpy as np
from keras import ops

from keras_genmod.models.autoregressive.raster_sampling import WithCaches


def num_lanes(layers, width: int) -> int:
    """Returns how many rows of images can be drawn at a time.

    A pixel sees no further to the right in the row above than the widest kernel reaches
    there, however many layers there are: what goes up twice sees two rows above. So a
    row can begin as soon as the one above is that far. A lane has the fewest columns
    that divide the width and are more than this reach.

    Args:
        layers: List of `MaskedConv2D`.
        width: Positive int, of the images in pixels.
    """
    reach = max(layer.kernel_size[1] // 2 for layer in layers)
    strides = (s for s in range(reach + 1, width) if width % s == 0)
    return width // next(strides, width)


class Wavefront(WithCaches):
    """A network of `MaskedConv2D`, on one pixel of each of several rows.

    Args:
        network: As that of `WithCaches`; what it takes besides pixels is of
            `num_lanes * num_samples` of them.
        layers: The layers in it; the first is the one that reads the image.
        num_samples: Positive int.
        width: Positive int, of the images in pixels.
    """

    def __init__(self, network, layers, num_samples: int, width: int):
        self.num_lanes = num_lanes(layers, width)
        sizes = (num_samples, self.num_lanes, width // self.num_lanes)
        super().__init__(network, {layer: layer.wavefront(*sizes) for layer in layers})
        lanes = np.repeat(np.arange(self.num_lanes), num_samples)
        self._lanes = ops.convert_to_tensor(lanes[:, None], "int32")

    def prefill(self, cache, row) -> list:
        is_inside = ops.cast(self._lanes <= row, self._dtype)
        caches = zip(self._forms, cache, strict=True)
        return [form.prefill(own, is_inside) for form, own in caches]
