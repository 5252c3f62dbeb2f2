"""VQ-VAE: an autoencoder whose latents are a grid of discrete codes."""

from typing import Any

import keras
from keras import ops

from keras_genmod.layers.quantizer import Quantizer
from keras_genmod.models.discrete.code_usage import CodeUsage
from keras_genmod.models.discrete.coded_likelihood import CodedLikelihood
from keras_genmod.models.discrete.output_likelihood import OutputLikelihood
from keras_genmod.models.discrete.quantized_features import QuantizedFeatures, grid_of


@keras.saving.register_keras_serializable("keras_genmod")
class VQVAE(CodedLikelihood, QuantizedFeatures):
    """Encodes to a grid of codes, and decodes their vectors.

    With k(x) the codes of encoder(x), z_q their vectors and N their number,

    loss = -log p(x | z_q) + quantizer's loss,  log p(x) >= log p(x | z_q) - N log K

    since p(x) = sum_k p(k) p(x | k) with the uniform prior p(k) = K^-N holds k = k(x)
    as one term. The uniform prior is what training assumes, and what `sample` draws
    from: its pictures are noise with local structure. `TwoStage(model, prior)` learns
    the codes' prior, samples from it and puts it in the bound.

    Training reports `code_usage`, the share of codes that came in the epoch so far, and
    the `perplexity` of their frequencies over it. `fit` ignores labels.

    Args:
        encoder: Built Keras model from data to features `(*grid, quantizer.input_dim)`.
        quantizer: `keras_genmod.layers.VectorQuantizer`, `FiniteScalarQuantizer` or
            `GumbelQuantizer`.
        decoder: Built Keras model from vectors `(*grid, quantizer.code_dim)` to
            parameters of the likelihood: logits or means of the data's shape, or those
            of the mixtures in the data's place.
        likelihood: "bernoulli" for data in [0, 1] (a probability if they are binary),
            "normal" for real data, with one learned variance for all values, or
            "logistic_mixture" for images of the values k / (num_levels - 1), as in
            PixelCNN++: exact probabilities, and so bits per dimension.
        num_levels: Int of at least 2, of "logistic_mixture".
        **kwargs: `seed`, `name`, `dtype` as in `GenerativeModel`.

    Raises:
        ValueError: If a network is not built, or an argument does not fit the others.

    References:
        - van den Oord, Vinyals and Kavukcuoglu, Neural discrete representation
          learning, 2017, arXiv:1711.00937.
        - Mentzer et al., Finite scalar quantization, 2023, arXiv:2309.15505.
        - Rybkin, Daniilidis and Levine, Simple and effective VAE training with
          calibrated decoders, 2021, arXiv:2006.13202 (the learned variance).

    Example:
    ```python
    model = VQVAE(
        networks.grid_encoder((28, 28, 1), 64),
        layers.VectorQuantizer(512, 64),
        networks.grid_decoder((7, 7, 64), 1),
    )
    model.compile(keras.optimizers.Adam(2e-4))
    model.fit(x, epochs=20, batch_size=128)
    codes = model.encode(x)  # (batch, 7, 7), int32
    images = model.decode(codes)
    ```
    """

    def __init__(
        self,
        encoder: keras.Model,
        quantizer: Quantizer,
        decoder: keras.Model,
        likelihood: str = "bernoulli",
        num_levels: int = 256,
        **kwargs: Any,
    ) -> None:
        data_shape, grid = grid_of(encoder, quantizer)
        output = OutputLikelihood(likelihood, num_levels, data_shape)
        output.check_decoder(decoder, (*grid, quantizer.code_dim))
        super().__init__(data_shape=data_shape, **kwargs)
        self.encoder, self.quantizer, self.decoder = encoder, quantizer, decoder
        self._begin_likelihood(output, num_levels)
        self.grid = grid
        self.num_codes = quantizer.num_codes
        self.usage = CodeUsage(self.num_codes)
        self.finish_construction()

    def _decode_vectors(self, vectors, training=False):
        return ops.cast(self.decoder(vectors, training=training), "float32")

    def _track_usage(self, codes):
        self.usage.update_state(codes)

    def get_config(self):
        return {
            **super().get_config(),
            "encoder": keras.saving.serialize_keras_object(self.encoder),
            "quantizer": keras.saving.serialize_keras_object(self.quantizer),
            "decoder": keras.saving.serialize_keras_object(self.decoder),
        }
