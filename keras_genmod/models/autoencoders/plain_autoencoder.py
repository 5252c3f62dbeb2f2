"""Autoencoders with no distribution on their latents."""

from typing import Any

import keras
from keras import ops

from keras_genmod import checks
from keras_genmod.distributions.distribution import flat_events
from keras_genmod.engine import compiled
from keras_genmod.models import network_checks
from keras_genmod.models.generative_model import GenerativeModel


class PlainAutoencoder(GenerativeModel):
    """An encoder to a bottleneck and a decoder back, by mean squared error.

    A subclass says in `call` what of the data is encoded.

    Args:
        encoder: Built Keras model from data `(batch, ...)` to latents `(batch, ...)`.
        decoder: Built Keras model from latents to data, in the data's range.
        **kwargs: `seed`, `name`, `dtype` as in `GenerativeModel`.
    """

    no_samples = (
        "cannot draw samples: nothing says how its latents are distributed. Use VAE, "
        "which learns latents from N(0, I)."
    )

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

    def _made_of(self, x, training=False):
        latents = self.encoder(x, training=training)
        return ops.cast(self.decoder(latents, training=training), "float32")

    def _squared_error(self, made, data):
        """Returns the mean over the values of each example, `(batch,)`."""
        return ops.mean(ops.square(flat_events(data) - flat_events(made)), axis=1)

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

    def get_config(self):
        config = super().get_config()
        del config["num_classes"]
        return {
            **config,
            "encoder": keras.saving.serialize_keras_object(self.encoder),
            "decoder": keras.saving.serialize_keras_object(self.decoder),
        }
