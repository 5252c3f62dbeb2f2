"""Small autoregressive models, with the same weights on every backend."""

import itertools

import numpy as np

from keras_genmod import (
    CausalTransformer,
    GatedPixelCNN,
    PixelCNN,
    PixelCNNPlusPlus,
    PixelRNN,
)
from tests.autodiff import jacobians


def row_pixel_rnn(image_shape, **kwargs):
    return PixelRNN(image_shape, kind="row", **kwargs)


def diagonal_pixel_rnn(image_shape, **kwargs):
    return PixelRNN(image_shape, kind="diagonal", **kwargs)


def pixel_cnn_pp(image_shape, **kwargs):
    """Goes through all resolutions that the image has, up to three."""
    side = np.gcd(*image_shape[:2])
    num_resolutions = 1 + int(side % 2 == 0) + int(side % 4 == 0)
    kwargs = {"num_levels": 2, "num_resolutions": num_resolutions, **kwargs}
    return PixelCNNPlusPlus(image_shape, **kwargs)


# Arguments of each model that keep it tiny, and see all earlier pixels of 5x5 images
# where the model can.
SMALL = {
    CausalTransformer: {"model_dim": 8, "num_heads": 2, "num_blocks": 2},
    GatedPixelCNN: {"filters": 12, "num_blocks": 1},
    PixelCNN: {"filters": 12, "num_blocks": 1},
    pixel_cnn_pp: {"filters": 6, "num_blocks": 1, "num_mixtures": 2},
    row_pixel_rnn: {"filters": 12, "num_layers": 1},
    diagonal_pixel_rnn: {"filters": 12, "num_layers": 2},
}


def make(cls, image_shape, scale=1.0, **kwargs):
    """Returns a small model with random weights that make no uniform distribution."""
    model = cls(image_shape, **{**SMALL[cls], **kwargs})
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=weight.shape) for weight in model.get_weights()]
    fan_in = [np.prod(w.shape[:-1]) if w.ndim > 1 else 4 for w in weights]
    model.set_weights(
        [scale * w / n**0.5 for w, n in zip(weights, fan_in, strict=True)]
    )
    return model


def all_images(image_shape, num_levels):
    """Returns every image of a shape, `(num_levels**size, *image_shape)`."""
    values = np.arange(num_levels) / (num_levels - 1)
    size = int(np.prod(image_shape))
    images = np.array(list(itertools.product(values, repeat=size)), "float32")
    return images.reshape(-1, *image_shape)


def dependence(model, num_images=8, labels=None):
    """Says which logits depend on which values, by the Jacobian at random images."""
    shape = model.image_shape
    images = np.random.default_rng(1).random((num_images, *shape)).astype("float32")

    def logits(x):
        if labels is None:
            return model.call(x)
        return model.call((x, np.resize(labels, len(x))))

    size = int(np.prod(shape))
    outputs = size if model.num_levels == 2 else size * model.num_levels
    rows = np.abs(jacobians(logits, images, outputs)).sum(axis=0)
    return rows.reshape(size, -1, size).max(axis=1) > 0


def condition_of(model, num_examples):
    """Returns one condition an example, or `None` for a model without."""
    if not model.is_conditional:
        return None
    return np.arange(num_examples) % model.num_classes
