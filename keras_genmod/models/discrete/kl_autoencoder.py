"""KL-autoencoder: a grid of real latents for latent diffusion.

Rombach, Blattmann, Lorenz, Esser and Ommer, High-resolution image synthesis with latent
diffusion models, 2022, arXiv:2112.10752, appendix G.

Departures: reconstruction errors have no learned scale, and are means over an image's
values; the KL is divided by their number, which leaves its weight what the authors'
code, of sums, has it. The discriminator has its own optimizer and takes its step after
the autoencoder, on the images of that step.
"""

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_genmod import checks
from keras_genmod.distributions import StandardNormal
from keras_genmod.distributions.distribution import sum_over_events
from keras_genmod.engine import Seeds, call_network, compiled
from keras_genmod.layers import GaussianSampling
from keras_genmod.losses import PerceptualLoss
from keras_genmod.models.adjustable import Adjustable
from keras_genmod.models.autoencoders.latent_flows import check_networks, latent_shape
from keras_genmod.models.autoencoders.posterior import Posterior, normal_heads
from keras_genmod.models.discrete.adversarial_codec import AdversarialCodec


@keras.saving.register_keras_serializable("keras_genmod")
class KLAutoencoder(AdversarialCodec):
    """Encodes images to real latents, by L1, perceptual and adversarial losses.

    The losses are those of `VQGAN`, with a slight KL in place of the quantizer's:

    cost = kl_weight KL(q(z | x), N(0, I)) / number of an image's values

    for q(z | x) = N(mean(x), diag(exp(log_var(x)))), of which one z is decoded. It
    keeps latents from drifting far off, and is far too little to make them N(0, I):
    `sample` draws from that all the same, since nothing says otherwise, and its
    pictures are poor. `TwoStage(model, prior)` with a `DiffusionModel` learns what they
    are: latent diffusion. There is no likelihood.

    Args:
        encoder: Built Keras model from images `(height, width, channels)` in [0, 1] to
            a map of features, of the latents' height and width.
        decoder: Built Functional or Sequential Keras model from latents to images in
            [0, 1].
        discriminator: Built Keras model from images to logits of any shape, such as
            those of patches; without batch normalization.
        latent_dim: Shape of the latents, `(height, width, channels)`, or an int for
            flat ones.
        perceptual: `keras_genmod.losses.PerceptualLoss` of images of these channels, or
            `None`.
        kl_weight: Number of at least 0; callbacks may set it.
        perceptual_weight: Number of at least 0; callbacks may set it.
        adversarial_weight: Number of at least 0; callbacks may set it.
        discriminator_start: Int of at least 0, steps before the discriminator takes
            part; 50,000 in the authors' code.
        **kwargs: `seed`, `name`, `dtype` as in `GenerativeModel`.

    Raises:
        ValueError: If a network is not built, or an argument does not fit the others.

    References:
        - Rombach et al., 2022, arXiv:2112.10752.
        - Esser, Rombach and Ommer, 2021, arXiv:2012.09841 (the losses).

    Note:
        `compile()` trains with `Adam(1e-4, beta_1=0.5, beta_2=0.9)`; the authors' rate
        is 4.5e-6 times the batch size.

    Example:
    ```python
    model = KLAutoencoder(
        networks.grid_encoder((32, 32, 3), 64),
        networks.grid_decoder((8, 8, 4), 3, output_activation="sigmoid"),
        networks.patchgan_discriminator((32, 32, 3), num_layers=2),
        latent_dim=(8, 8, 4),
        discriminator_start=2_000,
    )
    model.compile()
    model.fit(images, epochs=20, batch_size=64)
    latents = model.encode(images)
    ```
    """

    kl_weight = Adjustable(checks.non_negative)

    def __init__(
        self,
        encoder: keras.Model,
        decoder: keras.Model,
        discriminator: keras.Model,
        latent_dim: int | Sequence[int],
        perceptual: PerceptualLoss | None = None,
        kl_weight: float = 1e-6,
        perceptual_weight: float = 1.0,
        adversarial_weight: float = 0.5,
        discriminator_start: int = 50_000,
        **kwargs: Any,
    ) -> None:
        shape = latent_shape(latent_dim)
        _, features = check_networks(encoder, decoder, shape, None)
        super().__init__(
            encoder,
            decoder,
            discriminator,
            perceptual,
            perceptual_weight,
            adversarial_weight,
            discriminator_start,
            "kl",
            **kwargs,
        )
        self.latent_shape = shape
        self.latent_dim = shape[0] if len(shape) == 1 else shape
        self.kl_weight = kl_weight
        self.mean_head, self.log_var_head = normal_heads(shape[-1], features)
        self.sampling = GaussianSampling(self.seed)
        self.prior = StandardNormal(shape)
        self.finish_construction()

    def _own_networks(self) -> list[Any]:
        return [self.mean_head, self.log_var_head]

    def call(self, inputs, training=False):
        """Returns the reconstructions, of the latents' means."""
        x, _ = self.data_and_condition(inputs)
        mean = self.mean_head(self.encoder(x, training=training))
        return self._decoded(mean, training)

    def _narrow(self, x, training):
        features = call_network(self.encoder, x, training)
        mean, log_var = self.mean_head(features), self.log_var_head(features)
        kl = ops.mean(sum_over_events(Posterior(mean, log_var).kl_to_standard_normal()))
        weight = ops.convert_to_tensor(self.kl_weight) / math.prod(self.data_shape)
        return self.sampling((mean, log_var)), kl, weight

    def encode(self, x: Any) -> Any:
        """Returns the means of the latents of images, `(batch, *latent_shape)`."""
        self.check_examples(x)
        return self._encode(x)

    @compiled()
    def _encode(self, x):
        features = self.encoder(ops.cast(x, "float32"), training=False)
        return self.mean_head(features)

    def decode(self, z: Any) -> Any:
        """Returns the images `(batch, *data_shape)` of latents."""
        checks.shape("z", z, self.latent_shape)
        return self._decode(z)

    @compiled()
    def _decode(self, z):
        return self._decoded(ops.cast(z, "float32"))

    def reconstruct(self, x: Any) -> Any:
        """Returns `decode(encode(x))`, of the shape of `x`."""
        return self.decode(self.encode(x))

    @compiled()
    def _sample(self, state, condition, *, num_samples):
        return self._decoded(self.prior.sample(num_samples, Seeds(state)))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "latent_dim": self.latent_dim,
            "kl_weight": float(self.kl_weight),
        }
