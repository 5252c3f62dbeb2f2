"""Style transfer: the content of one image in the style of another.

Gatys, Ecker and Bethge, A neural algorithm of artistic style, 2015, arXiv:1508.06576.
It trains nothing: the pixels of an image are what is optimized.
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_genmod import checks
from keras_genmod.engine import Seeds, compiled, seed_state, uniform
from keras_genmod.losses.frozen_features import FrozenFeatures, outputs_of
from keras_genmod.models.descent import descend
from keras_genmod.models.restoration import single_precision, style_terms

_STYLE_LAYERS = tuple(f"block{i}_conv1" for i in range(1, 6))  # of VGG19
_STARTS = ("content", "noise")
_EPSILON = 1e-12  # of Adam: gradients are those of means over many pixels


@keras.saving.register_keras_serializable("keras_genmod")
class StyleTransfer(keras.layers.Layer):
    """Makes images that have the content of one image and the style of another.

    With F_l(x) the features of layer l, N_l channels at M_l places, in units of their
    mean absolute value on the image that x is compared to, and G_l(x) = F_l^T F_l / M_l
    their Gram matrix, the pixels x minimize

    content_weight  mean_l mean_(places, channels) (F_l(x) - F_l(c))^2 / 2
    + style_weight  sum_l w_l sum_ij (G_l(x) - G_l(s))_ij^2 / (4 N_l^2)
    + variation_weight  (mean (x_down - x)^2 + mean (x_right - x)^2)

    by Adam, and stay in [0, 1]. Images of a batch have nothing to do with one another.

    The paper's network is VGG19: `StyleTransfer(networks.vgg19(path))`, of a file of
    weights, which also knows what to subtract from images. Without such a file, give a
    classifier of your own, as the recipe `feature_classifier` trains one on images like
    these, with names of its layers; what it calls style is what it has learnt to see.
    Features of random weights are no style.

    Args:
        network: Built Functional or Sequential Keras model of images in [0, 1]; for
            others its first layer is a `keras.layers.Rescaling`. It is copied, up to
            the last of the layers, for images of any size.
        content_layers: Name of a layer, or a sequence of them.
        style_layers: Sequence of names of layers, or one name.
        style_layer_weights: Sequence of numbers of at least 0, w_l, one a style layer;
            `None` for the same, of sum 1.
        average_pooling: Whether pooling takes means in place of maxima, as the paper
            advises.
        **kwargs: As in `keras.layers.Layer`.

    Call arguments:
        inputs: Triple `(images, content, style)` of images in [0, 1], `(batch, height,
            width, channels)`. Images and content have one size, the style any; its
            batch may be one for all.

    Returns:
        Dict of float32 tensors `(batch,)`: `content`, `style` and `variation`, the
        three sums above before they are weighed.

    Raises:
        ValueError: If a layer is not in the network or has no height and width, or
            weights do not fit the layers.

    Note:
        The paper divides neither by the size of features nor, in the content, by their
        number, so that its weights are of one network and one size of images. Here they
        are of neither: the network's weights are scaled, in effect, as the authors
        scaled VGG's to means of 1. The squared variation is not in the paper but in
        most programs after it.

    References:
        - Gatys, Ecker and Bethge, 2015, arXiv:1508.06576.
        - Gatys, Ecker and Bethge, Image style transfer using convolutional neural
          networks, 2016 (the scaling of the network).

    Example:
    ```python
    classifier = keras.saving.load_model("runs/feature_classifier/model.keras")
    transfer = keras_genmod.StyleTransfer(
        classifier, "conv2d_3", ["conv2d_1", "conv2d_3"]
    )
    images = transfer.transfer(x, x[:1], num_steps=20)  # (batch, 8, 8, 1)
    ```
    """

    def __init__(
        self,
        network: keras.Model,
        content_layers: Sequence[str] | str = "block4_conv2",
        style_layers: Sequence[str] | str = _STYLE_LAYERS,
        style_layer_weights: Sequence[float] | None = None,
        average_pooling: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(autocast=False, **kwargs)
        self.content_layers = _maps("content_layers", network, content_layers)
        self.style_layers = _maps("style_layers", network, style_layers)
        self.average_pooling = checks.boolean("average_pooling", average_pooling)
        names = list(dict.fromkeys(self.content_layers + self.style_layers))
        self._features = FrozenFeatures(
            network, names, any_size=True, average_pooling=average_pooling
        )
        self._layer_weights = _layer_weights(style_layer_weights, self.style_layers)
        self.network = self._features.network
        self.seed_generator = keras.random.SeedGenerator(0)
        self.built = True

    def transfer(
        self,
        content: Any,
        style: Any,
        num_steps: int = 300,
        content_weight: float = 1.0,
        style_weight: float = 10.0,
        variation_weight: float = 0.0,
        learning_rate: float = 0.02,
        start: Any = "content",
        seed: int = 0,
    ) -> Any:
        """Returns images of one content in one style.

        Compiled once for each size of images and number of steps; other weights and
        rates compile nothing anew.

        Args:
            content: Images `(batch, height, width, channels)` in [0, 1].
            style: One image for all or one for each, of any size: `(1, ...)` or
                `(batch, height, width, channels)` in [0, 1].
            num_steps: Positive int, steps of Adam.
            content_weight: Number of at least 0.
            style_weight: Number of at least 0.
            variation_weight: Number of at least 0; more makes smoother images.
            learning_rate: Positive number, in units of pixels: about what a pixel
                changes in a step.
            start: "content", or "noise" as in the paper, each pixel uniform in [0, 1];
                or images of the content's shape, such as those of an earlier call, to
                go on from.
            seed: Non-negative int, of the noise.

        Returns:
            Float32 tensor of the content's shape, in [0, 1].

        Raises:
            ValueError: If images lie beyond [0, 1], do not fit the network or one
                another, or are too small for its pooling; or a number is out of range.
        """
        if start is None or isinstance(start, str):
            checks.choice("start", start, _STARTS)
            begin = content if start == "content" else None
        else:
            begin = start
        self._check_images(content, style, begin)
        numbers = [
            single_precision.non_negative("content_weight", content_weight),
            single_precision.non_negative("style_weight", style_weight),
            single_precision.non_negative("variation_weight", variation_weight),
            single_precision.positive("learning_rate", learning_rate),
        ]
        return self._transfer(
            content,
            begin,
            self._compiled_targets(content, style),
            seed_state(checks.required_seed("seed", seed), self.seed_generator),
            np.array(numbers, "float32"),
            num_steps=checks.positive_int("num_steps", num_steps),
        )

    def _check_images(self, content, style, start):
        images = {"content": content, "style": style}
        if start is not None:
            images["start"] = start
        for name, x in images.items():
            checks.shape(name, x, (None, None, self._features.channels))
            checks.unit_range(name, x)
        for name in ("content", "style"):
            self._features.check_size(name, images[name].shape)
        if len(style) not in (1, len(content)):
            raise ValueError(
                "`style` must be one image, or one for each of `content`. Received: "
                f"{len(style)} images of style and {len(content)} of content"
            )
        if start is not None and tuple(start.shape) != tuple(content.shape):
            raise ValueError(
                f"`start` must have the shape of `content`, {tuple(content.shape)}. "
                f"Received: start.shape={tuple(start.shape)}"
            )

    @compiled()
    def _compiled_targets(self, content, style):
        return self._targets(content, style)

    # Not in one call with its targets: on torch what a compiled call has made so far
    # has no part in gradients.
    @compiled()
    def _transfer(self, content, start, targets, state, numbers, *, num_steps):
        content_weight, style_weight, variation_weight, rate = ops.unstack(numbers, 4)
        if start is None:
            start = uniform(ops.shape(content), Seeds(state))

        def loss(x):
            parts = self._parts(x, targets)
            return (
                content_weight * parts["content"]
                + style_weight * parts["style"]
                + variation_weight * parts["variation"]
            )

        start = ops.cast(start, "float32")
        return descend(
            loss, start, lambda done: rate, num_steps, _EPSILON, clip=(0.0, 1.0)
        )

    def call(self, inputs):
        images, content, style = inputs
        return self._parts(images, self._targets(content, style))

    def _targets(self, content, style):
        of_content, _ = self._split(self._features(content))
        _, of_style = self._split(self._features(style))
        return style_terms.targets(of_content, of_style)

    def _parts(self, images, targets):
        """Returns the sums that are weighed, each `(batch,)`."""
        of_content, of_style = self._split(self._features(images))
        return {
            "content": style_terms.content_term(of_content, targets["content"]),
            "style": style_terms.style_term(
                of_style, targets["style"], self._layer_weights
            ),
            "variation": style_terms.variation(ops.cast(images, "float32")),
        }

    def _split(self, features):
        """Returns those of the content layers, and those of the style layers."""
        found = dict(zip(self._features.layer_names, features, strict=True))
        return (
            [found[name] for name in self.content_layers],
            [found[name] for name in self.style_layers],
        )

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "network": keras.saving.serialize_keras_object(self.network),
            "content_layers": list(self.content_layers),
            "style_layers": list(self.style_layers),
            "style_layer_weights": list(self._layer_weights),
            "average_pooling": self.average_pooling,
        }

    @classmethod
    def from_config(cls, config):
        network = keras.saving.deserialize_keras_object(config["network"])
        return cls(**{**config, "network": network})


def _maps(argument, network, names):
    """Returns names of layers, each once, whose outputs have a height and a width."""
    names = [names] if isinstance(names, str) else names
    for output, name in zip(outputs_of(network, names, argument), names, strict=True):
        if len(output.shape) != 4:
            raise ValueError(
                f"`{argument}` must be layers whose outputs have a height and a width, "
                f"such as convolutions. Received: {name!r}, of outputs {output.shape}"
            )
    if len(set(names)) < len(names):
        raise ValueError(
            f"`{argument}` must name each layer once. Received: {argument}={names!r}"
        )
    return tuple(names)


def _layer_weights(weights, names):
    if weights is None:
        return (1 / len(names),) * len(names)
    is_list = isinstance(weights, (list, tuple)) and len(weights) == len(names)
    if not is_list:
        raise ValueError(
            f"`style_layer_weights` must be {len(names)} numbers of at least 0, one a "
            f"style layer, or None. Received: style_layer_weights={weights!r}"
        )
    return tuple(
        single_precision.non_negative("style_layer_weights", w) for w in weights
    )
