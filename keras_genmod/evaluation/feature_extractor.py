"""Features of images from a layer of a Keras model."""

import hashlib
import math
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_genmod import checks
from keras_genmod.engine import compiled
from keras_genmod.metrics import FeatureStatistics, Protocol
from keras_genmod.progress import shown

_ROUNDING = 1e-5  # how far beyond [0, 1] a resized or generated pixel may lie


class FeatureExtractor:
    """Turns images into what a layer of a Keras model makes of them.

    Images are cast to float32, resized by bilinear interpolation with antialiasing
    (no rounding to 8 bits on the way), and run through the model in inference mode, in
    batches of one size, so that the call is compiled once: the last batch is padded.
    Features come out as float64 for `keras_genmod.metrics`. The model is never
    changed, and it may go on training: its weights are read at each call.

    Args:
        model: A built Keras model of images `(batch, height, width, channels)`.
        layer: String or integer, name or index of the layer whose output is taken (of
            its first call); `None` takes the model's output. The output of a
            classifier that ends in a softmax is what `classifier_score` asks for.
        size: Integer or pair `(height, width)` that images are resized to. `None`
            takes the model's input size; where that is free, images stay as they are.
        preprocess: Function of a float32 tensor `(batch, height, width, channels)`
            in [0, 1], after the resize, that returns the model's input, such as
            `lambda x: 2 * x - 1`. It needs a `name`.
        batch_size: Integer, images a call.
        name: String, what a protocol calls the features; left out, it is the name of
            the model and that of the layer.

    Raises:
        ValueError: If the model is not built, has no such layer, or an argument is
            out of its range.

    Example:
        ```python
        classifier = keras.saving.load_model("runs/mnist_classifier/model.keras")
        features = FeatureExtractor(classifier, "features")
        real = features.statistics(x_test, split="test")
        frechet_distance(real, features.statistics(model.sample(10_000)))
        classes = FeatureExtractor(classifier)
        classifier_score(classes(model.sample(10_000)), protocol=classes.protocol())
        ```
    """

    def __init__(
        self,
        model: keras.Model,
        layer: str | int | None = None,
        size: int | tuple[int, int] | None = None,
        preprocess: Callable | None = None,
        batch_size: int = 128,
        name: str | None = None,
    ):
        if not isinstance(model, keras.Model) or not model.built:
            raise ValueError(
                f"`model` must be a built Keras model. Received: model={model!r}"
            )
        if preprocess is not None and name is None:
            raise ValueError(
                "`name` must be given with `preprocess`: it has to tell these features "
                "from those of other inputs. Received: name=None"
            )
        if preprocess is not None:
            checks.function("preprocess", preprocess)
        self.model = model
        self.layer = layer
        height, width, self._channels = _input_shape(model)
        if size is None and height is not None and width is not None:
            size = (height, width)
        self.size = None if size is None else _pair(size)
        self.preprocess = preprocess
        self.batch_size = checks.integer("batch_size", batch_size, 1)
        self._network, layer_name = _up_to(model, layer)
        if name is None:
            name = f"{model.name}/{layer_name}"
        self.name = checks.text("name", name)

    def __call__(self, images: Any, verbose: int = 0) -> np.ndarray:
        """Returns the features of images.

        Args:
            images: Array or tensor of floats in [0, 1] of shape `(num_images, height,
                width, channels)`, or an iterable of such batches. One channel becomes
                three where the model needs three.
            verbose: 0 shows nothing, 1 a bar of the batches, 2 a line at the end.

        Returns:
            float64 array of shape `(num_images, num_features)`: the layer's output,
            flattened.

        Raises:
            ValueError: If `images` is something else, or holds NaN.
        """
        return np.concatenate(list(self._batches_of_features(images, verbose)))

    def statistics(
        self, images: Any, split: str | None = None, verbose: int = 0
    ) -> FeatureStatistics:
        """Returns mean and covariance of the features, batch by batch.

        Args:
            images: As for a call; an iterable need never be in memory at once.
            split: String, the split of the data that real images are from.
            verbose: As for a call.

        Returns:
            `FeatureStatistics` with `protocol(split)`.

        Raises:
            ValueError: As for a call.
        """
        statistics = FeatureStatistics(self.protocol(split))
        for features in self._batches_of_features(images, verbose):
            statistics.update(features)
        return statistics

    def protocol(self, split: str | None = None) -> Protocol:
        """Returns the `Protocol` of these features, with the hash of today's weights.

        Args:
            split: String, the split of the data that real images are from.
        """
        resize = None
        if self.size is not None:
            height, width = self.size
            resize = f"bilinear antialiased float32 {height}x{width}"
        return Protocol(
            features=self.name,
            weights_hash=self.weights_hash,
            resize=resize,
            split=split,
        )

    @property
    def weights_hash(self) -> str:
        """String, 16 digits of the SHA-256 of the weights that the features use.

        The same on each backend, before and after saving; a layer behind the features'
        does not count.
        """
        digest = hashlib.sha256()
        for weight in self._network.weights:
            values = ops.convert_to_numpy(weight.value).astype("<f4")
            digest.update(str(values.shape).encode())
            digest.update(values.tobytes())
        return digest.hexdigest()[:16]

    @property
    def variables(self) -> list:
        """What the compiled call reads."""
        return self._network.variables

    @compiled()
    def _features(self, images: Any) -> Any:
        if self.size is not None and tuple(images.shape[1:3]) != self.size:
            images = ops.image.resize(
                images,
                self.size,
                interpolation="bilinear",
                antialias=True,
                data_format="channels_last",
            )
        if self._channels == 3 and images.shape[-1] == 1:
            images = ops.repeat(images, 3, axis=-1)
        if self.preprocess is not None:
            images = self.preprocess(images)
        features = self._network(images, training=False)
        if not ops.is_tensor(features):
            raise ValueError(
                "`model` must have one output: choose one by `layer`. "
                f"Received: model {self.model.name!r} with output {features!r}"
            )
        return ops.reshape(ops.cast(features, "float32"), (images.shape[0], -1))

    def _batches_of_features(self, images: Any, verbose: int) -> Iterator[np.ndarray]:
        num_images, total = 0, None
        if len(getattr(images, "shape", ())) == 4:
            total = math.ceil(len(images) / self.batch_size)
        for part in shown(self._parts(images), verbose, total):
            num_images += len(part)
            missing = self.batch_size - len(part)
            padded = np.pad(part, ((0, missing), (0, 0), (0, 0), (0, 0)))
            features = ops.convert_to_numpy(self._features(padded))
            yield features[: len(part)].astype(np.float64)
        if not num_images:
            raise ValueError(
                f"`images` must hold at least one image. Received: images={images!r}"
            )

    def _parts(self, images: Any) -> Iterator[np.ndarray]:
        """Yields the images of an array or an iterable, at most a batch at a time."""
        for batch in [images] if hasattr(images, "shape") else _iterator(images):
            batch = self._checked(batch)
            for start in range(0, len(batch), self.batch_size):
                yield batch[start : start + self.batch_size]

    def _checked(self, batch: Any) -> np.ndarray:
        if not hasattr(batch, "shape"):
            raise ValueError(
                "`images` must be an array, or an iterable of arrays (no pairs with "
                f"labels). Received: an item of type {type(batch).__name__}"
            )
        batch = checks.as_numpy(batch, "images")
        if batch.ndim != 4 or not keras.backend.is_float_dtype(batch.dtype.name):
            raise ValueError(
                "`images` must be floats in [0, 1] of shape (num_images, height, width,"
                f" channels). Received: shape {batch.shape}, dtype {batch.dtype}"
            )
        channels = batch.shape[-1]
        as_rgb = channels == 1 and self._channels == 3
        if self._channels not in (None, channels) and not as_rgb:
            raise ValueError(
                f"`images` must have {self._channels} channels, as the model's input. "
                f"Received: shape {batch.shape}"
            )
        batch = batch.astype(np.float32, copy=False)
        lowest, highest = batch.min(initial=0.0), batch.max(initial=0.0)
        if not (lowest >= -_ROUNDING and highest <= 1 + _ROUNDING):  # NaN too
            raise ValueError(
                "`images` must be finite and lie in [0, 1]. "
                f"Received: values in [{lowest}, {highest}]"
            )
        return batch


