"""Autoencoder: a bottleneck and back, with no distribution on the bottleneck."""

from typing import Any

import keras
from keras import ops

from keras_genmod.models.autoencoders.plain_autoencoder import PlainAutoencoder


@keras.saving.register_keras_serializable("keras_genmod")
class Autoencoder(PlainAutoencoder):
    """Encodes to a bottleneck and decodes back, by mean squared error.

    It minimises mean((x - decoder(encoder(x)))^2) over pixels and examples. It is not
    generative by itself: nothing says how its latents are distributed.

    `fit(x, y)` with `y` of the data's shape makes it a denoising autoencoder, which
    minimises mean((y - decoder(encoder(x)))^2): `fit(noisy, clean)`. Labels, of shape
    `(batch,)` or `(batch, 1)`, are ignored. Data may be any real numbers: whether they
    lie in the decoder's range, such as [0, 1] after a sigmoid, is up to the user.

    Args:
        encoder: Built Keras model from data `(batch, ...)` to latents `(batch, ...)`.
        decoder: Built Keras model from latents to data, in the data's range.
        **kwargs: `seed`, `name`, `dtype` as in `GenerativeModel`.

    Raises:
        ValueError: If a network is not built or the shapes do not fit.

    References:
        Hinton and Salakhutdinov, Reducing the dimensionality of data with neural
        networks, Science 313, 2006. There the layers are pre-trained as RBMs.
        Vincent et al., Extracting and composing robust features with denoising
        autoencoders, ICML 2008. There the noise is drawn anew each epoch.

    Example:
    ```python
    model = Autoencoder(
        networks.mlp_encoder((8, 8, 1), hidden_dims=(64, 2)),
        networks.mlp_decoder(2, (8, 8, 1), output_activation="sigmoid"),
    )
    model.compile("adam")
    model.fit(x, epochs=10)
    z = model.encode(x)
    ```
    """

    takes_targets = True

    def __init__(
        self, encoder: keras.Model, decoder: keras.Model, **kwargs: Any
    ) -> None:
        super().__init__(encoder, decoder, **kwargs)
        self.finish_construction()

    def call(self, inputs, training=False):
        x, _ = self.data_and_condition(inputs)
        return self._made_of(x, training)

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        data = ops.cast(x if y is None else y, "float32")
        return self.mean_loss(self._squared_error(y_pred, data), sample_weight)
