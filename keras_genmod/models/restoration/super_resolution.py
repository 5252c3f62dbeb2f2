"""Super-resolution by mean squared error."""

from typing import Any

import keras

from keras_genmod.models.restoration.upscaler import Upscaler
from keras_genmod.models.valid_data import nan_unless


@keras.saving.register_keras_serializable("keras_genmod")
class SuperResolution(Upscaler):
    """Enlarges images by the mean of the large ones that the small ones may be from.

    It minimises the mean over pixels and channels of (2 (G(small) - large))^2, the
    squared error of images on [-1, 1], whose best G is that mean: the highest PSNR, and
    no texture where the small image leaves it open. `SRGAN` goes on from it.

    Train with pairs, `fit(small, large)`; papers make the small images by
    `keras_genmod.data.resize(large, size, "bicubic")` and measure
    `metrics.peak_signal_to_noise_ratio` on the luma channel, less a border of `scale`
    pixels, beside what the same interpolation makes of the small ones.

    Args:
        generator: Built Keras model from images to images of a multiple of their
            height and width, in [0, 1], such as `networks.sr_resnet`, which is
            SRResNet. What lies beyond [0, 1] counts in the loss and is clipped in
            `upscale`.
        image_shape: Shape `(height, width, channels)` of the small images that train,
            crops say; `upscale` takes images of any size where the generator does.
        **kwargs: `seed`, `name`, `dtype` as in `GenerativeModel`.

    Raises:
        ValueError: If the generator is not built, or shapes do not fit; in `fit` and
            `evaluate`, if images do not lie in [0, 1] or are not paired.

    Warns:
        UserWarning: If the generator ends in tanh.

    References:
        Ledig et al., Photo-realistic single image super-resolution using a generative
        adversarial network, 2017, arXiv:1609.04802 (SRResNet), which trains by
        `Adam(1e-4)` on crops of 24x24 to 96x96, 16 a batch.

    Note:
        The paper has small images on [0, 1] and large ones on [-1, 1]; here both are on
        [0, 1], and the loss alone is that of [-1, 1].

    Example:
    ```python
    small = data.resize(large, 24, "bicubic")  # of (batch, 96, 96, 3)
    model = SuperResolution(networks.sr_resnet(scale=4), (24, 24, 3))
    model.compile(keras.optimizers.Adam(1e-4))
    model.fit(small, large, epochs=100, batch_size=16)
    images = model.upscale(photographs)  # of any size
    ```
    """

    def __init__(self, generator: keras.Model, image_shape: Any, **kwargs: Any) -> None:
        super().__init__(generator, image_shape, **kwargs)
        self.finish_construction()

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        small, large = self._images(x)
        losses = self._squared_errors(y_pred, large)
        valid = self._valid(small, large)
        return self.mean_loss(nan_unless(valid, losses), sample_weight)
