"""Glow: a multi-scale flow of images with invertible 1x1 convolutions.

Kingma and Dhariwal, Glow: generative flow with invertible 1x1 convolutions, 2018,
arXiv:1807.03039.

Departures: the networks of the couplings have no activation normalisation inside, and
their log-scales are bounded by a scaled tanh (`AffineCoupling`), not by a sigmoid. The
prior of what leaves early is learnt as in the paper, but written as a map of its
latents, so that all latents together are N(0, I); that of the last scale is N(0, I)
itself. Class labels go into the networks of the couplings; the paper has them in the
prior of the last scale, and an auxiliary classifier.

The last layer of each network, which starts at zero, is divided by the root of its
number of inputs. Adam's first steps move every weight by the learning rate, whatever
the size of its gradient, and so move an output of n inputs h by n mean|h| times that:
at 256 filters and 1e-3 by 0.7, in 48 couplings at the same time, of which each makes
the inputs of the next larger. The paper takes ten epochs to warm up the learning rate;
its last layers have a learned factor that starts at 1 in place of the root.
"""

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import layers

from keras_genmod import checks
from keras_genmod.bijectors import (
    ActNorm,
    AffineCoupling,
    Chain,
    Invertible1x1Convolution,
    Split,
    Squeeze,
)
from keras_genmod.models.flows.flow_model import FlowModel
from keras_genmod.models.flows.uniform_dequantization import UniformDequantization


def _conditioner(shape, filters, num_classes):
    """Makes the network of a coupling; its last layer starts at zero.

    Args:
        shape: `(height, width, channels)` of the coupling's events.
        filters: Int, features of both hidden layers.
        num_classes: Int for a network of `[x, one_hot]`, or `None`.
    """
    inputs = image = keras.Input(shape)
    x = _convolution(filters, 3)(image)
    if num_classes is not None:
        label = keras.Input((num_classes,))
        inputs = [image, label]
        bias = layers.Dense(filters, use_bias=False)(label)
        x = layers.Add()([x, layers.Reshape((1, 1, filters))(bias)])
    x = layers.ReLU()(x)
    x = _convolution(filters, 1, activation="relu")(x)
    # Shift and log-scale of the half of the channels that moves.
    return keras.Model(inputs, _zero_convolution(x, shape[-1]))


def _prior_network(shape):
    """Makes the network from the half that stays to mean and log-scale of the other."""
    inputs = keras.Input(shape)
    return keras.Model(inputs, _zero_convolution(inputs, 2 * shape[-1]))


def _zero_convolution(x, filters):
    num_inputs = 9 * x.shape[-1]
    x = _convolution(filters, 3, kernel_initializer="zeros")(x)
    return layers.Rescaling(1.0 / math.sqrt(num_inputs), dtype="float32")(x)


def _convolution(filters, kernel_size, **kwargs):
    return layers.Conv2D(
        filters, kernel_size, padding="same", data_format="channels_last", **kwargs
    )


def _scales(shape, num_scales, num_steps, filters, num_classes):
    """Returns the flow of a scale and of all those within it, latents to data."""
    height, width, channels = shape
    squeezed = (height // 2, width // 2, 4 * channels)
    members = [Squeeze(shape)]  # from data to latents, as the paper draws it
    for _ in range(num_steps):
        members += [
            ActNorm(squeezed),
            Invertible1x1Convolution(squeezed),
            AffineCoupling(
                squeezed,
                _conditioner(squeezed, filters, num_classes),
                mask="channel",
                condition_dim=num_classes,
            ),
        ]
    if num_scales > 1:
        half = (*squeezed[:2], squeezed[-1] // 2)
        inner = _scales(half, num_scales - 1, num_steps, filters, num_classes)
        members.append(Split(squeezed, inner, prior_network=_prior_network(half)))
    return Chain(members[::-1])


@keras.saving.register_keras_serializable("keras_genmod")
class Glow(FlowModel):
    """x = f(z), z ~ N(0, I): images by a flow on several scales.

    A scale squeezes 2x2 pixels into channels and takes `num_steps` steps, each of
    activation normalisation, an invertible 1x1 convolution and an affine coupling of
    half of the channels; then half of the channels leave as latents, and the next
    scale goes on with the rest. log p(x) = log N(z) - log|det df/dz|, exact; of pixels
    with levels, which get uniform noise, a lower bound.

    Activation normalisation starts from data: `fit` does it with the first batch of an
    untrained model. A file holds that it was done.

    Args:
        image_shape: `(height, width, channels)`; sides are multiples of
            `2**num_scales`.
        num_scales: Positive int, the number L of scales; the paper's name for it,
            "levels", is that of pixel values here.
        num_steps: Positive int, the number K of steps of a scale; 32 in the paper.
        filters: Positive int, features of the couplings' networks; 512 in the paper.
        num_levels: Int of at least 2 where pixels take the values k / (num_levels - 1);
            `None` for continuous images and their density.
        num_classes: Int for a class-conditional model, or `None`.
        **kwargs: `seed`, `name`, `dtype` as in `GenerativeModel`.

    Raises:
        ValueError: If an argument is out of range.

    References:
        - Kingma and Dhariwal, 2018, arXiv:1807.03039.
        - Dinh, Sohl-Dickstein and Bengio, Density estimation using Real NVP, 2017,
          arXiv:1605.08803 (scales, couplings).

    Example:
    ```python
    model = Glow((32, 32, 3), num_scales=3, num_steps=8)
    model.compile(keras.optimizers.Adam(1e-3))
    model.fit(images, epochs=10, batch_size=64)  # values k / 255
    samples = model.sample(16, temperature=0.7, seed=0)
    nats = model.log_prob(images[:64], num_samples=10)
    ```
    """

    def __init__(
        self,
        image_shape: Sequence[int],
        num_scales: int = 3,
        num_steps: int = 8,
        filters: int = 64,
        num_levels: int = 256,
        num_classes: int | None = None,
        **kwargs: Any,
    ) -> None:
        num_scales = checks.positive_int("num_scales", num_scales)
        num_steps = checks.positive_int("num_steps", num_steps)
        filters = checks.positive_int("filters", filters)
        if num_classes is not None:
            num_classes = checks.positive_int("num_classes", num_classes)
        dequantization = None
        if num_levels is not None:
            dequantization = UniformDequantization(num_levels)
        image_shape = checks.sizes("image_shape", image_shape, rank=3)
        multiple = 2**num_scales
        if any(side % multiple for side in image_shape[:2]):
            raise ValueError(
                "`image_shape` must be (height, width, channels), with sides divisible "
                f"by {multiple} for num_scales={num_scales}. Received: image_shape="
                f"{image_shape}; crop, pad or resize, or take fewer scales."
            )
        super().__init__(
            _scales(image_shape, num_scales, num_steps, filters, num_classes),
            dequantization=dequantization,
            num_classes=num_classes,
            **kwargs,
        )
        self.image_shape = image_shape
        self.num_scales = num_scales
        self.num_steps = num_steps
        self.filters = filters
        self.finish_construction()

    def get_config(self):
        return {
            **super().get_config(),
            "image_shape": self.image_shape,
            "num_scales": self.num_scales,
            "num_steps": self.num_steps,
            "filters": self.filters,
            "num_levels": self.num_levels,
        }
