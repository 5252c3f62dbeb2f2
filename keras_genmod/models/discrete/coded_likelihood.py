"""Autoencoders to codes with a likelihood: their loss, and the bound on log p(x)."""

import math
from typing import Any

import keras
from keras import ops

from keras_genmod.engine import compiled
from keras_genmod.models.discrete.coded import Coded
from keras_genmod.models.discrete.output_likelihood import OutputLikelihood


class CodedLikelihood(Coded):
    """The part of an autoencoder to codes whose decoder gives a likelihood.

    loss = -log p(x | z_q) + quantizer's loss. A subclass calls `_begin_likelihood` in
    its construction, and gives `_decode_vectors` and `_track_usage`.
    """

    likelihood_kind = "lower_bound"

    def _begin_likelihood(self, output: OutputLikelihood, num_levels: int) -> None:
        self.likelihood, self._given_levels = output.kind, num_levels
        self._output = output
        self.num_levels = output.num_levels
        self.output_log_var = None
        if output.kind == "normal":
            self.output_log_var = self.add_weight(
                (), "zeros", "float32", autocast=False, name="output_log_var"
            )
        self.reconstruction_tracker = keras.metrics.Mean(name="reconstruction")
        self.quantization_tracker = keras.metrics.Mean(name="quantization")

    def _decode_vectors(self, vectors, training=False):
        """Returns the parameters of the likelihood, float32."""
        raise NotImplementedError

    def _track_usage(self, codes):
        """Counts codes `(batch, *grid)`."""
        raise NotImplementedError

    @property
    def log_uniform_prior(self) -> float:
        """The log-probability of any codes under the uniform prior, -N log K nats."""
        return -math.prod(self.grid) * math.log(self.num_codes)

    def call(self, inputs, training=False):
        x, _ = self.data_and_condition(inputs)
        found = self._quantized(x, training)
        output = self._decode_vectors(found["quantized"], training)
        return {"output": output, "codes": found["codes"], "loss": found["loss"]}

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        data, _ = self.data_and_condition(x)
        reconstruction = -self._log_likelihood(y_pred["output"], data)
        self.reconstruction_tracker.update_state(reconstruction, sample_weight)
        self.quantization_tracker.update_state(y_pred["loss"], sample_weight)
        self._track_usage(y_pred["codes"])
        return self.mean_loss(reconstruction + y_pred["loss"], sample_weight)

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
            condition: `None`: there are no conditions.
            batch_size: Positive int, examples at a time.

        Raises:
            ValueError: If an argument is out of range.
        """
        return self._in_batches(self._log_prob, x, condition, batch_size)

    @compiled()
    def _log_prob(self, state, x, condition):
        del state, condition  # Nothing is drawn, nothing given.
        data = ops.cast(x, "float32")
        output = self._decode_vectors(self._lookup(self._codes(data)))
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
            "likelihood": self.likelihood,
            "num_levels": self._given_levels,
        }
