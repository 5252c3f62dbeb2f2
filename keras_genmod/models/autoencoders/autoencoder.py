"""Autoencoder: a bottleneck and back, with no distribution on the bottleneck."""

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

    Args:
        encoder: Built Keras model from data `(batch, ...)` to latents `(batch, ...)`.
        decoder: Built Keras model from latents to data, in the data's range.
        **kwargs: `seed`, `name`, `dtype` as in `GenerativeModel`.

    Raises:
        ValueError: If a network is not built or the shapes do not fit.

    References:
        Hinton and Salakhutdinov, Reducing the dimensionality of data with neural
        networks, Science 313, 2006. There the layers are pre-trained as RBMs.

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

    def __init__(self, encoder, decoder, **kwargs):
        data_shape = network_checks.shapes("encoder", encoder)[0]
        network_checks.maps("decoder", decoder, encoder.output_shape[1:], data_shape)
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
        data, _ = self.data_and_condition(x)
        squared = ops.square(data - y_pred)
        size = ops.size(squared[:1])
        return self.mean_loss(
            sum_over_events(squared) / ops.cast(size, "float32"), sample_weight
        )

    def encode(self, x):
        """Returns the latents of data `(batch, *data_shape)`."""
        self.check_examples(x)
        return self._encode(x)

    @compiled()
    def _encode(self, x):
        return self.encoder(ops.cast(x, "float32"), training=False)

    def decode(self, latents):
        """Returns the data `(batch, *data_shape)` of latents."""
        checks.shape("latents", latents, self.encoder.output_shape[1:])
        return self._decode(latents)

    @compiled()
    def _decode(self, latents):
        latents = ops.cast(latents, "float32")
        return ops.cast(self.decoder(latents, training=False), "float32")

    def reconstruct(self, x):
        """Returns `decode(encode(x))`, of the shape of `x`."""
        return self.decode(self.encode(x))

    def sample(self, num_samples, condition=None, seed=None):
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