def _input_shape(model: keras.Model) -> tuple[int | None, int | None, int | None]:
    """Returns height, width and channels of the input, `None` where they are free."""
    shape = getattr(model, "input_shape", (None,) * 4)
    if not isinstance(shape, tuple) or len(shape) != 4:
        raise ValueError(
            "`model` must have one input of shape (batch, height, width, channels). "
            f"Received: model {model.name!r} with input shape {shape}"
        )
    return shape[1:]


def _up_to(model: keras.Model, layer: str | int | None) -> tuple[keras.Model, str]:
    """Returns the part of a model that ends in a layer, and the layer's name."""
    if layer is None:
        return model, "output"
    place = {"index": layer} if isinstance(layer, int) else {"name": layer}
    try:
        found = model.get_layer(**place)
        return keras.Model(model.inputs, found.output), found.name
    except (AttributeError, IndexError, ValueError) as error:
        names = [known.name for known in model.layers]
        raise ValueError(
            "`layer` must be the name or index of a layer that a Functional or "
            "Sequential model calls itself, and first. (Hand over a nested model as "
            f"`model` to reach its layers.) Received: layer={layer!r}, layers {names}"
        ) from error


def _pair(size: Any) -> tuple[int, int]:
    pair = tuple(size) if isinstance(size, (tuple, list)) else (size, size)
    if len(pair) != 2:
        raise ValueError(
            "`size` must be an integer or a pair (height, width). "
            f"Received: size={size!r}"
        )
    height, width = (checks.positive_int("size", side) for side in pair)
    return height, width


def _iterator(images: Any) -> Iterator:
    try:
        return iter(images)
    except TypeError as error:
        raise ValueError(
            "`images` must be an array, or an iterable of arrays. "
            f"Received: images={images!r}"
        ) from error
