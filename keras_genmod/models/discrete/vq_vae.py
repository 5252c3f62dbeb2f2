"""VQ-VAE: an autoencoder whose latents are a grid of discrete codes."""

import math
from typing import Any

import keras
from keras import ops

from keras_genmod.engine import compiled
from keras_genmod.layers.quantizer import Quantizer
from keras_genmod.models.discrete.code_usage import CodeUsage
from keras_genmod.models.discrete.coded import Coded, grid_of
from keras_genmod.models.discrete.output_likelihood import OutputLikelihood


@keras.saving.register_keras_serializable("keras_genmod")
class VQVAE(Coded):
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

    likelihood_kind = "lower_bound"

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
        self.likelihood, self._given_levels = likelihood, num_levels
        self._output = output
        self.num_levels = output.num_levels
        self.grid = grid
        self.num_codes = quantizer.num_codes
        self.output_log_var = None
        if likelihood == "normal":
            self.output_log_var = self.add_weight(
                (), "zeros", "float32", autocast=False, name="output_log_var"
            )
        self.reconstruction_tracker = keras.metrics.Mean(name="reconstruction")
        self.quantization_tracker = keras.metrics.Mean(name="quantization")
        self.usage = CodeUsage(self.num_codes)
        self.finish_construction()

    @property
    def log_uniform_prior(self) -> float:
        """The log-probability of any codes under the uniform prior, -N log K nats."""
        return -math.prod(self.grid) * math.log(self.num_codes)

    def call(self, inputs, training=False):
        x, _ = self.data_and_condition(inputs)
        features = self.encoder(x, training=training)
        found = self.quantizer(features, training=training)
        output = self._decode_vectors(found["quantized"], training)
        return {"output": output, "codes": found["codes"], "loss": found["loss"]}

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        data, _ = self.data_and_condition(x)
        reconstruction = -self._log_likelihood(y_pred["output"], data)
        self.reconstruction_tracker.update_state(reconstruction, sample_weight)
        self.quantization_tracker.update_state(y_pred["loss"], sample_weight)
        self.usage.update_state(y_pred["codes"])
        return self.mean_loss(reconstruction + y_pred["loss"], sample_weight)

    def _decode_vectors(self, vectors, training=False):
        return ops.cast(self.decoder(vectors, training=training), "float32")

    def _log_var(self):
        variable = self.output_log_var
        return None if variable is None else ops.convert_to_tensor(variable)

    def _log_likelihood(self, output, data):
        return self._output.log_prob(output, data, self._log_var())

    def _images_of(self, vectors):
        output = self._decode_vectors(vectors)
        return self._output.distribution(output, self._log_var()).mean()

    def log_prob(self, x: Any, condition: Any = None, batch_size: int = 128) -> Any:
        """Returns a lower bound on log p(x) in nats, shape `(batch,)`.

        log p(x | k(x)) - N log K: under a uniform prior over the codes.

        Args:
            x: Data of shape `(batch, *data_shape)`.
            condition: `None`: a VQVAE has no conditions.
            batch_size: Positive int, examples at a time.

        Raises:
            ValueError: If an argument is out of range.
        """
        return self._in_batches(self._log_prob, x, condition, batch_size)

    @compiled()
    def _log_prob(self, state, x, condition):
        del state, condition  # Nothing is drawn, nothing given.
        data = ops.cast(x, "float32")
        output = self._decode_vectors(self.quantizer.lookup(self._codes(data)))
        return self._log_likelihood(output, data) + self.log_uniform_prior

    def likelihood_protocol(self) -> dict[str, Any]:
        """Returns what a ledger names beside the data: the prior over codes."""
        return {"prior": "uniform", "num_codes": self.num_codes}

    def check_examples(self, x: Any) -> None:
        super().check_examples(x)
        self._output.check_examples(x)

    def get_config(self):
        config = super().get_config()
        del config["num_classes"]
        return {
            **config,
            "encoder": keras.saving.serialize_keras_object(self.encoder),
            "quantizer": keras.saving.serialize_keras_object(self.quantizer),
            "decoder": keras.saving.serialize_keras_object(self.decoder),
            "likelihood": self.likelihood,
            "num_levels": self._given_levels,
        }
