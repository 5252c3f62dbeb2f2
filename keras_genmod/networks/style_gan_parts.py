"""What the networks of StyleGAN share: sizes of maps, and the activation."""

import math

from keras import layers

from keras_genmod import checks

_GAIN = math.sqrt(2.0)  # of the leaky ReLU


def activated(x, name=None):
    """Returns sqrt(2) LeakyReLU(0.2)(x)."""
    return layers.Rescaling(_GAIN, name=name)(layers.LeakyReLU(0.2)(x))


def style_widths(image_shape, filters, filters_base):
    """Returns the shape, the sides of the smallest map, the channels of all maps."""
    image_shape = checks.sizes("image_shape", image_shape, rank=3)
    filters = checks.positive_int("filters", filters)
    filters_base = checks.positive_int("filters_base", filters_base)
    height, width, _ = image_shape
    num_doublings = 0
    while height % 2 == 0 and width % 2 == 0 and min(height, width) > 4:
        height, width, num_doublings = height // 2, width // 2, num_doublings + 1
    if min(height, width) != 4:
        raise ValueError(
            "`image_shape` must have sides that halve to a smallest one of 4: 4 times "
            "a power of two. Resize or pad the images. "
            f"Received: image_shape={image_shape}"
        )
    widths = [
        max(1, min(filters_base // 2 ** (i + 2), filters))
        for i in range(num_doublings + 1)
    ]
    return image_shape, (height, width), widths
