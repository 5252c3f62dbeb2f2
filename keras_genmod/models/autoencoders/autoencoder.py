"""Autoencoder: a bottleneck and back, with no distribution on the bottleneck."""

from typing import Any

import keras
from keras import ops

from keras_genmod import checks
from keras_genmod.distributions.distribution import sum_over_events
from keras_genmod.engine import compiled
from keras_genmod.models import network_checks
from keras_genmod.models.generative_model import GenerativeModel


@keras.saving.register_keras_serializable("keras_genmod")
class Autoencoder(GenerativeModel):
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
        data_shape, latent_shape = network_checks.shapes("encoder", encoder)
        network_checks.known_shape("encoder", data_shape)
        network_checks.known_shape("encoder", latent_shape)
        network_checks.maps("decoder", decoder, latent_shape, data_shape)
        super().__init__(data_shape=data_shape, **kwargs)
        self.encoder = encoder
        self.decoder = decoder
        self.finish_construction()

    def call(self, inputs, training=False):
        x, _ = self.data_and_condition(inputs)
        latents = self.encoder(x, training=training)
        return ops.cast(self.decoder(latents, training=training), "float32")

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        data = ops.cast(x if y is None else y, "float32")
        squared = ops.square(data - y_pred)
        size = ops.size(squared[:1])
        return self.mean_loss(
            sum_over_events(squared) / ops.cast(size, "float32"), sample_weight
        )

    def encode(self, x: Any) -> Any:
        """Returns the latents of data `(batch, *data_shape)`."""
        self.check_examples(x)
        return self._encode(x)

    @compiled()
    def _encode(self, x):
        latents = self.encoder(ops.cast(x, "float32"), training=False)
        return ops.cast(latents, "float32")  # whatever the encoder's policy

    def decode(self, latents: Any) -> Any:
        """Returns the data `(batch, *data_shape)` of latents."""
        checks.shape("latents", latents, self.encoder.output_shape[1:])
        return self._decode(latents)

    @compiled()
    def _decode(self, latents):
        latents = ops.cast(latents, "float32")
        return ops.cast(self.decoder(latents, training=False), "float32")

    def reconstruct(self, x: Any) -> Any:
        """Returns `decode(encode(x))`, of the shape of `x`."""
        return self.decode(self.encode(x))

    def sample(
        self, num_samples: int, condition: Any = None, seed: int | None = None
    ) -> Any:
        """Raises an error: an autoencoder has no distribution to draw latents from.

        Raises:
            NotImplementedError: Always.
        """
        raise NotImplementedError(
            "An Autoencoder cannot draw samples: nothing says how its latents are "
            "distributed. Use VAE, which learns latents from N(0, I)."
        )

    def get_config(self):
        config = super().get_config()
        del config["num_classes"]
        return {
            **config,
            "encoder": keras.saving.serialize_keras_object(self.encoder),
            "decoder": keras.saving.serialize_keras_object(self.decoder),
        }
