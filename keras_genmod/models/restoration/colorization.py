"""Colourisation as classification of colours.

Zhang, Isola and Efros, Colorful image colorization, 2016, arXiv:1603.08511.
"""

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_genmod import checks
from keras_genmod.colors import lab_to_rgb, rgb_to_lab
from keras_genmod.engine import call_network, compiled
from keras_genmod.models import network_checks
from keras_genmod.models.generative_model import GenerativeModel
from keras_genmod.models.restoration import single_precision
from keras_genmod.models.restoration.color_bins import bin_centres, soft_encoding
from keras_genmod.models.valid_data import in_range, nan_unless

_BATCH = 64  # images at a time, where colours are counted


@keras.saving.register_keras_serializable("keras_genmod")
class Colorization(GenerativeModel):
    """Gives grey images colours: a distribution over bins of (a, b) at each place.

    Of an image in Lab the network sees L and gives logits of Q bins of (a, b). With z
    the colour that is there, spread over its nearest bins by a normal density, and p
    what the network gives, it minimises the mean over places of

    -w[argmax z] sum_q z_q log p_q

    where w gives rare colours more weight: 1 everywhere until `rebalance(images)`.
    `colorize` takes the mean colour of p^(1/T), made to sum to 1: with T = 1 the mean,
    which is dull, near 0 the likeliest colour, which is patchy.

    Train with coloured images, `fit(images)`.

    Args:
        network: Built Keras model from lightness L / 100, `(height, width, 1)` in
            [0, 1], to logits `(height / k, width / k, Q)`, such as
            `networks.colorization_network`.
        bin_size: Number from 1 to 100, a bin's side in Lab. Q = 261 for 10:
            `Colorization.num_bins(10.0)` says.
        num_neighbours: Int of at least 1, the bins that a colour is spread over.
        deviation: Positive number, the standard deviation of this spread, in Lab.
        **kwargs: `seed`, `name`, `dtype` as in `GenerativeModel`.

    Raises:
        ValueError: If the network is not built, has other shapes, or an argument is out
            of range; in `fit` and `evaluate`, if images do not lie in [0, 1].

    References:
        Zhang, Isola and Efros, 2016, arXiv:1603.08511, which trains by
        `Adam(3e-5, beta_2=0.99)`.

    Note:
        - Bins are those that hold a colour of sRGB, 261; the paper has 313.
        - The colour of a place that stands for k x k pixels is their mean.
        - Frequencies of bins are smoothed by the spread over neighbours, the paper's by
          a normal kernel of the same deviation.

    Example:
    ```python
    network = networks.colorization_network((32, 32), Colorization.num_bins())
    model = Colorization(network)
    model.rebalance(images)
    model.compile(keras.optimizers.Adam(1e-3))
    model.fit(images, epochs=20, batch_size=64)
    coloured = model.colorize(grey)
    ```
    """

    no_samples = "draws nothing from noise alone: it colours images by `colorize`."

    def __init__(
        self,
        network: keras.Model,
        bin_size: float = 10.0,
        num_neighbours: int = 5,
        deviation: float = 5.0,
        **kwargs: Any,
    ) -> None:
        bins = self.num_bins(bin_size)
        height, width, stride = _checked_shapes(network, bins, bin_size)
        num_neighbours = checks.integer("num_neighbours", num_neighbours, 1, bins)
        super().__init__(data_shape=(height, width, 3), **kwargs)
        self.network, self.stride = network, stride
        self.bin_size = float(bin_size)
        self.num_neighbours = num_neighbours
        self.deviation = float(checks.positive("deviation", deviation))
        # What the density divides by.
        single_precision.positive("deviation ** 2", self.deviation * self.deviation)
        self.bin_weights = self.add_weight(
            shape=(bins,),
            initializer="ones",
            dtype="float32",
            trainable=False,
            autocast=False,
            name="bin_weights",
        )
        self.finish_construction()

    @staticmethod
    def num_bins(bin_size: float = 10.0) -> int:
        """Returns Q, the number of bins of (a, b) that hold a colour of sRGB.

        Args:
            bin_size: Number from 1 to 100, a bin's side in Lab.
        """
        if not 1.0 <= checks.positive("bin_size", bin_size) <= 100.0:
            raise ValueError(
                "`bin_size` must be at least 1 and at most 100: smaller bins are finer "
                "than pixels of 8 bits, larger ones leave hardly a colour. "
                f"Received: bin_size={bin_size!r}"
            )
        return len(bin_centres(float(bin_size)))

    @property
    def _centres(self):
        return ops.convert_to_tensor(bin_centres(self.bin_size))

    def call(self, inputs, training=False):
        """Returns the logits of the bins, `(batch, height / k, width / k, Q)`."""
        x, _ = self.data_and_condition(inputs)
        return self._logits(rgb_to_lab(x)[..., :1], training)

    def _logits(self, lightness, training):
        return call_network(self.network, lightness / 100.0, training)

    def _encoded(self, x):
        """Returns where the colours of images lie, `(batch, places..., Q)`."""
        ab = rgb_to_lab(x)[..., 1:]
        if self.stride > 1:
            sides = self.stride, self.stride  # Keras makes no strides of them on JAX
            ab = ops.average_pool(ab, sides, sides, data_format="channels_last")
        return soft_encoding(ab, self._centres, self.num_neighbours, self.deviation)

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        data, _ = self.data_and_condition(x)
        valid = in_range(data, 0.0, 1.0)
        encoded = self._encoded(data)
        entropies = -ops.sum(encoded * ops.log_softmax(y_pred, axis=-1), axis=-1)
        weights = ops.convert_to_tensor(self.bin_weights)
        weighed = entropies * ops.take(weights, ops.argmax(encoded, axis=-1))
        losses = ops.mean(weighed, axis=(1, 2))
        return self.mean_loss(nan_unless(valid, losses), sample_weight)

    def rebalance(self, images: Any, uniform: float = 0.5) -> Any:
        """Weighs colours by how rare they are among images.

        w_q = c / ((1 - uniform) p_q + uniform / Q), with p the frequencies of the bins
        and c so that the mean of w over p is 1.

        Args:
            images: Images `(batch, height, width, 3)` in [0, 1], those to train with.
            uniform: Number in [0, 1], above 0 and up to 1, which weighs all alike.

        Returns:
            Float32 array `(Q,)`, the frequencies p.

        Raises:
            ValueError: If `images` are no such images, or `uniform` is out of range.
        """
        self.check_examples(images)
        if checks.fraction("uniform", uniform) == 0:
            raise ValueError(
                "`uniform` must be above 0, or a colour that never occurs has no "
                f"weight. Received: uniform={uniform!r}"
            )
        images = checks.as_numpy(images)
        sums = [
            checks.as_numpy(self._frequencies(images[start : start + _BATCH]))
            for start in range(0, len(images), _BATCH)
        ]
        frequencies = np.sum(sums, axis=0, dtype="float64")
        frequencies /= frequencies.sum()
        weights = 1.0 / ((1 - uniform) * frequencies + uniform / len(frequencies))
        weights /= np.sum(frequencies * weights)
        if weights.max() > np.finfo("float32").max:
            raise ValueError(
                "`uniform` must be larger: colours that never occur have weights that "
                f"are no numbers of float32. Received: uniform={uniform!r}"
            )
        self.bin_weights.assign(weights.astype("float32"))
        return frequencies.astype("float32")

    @compiled()
    def _frequencies(self, images):
        return ops.sum(self._encoded(ops.cast(images, "float32")), axis=(0, 1, 2))

    def colorize(self, images: Any, temperature: float = 0.38) -> Any:
        """Returns images with the lightness of those given, and colours.

        Args:
            images: Images `(batch, height, width, 1)` or, of which the lightness alone
                is seen, `(batch, height, width, 3)`, in [0, 1].
            temperature: Positive number T; 0.38 is the paper's.

        Returns:
            Float32 tensor `(batch, height, width, 3)` in [0, 1], each image what it
            alone would become.

        Raises:
            ValueError: If `images` are no such images, or `temperature` is not
                positive, also in float32.
        """
        temperature = single_precision.positive("temperature", temperature)
        checks.shape("images", images, (*self.data_shape[:2], None))
        if images.shape[-1] not in (1, 3):
            raise ValueError(
                "`images` must have 1 channel or 3. "
                f"Received: images.shape={tuple(images.shape)}"
            )
        checks.unit_range("images", images)
        return self._colorize(images, np.float32(temperature))

    @compiled()
    def _colorize(self, images, temperature):
        images = ops.cast(images, "float32")
        if images.shape[-1] == 1:
            images = ops.repeat(images, 3, axis=-1)
        lightness = rgb_to_lab(images)[..., :1]
        logits = self._logits(lightness, False)
        # The largest is 0, whatever the temperature: none is infinite.
        logits = logits - ops.max(logits, axis=-1, keepdims=True)
        ab = ops.matmul(ops.softmax(logits / temperature, axis=-1), self._centres)
        if self.stride > 1:
            ab = ops.image.resize(
                ab, self.data_shape[:2], "bilinear", data_format="channels_last"
            )
        return lab_to_rgb(ops.concatenate([lightness, ab], axis=-1))

    def check_examples(self, x: Any) -> None:
        super().check_examples(x)
        checks.unit_range("x", x)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["num_classes"]
        return {
            **config,
            "network": keras.saving.serialize_keras_object(self.network),
            "bin_size": self.bin_size,
            "num_neighbours": self.num_neighbours,
            "deviation": self.deviation,
        }


def _checked_shapes(network, bins, bin_size):
    """Returns height, width and the pixels a side of a place of the network's map."""
    found, made = network_checks.shapes("network", network)
    network_checks.known_shape("network", (*found, *made))
    fits = len(found) == 3 and len(made) == 3 and found[2] == 1 and made[2] == bins
    if not fits or any(found[i] != made[i] * (found[0] // made[0]) for i in (0, 1)):
        raise ValueError(
            f"`network` must map lightness (height, width, 1) to logits of {bins} "
            f"bins, (height / k, width / k, {bins}). Received: bin_size={bin_size} and "
            f"a network from {found} to {made}"
        )
    return found[0], found[1], found[0] // made[0]
